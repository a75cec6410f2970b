"""The command line of conversions: sentences, exit codes, and what is left on the disk."""

import importlib.util
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from tiny_recipe import ROOT

from cocodiff_mm.datasets.store import SkeletonStore

sys.path.append(str(Path(__file__).parents[1] / 'datasets' / 'converters'))
from tiny_source import Running, contents, wait_for_clips  # noqa: E402

TOOL = ROOT / 'tools' / 'data' / 'convert.py'
spec = importlib.util.spec_from_file_location('convert_tool', TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


@pytest.fixture
def run(capsys):
    """Exit code, stdout and the last line of stderr of a command."""
    def call(*arguments):
        code = tool.main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err.strip().rpartition('\n')[2]
    return call


def write_nwucla(folder, clips=30, frames=5):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(clips):
        name = f'a01_s{1 + i % 10:02d}_e{i:02d}_v{1 + i % 3:02d}'
        skeletons = rng.normal(size=(frames, 20, 3)).round(5).tolist()
        (folder / f'{name}.json').write_text(json.dumps(
            dict(file_name=name, skeletons=skeletons, label=1)))
    return folder


@pytest.fixture
def all_sqe(tmp_path):
    return write_nwucla(tmp_path / 'all_sqe')


def test_a_program_of_its_own(all_sqe, tmp_path):
    command = [sys.executable, str(TOOL), 'nwucla', 'all_sqe', '--to', 'data/nwucla']
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert 'nwucla: 30 clips, 150 frames' in done.stdout and 'Bad clips: none' in done.stdout
    assert 'xview_train               20' in done.stdout and 'per second' in done.stdout
    assert 'clips: 30/30  eta: 0:00:00' in done.stderr
    store = SkeletonStore(tmp_path / 'data' / 'nwucla')
    store.verify()
    assert len(store.split('xview_val')) == 10
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert again.returncode == 1 and 'Traceback' not in again.stderr
    assert again.stderr == ('data/nwucla is a store already; choose another name, or replace it '
                            'with --overwrite\n')


def test_bad_files_and_how_to_tolerate_them(all_sqe, tmp_path, run):
    first = sorted(all_sqe.iterdir())[0]
    first.write_text('{"file_name": "cut sho')
    command = 'nwucla', all_sqe, '--to', tmp_path / 'store', '--processes', 2
    code, _, sentence = run(*command)
    assert code == 1 and not (tmp_path / 'store').exists()
    assert '1 of 30 clips can not be used and 0 are tolerated' in sentence
    assert f'{first} is not whole JSON' in (tmp_path / 'store.report.txt').read_text()
    code, shown, _ = run(*command, '--tolerate', 1)
    assert code == 0 and f'Bad clips: 1\n  {first}' in shown
    assert '29 more were there from an interrupted run' in shown
    assert len(SkeletonStore(tmp_path / 'store')) == 29


def test_only_a_complete_conversion_replaces_a_store(all_sqe, tmp_path, run):
    command = 'nwucla', all_sqe, '--to', tmp_path / 'store'
    assert run(*command)[0] == 0
    before = contents(tmp_path / 'store')
    for file in sorted(all_sqe.iterdir())[:3]:
        file.write_text('[]')
    assert run(*command)[0] == 1
    assert run(*command, '--overwrite')[0] == 1
    assert contents(tmp_path / 'store') == before
    assert run(*command, '--overwrite', '--tolerate', 3)[0] == 0
    assert len(SkeletonStore(tmp_path / 'store')) == 27


def test_places_where_no_store_can_be(all_sqe, tmp_path, run):
    assert run('nwucla', all_sqe, '--to', '.') == (
        1, '', "'.' can not become a store; give it a folder of its own, e.g. data/ntu60")
    (tmp_path / 'file').touch()
    code, _, sentence = run('nwucla', all_sqe, '--to', tmp_path / 'file' / 'store')
    assert code == 1 and 'can not be made; choose another place' in sentence
    assert 'Errno' not in sentence and 'once the disk takes more' not in sentence


def test_a_file_that_changed_is_told(all_sqe, tmp_path, run):
    files = sorted(all_sqe.iterdir())
    content = files[3].read_bytes()
    files[3].write_text('[]')
    assert run('nwucla', all_sqe, '--to', tmp_path / 'store')[0] == 1
    files[3].write_bytes(content)
    os.utime(files[20], (5, 5))
    code, shown, _ = run('nwucla', all_sqe, '--to', tmp_path / 'store')
    assert code == 0 and '19 more were there from an interrupted run; 10 others' in shown


@pytest.fixture
def stuck(all_sqe):
    """A file that nobody can finish reading, until it is put back."""
    file = sorted(all_sqe.iterdir())[20]
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    return lambda: (file.unlink(), file.write_bytes(content))


@pytest.mark.parametrize('processes', [1, 2])
def test_killed_and_given_again(all_sqe, stuck, tmp_path, run, processes):
    command = 'nwucla', all_sqe, '--to', tmp_path / 'store', '--processes', processes
    running = Running(tool.main, [str(argument) for argument in command])
    wait_for_clips(tmp_path / 'store', 18)
    running.signal(signal.SIGKILL)
    assert running.join() == -signal.SIGKILL and not (tmp_path / 'store').exists()
    stuck()
    code, shown, _ = run(*command)
    assert code == 0 and 'more were there from an interrupted run' in shown
    assert run('nwucla', all_sqe, '--to', tmp_path / 'whole')[0] == 0
    assert contents(tmp_path / 'store') == contents(tmp_path / 'whole')


def interrupted(arguments, message):
    # Tests that run in the background of a shell inherit that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stderr = message.open('w')
    code = tool.main(arguments)
    sys.stderr.close()
    os._exit(code)


@pytest.mark.parametrize('processes', [1, 2])
def test_ctrl_c_is_a_sentence(all_sqe, stuck, tmp_path, processes):
    command = ['nwucla', str(all_sqe), '--to', str(tmp_path / 'store'), '--processes',
               str(processes)]
    running = Running(interrupted, command, tmp_path / 'message')
    wait_for_clips(tmp_path / 'store', 18)
    running.signal(signal.SIGINT, group=True)
    assert running.join() == 1
    assert (tmp_path / 'message').read_text() == (
        'interrupted; the same command goes on where it stopped\n')


def test_a_pickle_with_options(tmp_path, run):
    rng = np.random.default_rng(0)
    annotations = [dict(frame_dir=f'v{i}', label=i, total_frames=3,
                        keypoint=rng.normal(size=(1, 3, 25, 3))) for i in range(2)]
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(
        dict(split=dict(train=['v0'], val=['v1']), annotations=annotations)))
    (tmp_path / 'names.txt').write_text('sit\nstand\n')
    code, shown, _ = run('pyskl', tmp_path / 'a.pkl', '--to', tmp_path / 'store', '--classes',
                         tmp_path / 'names.txt', '--pre-normalize', '--dtype', 'float16')
    store = SkeletonStore(tmp_path / 'store')
    assert code == 0 and 'layout nturgb+d by its 25 joints' in shown
    assert store.classes == ['sit', 'stand'] and store.meta['options'] == dict(pre_normalized=True)
    assert store.keypoint(0).dtype == np.float16 and not store.keypoint(0)[0, 0, 1].any()


def test_arrays_of_ctrgcn(tmp_path, run):
    x = np.zeros((2, 4, 150), np.float32)
    x[:, :3, :75] = 1
    np.savez(tmp_path / 'own.npz', x_train=x, y_train=np.eye(60)[:2], x_test=x,
             y_test=np.eye(60)[:2])
    command = 'ctrgcn-npz', tmp_path / 'own.npz', '--to', tmp_path / 'store'
    code, _, sentence = run(*command)
    assert code == 1 and 'give --protocol xsub, xview or xset' in sentence
    assert run(*command, '--protocol', 'xview')[0] == 0
    assert SkeletonStore(tmp_path / 'store').split_names == ['xview_train', 'xview_val']


def test_own_clips(tmp_path, run):
    layout = dict(joints=['a', 'b'], bones=[['b', 'a']], center='a')
    (tmp_path / 'stick.json').write_text(json.dumps(layout))
    rows = ['path,label']
    for i in range(10):
        folder = tmp_path / 'clips' / ('run', 'walk')[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f'{i}.npy', np.full((3, 2, 2), i + 1.0))
        rows.append(f'clips/{folder.name}/{i}.npy,{folder.name}')
    (tmp_path / 'table.csv').write_text('\n'.join(rows))
    common = ('--layout', tmp_path / 'stick.json', '--coordinates', 'u', 'v', '--val-fraction',
              0.4)
    for verb, place in (('clips', 'clips'), ('table', 'table.csv')):
        assert run(verb, tmp_path / place, '--to', tmp_path / 'data' / verb, *common)[0] == 0
        store = SkeletonStore(tmp_path / 'data' / verb)
        assert store.classes == ['run', 'walk'] and len(store) == 10
        assert [len(store.split(split)) for split in ('train', 'val')] == [6, 4]
        assert store.meta['coordinates'] == ['u', 'v']


def recording(frames, seed):
    """Text of a .skeleton file of one body."""
    rng = np.random.default_rng(seed)
    lines = [str(frames)]
    for _ in range(frames):
        lines += ['1', '72057594037931101 0 1 1 1 1 0 0.1 0.2 2', '25']
        lines += [f'{x:.7f} {y:.7f} {z:.7f} 1 2 3 4 5 6 7 8 2' for x, y, z in rng.random((25, 3))]
    return '\n'.join(lines) + '\n'


def test_ntu(tmp_path, run):
    names = ['S001C001P001R001A001', 'S001C002P003R002A060']
    for i, name in enumerate(names):
        folder = tmp_path / f'part_{i}'
        folder.mkdir()
        (folder / f'{name}.skeleton').write_text(recording(13, i))
    (folder / 'S001C001P001R001A002.skeleton').write_text(recording(13, 5)[:5000])
    command = ('ntu', tmp_path / 'part_0', tmp_path / 'part_1', '--set', 'ntu60', '--to',
               tmp_path / 'store')
    assert run(*command)[0] == 1
    code, shown, _ = run(*command, '--tolerate', 1)
    assert code == 0 and 'xsub_train                 1  published: 40091' in shown
    store = SkeletonStore(tmp_path / 'store')
    assert store.names() == names and [store.clips[i]['label'] for i in (0, 1)] == [0, 59]
    assert store.keypoint(0).shape == (1, 13, 25, 3)


def test_sbu_and_utd_mhad(tmp_path, run):
    file = tmp_path / 'sbu' / 's01s02' / '05' / '001' / 'skeleton_pos.txt'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(','.join(map(str, [i, *np.linspace(0, 1, 90)])) for i in (1, 2)))
    (tmp_path / 'utd').mkdir()
    savemat(tmp_path / 'utd' / 'a5_s2_t1_skeleton.mat', dict(d_skel=np.ones((20, 3, 2))))
    for verb, folder, shape in (('sbu', 'sbu', (2, 2, 15, 3)), ('utd-mhad', 'utd', (1, 2, 20, 3))):
        assert run(verb, tmp_path / folder, '--to', tmp_path / verb / 'store')[0] == 0
        store = SkeletonStore(tmp_path / verb / 'store')
        assert store.keypoint(0).shape == shape and store.clips[0]['label'] == 4


def test_kinetics(tmp_path, run):
    frame = dict(frame_index=1, skeleton=[dict(pose=[0.5] * 36, score=[0.9] * 18)])
    for part in ('train', 'val'):
        folder = tmp_path / 'k' / f'kinetics_{part}'
        folder.mkdir(parents=True)
        entry = dict(has_skeleton=True, label='abseiling', label_index=0)
        (tmp_path / 'k' / f'kinetics_{part}_label.json').write_text(json.dumps({part: entry}))
        (folder / f'{part}.json').write_text(json.dumps(
            dict(data=[frame], label='abseiling', label_index=0)))
    assert run('kinetics-stgcn', tmp_path / 'k', '--to', tmp_path / 'store')[0] == 0
    store = SkeletonStore(tmp_path / 'store')
    assert store.names() == ['train', 'val'] and store.score(0).shape == (1, 1, 18)


@pytest.mark.parametrize('arguments, sentence', [
    (('nwucla', 'nothing'), "no such folder: 'nothing'"),
    (('sbu', 'nothing'), "no such folder: 'nothing'"),
    (('utd-mhad', 'nothing'), "no such folder: 'nothing'"),
    (('kinetics-stgcn', 'nothing'), 'no such file or folder'),
    (('kinetics-hrnet', 'nothing', 'none'), 'no such file or folder'),
    (('pyskl', 'nothing.pkl'), "no such file: 'nothing.pkl'"),
    (('pyskl', 'a.pkl', '--layout', 'dog'), "unknown layout 'dog'"),
    (('pyskl', 'a.pkl', '--set', 'bogus'), "unknown label_set 'bogus'; allowed: "),
    (('pyskl', 'a.pkl', '--classes', 'nothing'), "no such file: 'nothing'"),
    (('ctrgcn-npz', 'NTU60_CS.npz'), "no such file: 'NTU60_CS.npz'"),
    (('clips', 'nothing', '--layout', 'coco'), 'no such folder'),
    (('table', 'nothing', '--layout', 'coco'), 'no such file'),
    (('ntu', 'nothing', '--set', 'ntu60'), 'nothing'),
])
def test_wrong_input_is_a_sentence(tmp_path, monkeypatch, run, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    code, shown, said = run(*arguments, '--to', 'store')
    assert (code, shown) == (1, '') and sentence in said
    assert not (tmp_path / 'store').exists()


@pytest.mark.parametrize('arguments', [
    ('nwucla', 'a'), ('nwucla', 'a', '--to', 'b', '--tolerate', '-1'),
    ('nwucla', 'a', '--to', 'b', '--processes', '0'), ('nwucla', 'a', '--to', 'b', '--dtype', 'x'),
    ('dance', 'a', '--to', 'b'), ()])
def test_wrong_arguments_are_told_by_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        tool.main(list(arguments))
    assert end.value.code == 2 and 'usage: ' in capsys.readouterr().err

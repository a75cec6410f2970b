import os
from pathlib import Path

import numpy as np
import pytest
from broken_files import refuse_or_read

from cocodiff_mm.datasets.clip import check_clip
from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.sbu import SBUSource
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.utils.safe_pickle import load_arrays

REAL = os.environ.get('COCODIFF_REAL_DATA')


def write(folder, name, keypoint, first=55):
    """A file in the published form: frame, then x, y, z of person 1 and person 2, CR LF."""
    path = Path(folder, *name.split('_'), 'skeleton_pos.txt')
    path.parent.mkdir(parents=True)
    rows = keypoint.transpose(1, 0, 2, 3).reshape(keypoint.shape[1], 90)
    path.write_bytes(b''.join(
        f'{first + i},{",".join(f"{x:.9g}" for x in row)}\r\n'.encode()
        for i, row in enumerate(rows)))
    return path


def motion(frames=4, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 1.9, (2, frames, 15, 3)).round(4)


def read_first(folder):
    source = SBUSource(folder)
    return source.read(*source.items()[0])


def test_both_persons_are_read(tmp_path):
    write(tmp_path, 's01s02_03_002', motion())
    clip = read_first(tmp_path)
    np.testing.assert_array_equal(clip.keypoint, motion().astype(np.float32))
    assert (clip.name, clip.label, clip.replication) == ('s01s02_03_002', 2, 2)
    check_clip(clip, SBUSource(tmp_path).info, 15)


def test_folds_part_pairs(tmp_path):
    names = [f'{pair}_01_001' for pair in ('s01s02', 's02s03', 's07s03', 's03s06', 's04s06')]
    for seed, name in enumerate(names):
        write(tmp_path / 'raw' / 'SBU', name, motion(seed=seed))
    report = convert(SBUSource(tmp_path / 'raw'), tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    for number, name in enumerate(names, start=1):
        assert [store.name(i) for i in store.split(f'fold{number}_val')] == [name]
        assert report.splits[f'fold{number}_train'] == 4
    np.testing.assert_array_equal(store.split('xsub_val'), store.split('fold1_val'))
    np.testing.assert_array_equal(store.split('xsub_train'), store.split('fold1_train'))


@pytest.mark.parametrize('name', ['s01s02_09_001', 's01s02_00_001', 's08s09_01_001', 'a_b_c'])
def test_other_names_are_refused(tmp_path, name):
    write(tmp_path, name, motion())
    with pytest.raises(BadClip, match='skeleton_pos.txt: expected one of the 21 pairs'):
        read_first(tmp_path)


@pytest.mark.parametrize('change, message', [
    (lambda lines: lines[1].rsplit(b',', 1)[0] + b'\r\n', 'line 2: 90 numbers, expected 91'),
    (lambda lines: lines[1].replace(b',', b',x', 1), "line 2: could not convert.*'x"),
    (lambda lines: b'55' + lines[1][2:], 'line 2: frame 55 after 55'),
    (lambda lines: lines[1].replace(b'\r\n', b'').rsplit(b',', 1)[0] + b',nan\r\n',
     r'nan in coordinates at \(1, 89\) and 1 places'),
    (lambda lines: b'\xff\xfe', 'not text in UTF-8'),
])
def test_broken_lines_are_named(tmp_path, change, message):
    path = write(tmp_path, 's01s02_03_002', motion())
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = change(lines)
    path.write_bytes(b''.join(lines))
    with pytest.raises(BadClip, match=f'skeleton_pos.txt.*{message}'):
        read_first(tmp_path)


@pytest.mark.parametrize('content', [b'', b'\r\n', b'\xef\xbb\xbf', b'\x00' * 99])
def test_files_without_numbers_are_named(tmp_path, content):
    write(tmp_path, 's01s02_03_002', motion()).write_bytes(content)
    with pytest.raises(BadClip, match='s01s02/03/002/skeleton_pos.txt'):
        read_first(tmp_path)


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.*expected SBU'):
        SBUSource(tmp_path / 'nothing')
    with pytest.raises(FileNotFoundError, match='holds no skeleton_pos.txt'):
        SBUSource(tmp_path).items()


def test_damage_is_refused_or_harmless(tmp_path):
    path = write(tmp_path, 's01s02_03_002', motion())
    source = SBUSource(tmp_path)
    [(name, handle)] = source.items()
    assert refuse_or_read(lambda: source.read(name, handle), source.info, path) > 75


@pytest.mark.skipif(not REAL, reason='COCODIFF_REAL_DATA does not name the folder of recordings')
def test_the_published_set_comes_back(tmp_path):
    """Text files made of the recordings give the recordings, and their folds."""
    data = load_arrays(Path(REAL, 'sbu_interaction.pkl'))
    for annotation in data['annotations']:
        write(tmp_path / 'raw', annotation['frame_dir'], annotation['keypoint'])
    convert(SBUSource(tmp_path / 'raw'), tmp_path / 'store', processes=1)
    store = SkeletonStore(tmp_path / 'store')
    index = {name: i for i, name in enumerate(store.names())}
    assert len(store) == len(data['annotations']) == 282
    for annotation in data['annotations']:
        i = index[annotation['frame_dir']]
        np.testing.assert_array_equal(store.keypoint(i), annotation['keypoint'])
        assert store.clips[i]['label'] == annotation['label']
    assert set(store.split_names) == set(data['split'])
    for split, names in data['split'].items():
        assert {store.name(i) for i in store.split(split)} == set(names), split

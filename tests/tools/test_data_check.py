import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from standing_people import changed, damage, people_store
from tiny_recipe import ROOT

from cocodiff_mm.datasets.inspection import format_findings

TOOL = ROOT / 'tools' / 'data' / 'check.py'
RECIPE = '''
model = dict(
    backbone=dict(graph_cfg=dict(layout='nwucla', mode='spatial'), num_person=1),
    neck=dict(text_bank='nwucla'),
    cls_head=dict(num_classes=10))
def loader(split):
    return dict(dataset=dict(
        type='SkeletonStoreDataset', ann_file='{store}', split=split, label_set='nwucla',
        layout='nwucla', num_coords=3, pipeline=[dict(type='Anything')]))
train_dataloader, val_dataloader = loader('xsub_train'), loader('xsub_val')
test_dataloader = val_dataloader
'''


@pytest.fixture(scope='module')
def tool():
    """The program as a module, so that a test need not start it."""
    spec = importlib.util.spec_from_file_location('data_check_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check(tool):
    """Whether it is ready, the verdict, and the findings, without drawing."""
    def run(target, cfg_options=None, quick=False):
        findings, verdict, _ = tool.examine(target, cfg_options or {}, quick)
        return verdict.ready, verdict.text, format_findings(findings)
    return run


@pytest.fixture
def recipe(tmp_path):
    def write(store):
        path = tmp_path / 'recipe.py'
        path.write_text(RECIPE.replace('{store}', str(store.path)))
        return path
    return write


def test_a_good_store(tool, tmp_path, capsys):
    store, out = people_store(tmp_path / 'mine'), tmp_path / 'out'
    assert tool.main([str(store.path), '--out', str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f'With pictures: {out / "index.html"}',
                          'Ready to train (read the 1 note first).']
    assert lines[-5].startswith("note     texts: no text bank of the data set 'people' is shipped")
    assert sum(line.startswith('OK ') for line in lines) == 12
    assert (out / 'index.html').read_text().count('<tr>') == 13
    assert (out / 'sheet_00.png').read_bytes().startswith(b'\x89PNG')


def test_bad_data_ends_with_1_and_pictures(tool, tmp_path, capsys):
    store, out = people_store(tmp_path / 'store', millimetres), tmp_path / 'out'
    assert tool.main([str(store.path), '--out', str(out), '--quick']) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith('Do not train on this: ')
    assert 'Do not train on this' in (out / 'index.html').read_text()


def test_a_store_of_another_label_set(check, tmp_path):
    ready, verdict, text = check(people_store(tmp_path / 'store', name='ntu60').path)
    assert not ready and "class 0 is 'pick up with one hand' in the store, but 'drink water' in " \
        "label set 'ntu60'" in text and "in text bank 'ntu60'" in text


def in_place(number, function):
    return lambda clips: changed(clips, number, keypoint=function(clips[number].keypoint))


def millimetres(clips):
    return [changed([clip], 0, keypoint=1000 * clip.keypoint)[0] for clip in clips]


@pytest.mark.parametrize('plant, verdict', [
    (lambda clips: changed(clips, 30, keypoint=clips[0].keypoint),
     'xsub: 1 of 20 test clips (5 %) bit-identical to training clips.'),
    (lambda clips: changed(clips, 10, keypoint=clips[3].keypoint),
     'xsub: 2 of 40 clips (5 %) with a copy of another label.'),
    (lambda clips: changed(clips, 30, subject=2),
     'xsub promises different subjects in training and test, but both have subject 2.'),
    (in_place(5, np.zeros_like), 'no pose at all in 1 of 40 clips (2.5 %).'),
    (lambda clips: clips[:3] + clips[4:13] + clips[14:],
     "xsub_train has no clip of 1 class: 'walk around'."),
    (millimetres, "the store says 'metres, y up', but a pose is"),
])
def test_planted_faults(check, tmp_path, plant, verdict):
    ready, line, text = check(people_store(tmp_path / 'store', plant).path)
    assert not ready and line.startswith(f'Do not train on this: {verdict}'), line
    assert 'PROBLEM' in text and '-> ' in text


def test_one_good_protocol_is_enough(check, tmp_path):
    store = people_store(tmp_path / 'store', splits=lambda names: dict(
        a_train=names[:25], a_val=names[20:], b_train=names[:20], b_val=names[20:]))
    ready, verdict, _ = check(store.path)
    assert ready
    assert verdict == ('Ready to train with split b. Do not train with split a: see the problem '
                       'above.')


def test_an_empty_part(check, recipe, tmp_path):
    store = people_store(tmp_path / 'store', splits=lambda names: dict(
        xsub_train=names, xsub_val=[]))
    ready, verdict, _ = check(store.path)
    assert not ready and verdict == 'Do not train on this: xsub_val holds no clip.'
    ready, verdict, _ = check(recipe(store))
    assert not ready
    assert "split 'xsub_val' holds no clip; take one that does (xsub_train), or" in verdict


def test_a_pre_normalized_store(check, recipe, tmp_path):
    store = people_store(tmp_path / 'store', options=dict(pre_normalized=True))
    ready, _, text = check(store.path)
    assert ready and 'note     axes: ' in text
    path = recipe(store)
    ready, verdict, _ = check(path)
    assert not ready and "was put into the body's axes when it was made" in verdict
    path.write_text(path.read_text().replace("'Anything'", "'FastPreNormalize3D'"))
    assert check(path)[0]


def test_nan_and_checksums(check, tmp_path):
    store = people_store(tmp_path / 'store')
    damage(store, 3, np.nan)
    ready, verdict, text = check(store.path)
    assert not ready and 'keypoint.npy changed since' in verdict
    ready, verdict, text = check(store.path, quick=True)
    assert not ready and 'NaN or infinite coordinates in 1 clip' in verdict
    assert '--quick: checksums not compared' in text


def test_damaged_and_missing_stores(check, tmp_path):
    store = people_store(tmp_path / 'store')
    os.truncate(store.path / 'clips.npy', 300)
    ready, verdict, _ = check(store.path)
    assert not ready and 'clips.npy' in verdict and 'convert or copy the store again' in verdict
    ready, verdict, _ = check(tmp_path / 'nothing')
    assert not ready and 'tools/data/convert.py' in verdict


def test_a_recipe_that_fits(check, recipe, tmp_path):
    ready, verdict, text = check(recipe(people_store(tmp_path / 'store')))
    assert (ready, verdict) == (True, 'Ready to train.')
    assert "the same in" in text and "text bank 'nwucla', the head" in text
    assert 'as the recipe expects' in text and 'train/test: xsub 20/20' in text


@pytest.mark.parametrize('key, value, words', [
    ('model.cls_head.num_classes', 60, 'the head has 60 classes'),
    ('model.neck.text_bank', 'sbu', "class 0 is 'pick up with one hand' in"),
    ('model.neck.text_bank', 'nothing', "no text bank named 'nothing'"),
    ('train_dataloader.dataset.label_set', 'sbu', "but 'approaching' in label set 'sbu'"),
    ('train_dataloader.dataset.split', 'xset_train', "no split 'xset_train'"),
    ('train_dataloader.dataset.split', 'xsub_val', 'shares 20 of 20 clips'),
    ('model.backbone.graph_cfg.layout', 'utd_mhad', "graph_cfg.layout is 'utd_mhad'"),
    ('train_dataloader.dataset.layout', 'nturgb+d',
     "expected 3 coordinates of 25 joints ('nturgb+d'), got 3 of 20 ('nwucla') in"),
    ('train_dataloader.dataset.num_coords', 2, 'expected 2 coordinates of 20 joints'),
    ('train_dataloader.dataset.ann_file', 'elsewhere', "'elsewhere'"),
    ('train_dataloader.dataset.type', 'PoseDataset', 'is read by PoseDataset'),
])
def test_a_recipe_that_does_not_fit(check, recipe, tmp_path, key, value, words):
    path = recipe(people_store(tmp_path / 'store'))
    ready, verdict, text = check(path, {key: value}, quick=True)
    assert not ready and verdict.startswith('Do not train on this: ') and words in verdict, verdict


def test_a_flat_store_under_a_recipe_for_space(check, recipe, tmp_path):
    store = people_store(
        tmp_path / 'flat', lambda clips: [changed([c], 0, keypoint=c.keypoint[:, :, :17, :2])[0]
                                          for c in clips],
        layout='coco', coordinates=('x', 'y'), units='normalised')
    ready, verdict, text = check(recipe(store))
    assert not ready
    assert verdict.startswith("Do not train on this: expected 3 coordinates of 20 joints "
                              f"('nwucla'), got 2 of 17 ('coco') in {store.path}")
    assert 'use a store of the expected kind' in text


def test_more_people_than_the_recipe_takes(check, recipe, tmp_path):
    ready, verdict, text = check(recipe(people_store(
        tmp_path / 'store', in_place(3, lambda clip: np.concatenate([clip, clip + 1])))))
    assert ready and 'the recipe takes the first 1' in text


def test_generated_data_has_nothing_to_check(check):
    ready, verdict, text = check(ROOT / 'configs' / 'ctrgcn_demo.py')
    assert ready and 'SyntheticSkeletonDataset makes its clips itself' in text


def test_classes_that_the_neck_does_not_use(check, recipe, tmp_path):
    path = recipe(people_store(tmp_path / 'store'))
    path.write_text(path.read_text() + "model['neck']['classes'] = ['carry', 'throw']\n")
    ready, verdict, _ = check(path)
    assert not ready and "class 0 is 'pick up with one hand' in" in verdict
    assert "but 'carry' in text bank 'nwucla'" in verdict


def test_the_program(tmp_path):
    people_store(tmp_path / 'mine')
    result = subprocess.run([sys.executable, str(TOOL), 'mine'], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith('Ready to train')
    assert 'clips: 40/40' in result.stderr and 'Traceback' not in result.stderr
    assert Path(tmp_path, 'work_dirs', 'check', 'mine', 'index.html').is_file()


def test_wrong_arguments(tool, tmp_path, capsys):
    assert tool.main([str(tmp_path / 'nothing.py')]) == 1
    assert capsys.readouterr().err.startswith('no such config: ')
    out = tmp_path / 'out'
    assert tool.main([str(tmp_path / 'nothing'), '--out', str(out)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith('Do not train') and not out.exists()
    with pytest.raises(SystemExit) as end:
        tool.main(['store', '--cfg-options', 'split=xsub'])
    assert end.value.code == 2 and '--cfg-options goes with a config' in capsys.readouterr().err

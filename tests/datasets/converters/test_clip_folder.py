import json

import numpy as np
import pytest

from cocodiff_mm.datasets.converters.clip_folder import ClipFolderSource
from cocodiff_mm.datasets.converters.clip_form import ClipForm
from cocodiff_mm.datasets.converters.convert import TooManyBadClips, convert
from cocodiff_mm.datasets.converters.source import ClipKey
from cocodiff_mm.datasets.store import SkeletonStore


def motion(seed=0, frames=3):
    return np.random.default_rng(seed).normal(size=(frames, 15, 3)).astype(np.float32)


def write(folder, *names, values=None):
    for i, name in enumerate(names):
        path = folder / f'{name}.npy'
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, motion(i) if values is None else values)
    return folder


def members(store):
    return {split: [store.name(i) for i in store.split(split)] for split in store.split_names}


def converted(source, tmp_path, **options):
    report = convert(source, tmp_path / 'store', processes=1, **options)
    return SkeletonStore(tmp_path / 'store'), report


def test_folders_are_classes(tmp_path):
    names = [f'{label}/{i}' for label in ('clap', 'wave') for i in range(5)]
    write(tmp_path / 'own', *names, 'wave/anna/again')
    store, report = converted(ClipFolderSource(tmp_path / 'own', ClipForm('sbu')), tmp_path)
    assert store.classes == ['clap', 'wave'] and store.meta['name'] == 'own'
    assert sorted(store.names()) == sorted([*names, 'wave/anna/again'])
    assert [store.classes[label] for label in store.clips['label']] == [
        name.split('/')[0] for name in store.names()]
    np.testing.assert_array_equal(store.keypoint(store.names().index('clap/2'))[0], motion(2))
    assert report.splits == dict(train=9, val=2)
    assert store.meta['options'] == dict(
        joints=list(ClipForm('sbu').joints), split=dict(by='random', val_fraction=0.2, seed=0))


def test_folders_may_be_splits(tmp_path):
    names = ['train/wave/1', 'train/clap/1', 'val/wave/1', 'test/sit/7']
    write(tmp_path / 'own', *names)
    store, _ = converted(ClipFolderSource(tmp_path / 'own', ClipForm('sbu')), tmp_path)
    assert store.classes == ['clap', 'sit', 'wave']
    assert members(store) == dict(train=['train/clap/1', 'train/wave/1'], val=['val/wave/1'],
                                  test=['test/sit/7'])


def test_a_list_may_say_what_is_held_out(tmp_path):
    write(tmp_path / 'own', 'wave/1', 'wave/2', 'clap/1')
    (tmp_path / 'val.txt').write_text('wave/2.npy\n\nclap/1\nwave/9\n')
    source = ClipFolderSource(tmp_path / 'own', ClipForm('sbu'), val_list=tmp_path / 'val.txt')
    store, report = converted(source, tmp_path)
    assert members(store) == dict(train=['wave/1'], val=['clap/1', 'wave/2'])
    assert report.remarks == [
        "the list of held-out clips names 1 that are not there, e.g. 'wave/9'"]


def test_fraction_and_seed_are_used(tmp_path):
    write(tmp_path, *(f'wave/{i}' for i in range(10)))
    sources = [ClipFolderSource(tmp_path, ClipForm('sbu'), val_fraction=0.5, seed=seed)
               for seed in (0, 0, 1)]
    keys = [ClipKey(name, 0, -1, -1, -1, -1) for name, _ in sources[0].items()]
    splits = [source.splits(keys)['val'] for source in sources]
    assert len(splits[0]) == 5 and splits[0] == splits[1] != splits[2]


def test_class_names_may_be_given(tmp_path):
    write(tmp_path / 'own', 'wave/1', 'clap/1', 'sneeze/1')
    source = ClipFolderSource(tmp_path / 'own', ClipForm('sbu'), classes=['wave', 'nod', 'clap'])
    with pytest.raises(TooManyBadClips) as error:
        converted(source, tmp_path)
    [bad] = error.value.report.bad
    assert bad.name == 'sneeze/1'
    assert "sneeze/1.npy: its folder 'sneeze' is none of the 3 classes" in bad.reason
    store, _ = converted(source, tmp_path, tolerate=1)
    assert store.classes == ['wave', 'nod', 'clap']
    assert dict(zip(store.names(), store.clips['label'].tolist(), strict=True)) == {
        'clap/1': 2, 'wave/1': 0}


def test_layout_coordinates_units_and_scores_go_into_the_store(tmp_path):
    arm = tmp_path / 'arm.json'
    arm.write_text(json.dumps(dict(
        joints=['chest', 'elbow'], bones=[['elbow', 'chest']], center='chest')))
    clip = tmp_path / 'own' / 'wave' / '1.json'
    clip.parent.mkdir(parents=True)
    clip.write_text(json.dumps(dict(keypoint=[[[1, 2], [3, 4]]], score=[[0.5, 0.25]])))
    form = ClipForm(arm, coordinates=('x', 'y'), units='pixels', scores=True)
    store, _ = converted(ClipFolderSource(tmp_path / 'own', form), tmp_path)
    assert store.layout == dict(num_node=2, inward=[[1, 0]], center=0)
    assert store.meta['coordinates'] == ['x', 'y'] and store.meta['units'] == 'pixels'
    assert store.meta['options']['joints'] == ['chest', 'elbow']
    assert store.keypoint(0).tolist() == [[[[1, 2], [3, 4]]]]
    assert store.score(0).tolist() == [[[0.5, 0.25]]]


def test_other_files_are_left_out_in_the_open(tmp_path):
    write(tmp_path, 'wave/1')
    for name in ('wave/notes.txt', 'wave/.hidden.npy', '.git/config', 'readme.md'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    source = ClipFolderSource(tmp_path, ClipForm('sbu'))
    assert [name for name, _ in source.items()] == ['wave/1'] and source.classes == ['wave']
    assert source.skipped() == {'not .npy, .csv, .json': ['wave/notes.txt']}


def test_two_files_of_one_name_are_reported(tmp_path):
    write(tmp_path / 'own', 'wave/1', 'wave/2')
    (tmp_path / 'own' / 'wave' / '1.csv').write_text(','.join(['1'] * 45))
    _, report = converted(ClipFolderSource(tmp_path / 'own', ClipForm('sbu')), tmp_path, tolerate=1)
    assert 'wave/1: a second clip of this name' in report.bad[0].reason


@pytest.mark.parametrize('names, options, error, message', [
    ([], {}, FileNotFoundError, 'holds no folders; expected one per class'),
    (['train/wave/1', 'val/wave/1'], dict(val_fraction=0.1), ValueError,
     'splits by folders train, val and by val_fraction; choose one'),
    (['wave/1'], dict(val_fraction=1.0), ValueError, 'val_fraction is 1.0'),
    (['wave/1'], dict(val_list='nothing.txt'), FileNotFoundError, 'nothing.txt.*one a line'),
    (['train/wave/1'], {}, ValueError, 'holds only train; expected train with val'),
    (['val/wave/1', 'test/wave/1'], {}, ValueError, 'holds only test, val'),
])
def test_wrong_folders_and_options_are_a_sentence(tmp_path, names, options, error, message):
    write(tmp_path, *names)
    with pytest.raises(error, match=message):
        ClipFolderSource(tmp_path, ClipForm('sbu'), **options)


def test_folders_without_clips_are_a_sentence(tmp_path):
    (tmp_path / 'wave').mkdir()
    with pytest.raises(FileNotFoundError, match='no file .npy, .csv, .json in its folders'):
        ClipFolderSource(tmp_path, ClipForm('sbu')).items()
    with pytest.raises(FileNotFoundError, match='no such folder: .*elsewhere'):
        ClipFolderSource(tmp_path / 'elsewhere', ClipForm('sbu'))


def test_nothing_held_out_is_a_remark(tmp_path):
    write(tmp_path / 'own', 'wave/1', 'clap/1')
    _, report = converted(ClipFolderSource(tmp_path / 'own', ClipForm('sbu')), tmp_path)
    assert report.splits == dict(train=2, val=0)
    assert ['nothing is held out' in remark for remark in report.remarks] == [True]

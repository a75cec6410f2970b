import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from cocodiff_mm.datasets.converters.convert import TooManyBadClips, convert
from cocodiff_mm.datasets.converters.nwucla_json import NWUCLASource
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.utils.safe_pickle import load_arrays


def write_clip(folder, name, keypoint, label, /, **changes):
    content = dict(file_name=name, skeletons=np.asarray(keypoint).tolist(), label=label)
    (folder / f'{name}.json').write_text(json.dumps({**content, **changes}))


@pytest.fixture
def folder(tmp_path):
    """Three views of two actions by two subjects; one clip of view 2 is there again in view 3."""
    folder, rng = tmp_path / 'all_sqe', np.random.default_rng(0)
    folder.mkdir()
    for action, label in ((3, 3), (12, 10)):
        for subject in (4, 7):
            for view in (1, 2, 3):
                write_clip(folder, f'a{action:02d}_s{subject:02d}_e05_v{view:02d}',
                           rng.normal(size=(view + 1, 20, 3)).round(6), label)
    twin = json.loads((folder / 'a12_s07_e05_v02.json').read_text())
    write_clip(folder, 'a12_s07_e05_v03', twin['skeletons'], 10)
    return folder


def test_names_tell_class_and_provenance(folder):
    source = NWUCLASource(folder)
    clip = source.read('a12_s04_e05_v02', str(folder / 'a12_s04_e05_v02.json'))
    assert (clip.label, clip.subject, clip.replication, clip.camera) == (9, 4, 5, 2)
    assert source.info.classes[clip.label] == 'carry'
    content = json.loads((folder / 'a12_s04_e05_v02.json').read_text())['skeletons']
    assert clip.keypoint.shape == (1, 3, 20, 3)
    np.testing.assert_array_equal(clip.keypoint[0], np.float32(content))


def test_splits_treat_clips_that_are_there_twice(folder, tmp_path):
    convert(NWUCLASource(folder), tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    names = {split: {store.name(i) for i in store.split(split)} for split in store.split_names}
    views = {view: {name for name in store.names() if name.endswith(f'v0{view}')}
             for view in (1, 2, 3)}
    twins = 'a12_s07_e05_v02', 'a12_s07_e05_v03'
    assert names == dict(
        xview_train=views[1] | views[2],
        xview_val=views[3],
        xview_clean_train=(views[1] | views[2]) - {twins[0]},
        xview_clean_val=views[3],
        xview_dedup_train=views[1] | views[2],
        xview_dedup_val=views[3] - {twins[1]},
        xsub_train={name for name in store.names() if 's07' in name},
        xsub_val={name for name in store.names() if 's04' in name})


GOOD = np.ones((2, 20, 3)).tolist()


@pytest.mark.parametrize('name, changes, message', [
    ('a07_s01_e00_v01', {}, 'action 1 to 6'),
    ('clip', {}, 'expected a name such as a01_s01_e00_v01'),
    ('a01_s01_e00_v01', dict(file_name='a01_s01_e00_v02'), "says it is 'a01_s01_e00_v02'"),
    ('a01_s01_e00_v01', dict(label=2), 'label 2, expected 1 by its name'),
    ('a01_s01_e00_v01', dict(label=True), 'label True'),
    ('a01_s01_e00_v01', dict(skeletons=[]), 'skeletons'),
    ('a01_s01_e00_v01', dict(skeletons=[[1, 2], [3]]), 'unequal lengths'),
    ('a01_s01_e00_v01', dict(skeletons=[GOOD]), 'skeletons'),
    ('a01_s01_e00_v01', dict(skeletons=[[[1, 2]] * 20]), r'\(1, 20, 2\)'),
    ('a01_s01_e00_v01', dict(skeletons=[[['1', '2', '3']] * 20]), 'no number'),
    ('a01_s01_e00_v01', dict(skeletons=[[[float('nan')] * 3] * 20]), 'finite'),
])
def test_wrong_files_are_a_sentence(tmp_path, name, changes, message):
    write_clip(tmp_path, name, GOOD, 1, **changes)
    with pytest.raises(TooManyBadClips) as caught:
        convert(NWUCLASource(tmp_path), tmp_path / 'store')
    (entry, ) = caught.value.report.bad
    assert str(tmp_path / f'{name}.json') in entry.reason
    pytest.raises(BadClip, NWUCLASource(tmp_path).read, name,
                  str(tmp_path / f'{name}.json')).match(message)


def test_a_wrong_folder_is_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such folder.*all_sqe'):
        NWUCLASource(tmp_path / 'nothing')
    with pytest.raises(FileNotFoundError, match='holds no'):
        NWUCLASource(tmp_path).items()


def test_damage_anywhere_is_a_sentence_with_the_file(folder):
    """Bytes are changed, lost and doubled at random: it reads finite joints, or names the file."""
    rng, source = random.Random(3), NWUCLASource(folder)
    path = folder / 'a03_s04_e05_v01.json'
    whole, refused = path.read_bytes(), 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            start = rng.randrange(len(data))
            end = min(len(data), start + rng.choice((1, 1, 5, 500)))
            data[start:end] = rng.choice((
                b'', data[start:end] * 2, bytes([rng.randrange(256)]), b'null', b'9' * 400, b'[',
                b']', b'"', b'1e99', b'{}', b'-'))
        path.write_bytes(data)
        try:
            clip = source.read(path.stem, str(path))
            assert np.isfinite(clip.keypoint).all() and clip.keypoint.shape[2:] == (20, 3)
        except BadClip as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 200


@pytest.mark.skipif(not os.environ.get('COCODIFF_REAL_DATA'),
                    reason='COCODIFF_REAL_DATA does not name the folder of the real recordings')
def test_the_real_recordings_give_the_published_splits(tmp_path):
    data = load_arrays(Path(os.environ['COCODIFF_REAL_DATA']) / 'nw_ucla.pkl')
    folder = tmp_path / 'all_sqe'
    folder.mkdir()
    for clip in data['annotations']:
        write_clip(folder, clip['frame_dir'], clip['keypoint'][0], clip['label'] + 1)
    report = convert(NWUCLASource(folder), tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    assert not report.bad and len(store) == 1484
    assert 'xview_train             1020  as published' in report.text()
    for split, names in data['split'].items():
        assert {store.name(i) for i in store.split(split)} == set(names), split
    assert sorted(store.split_names) == sorted(data['split'])
    place = {name: i for i, name in enumerate(store.names())}
    for clip in data['annotations']:
        i = place[clip['frame_dir']]
        np.testing.assert_array_equal(store.keypoint(i), clip['keypoint'])
        stored = store.clips[i]
        assert [int(stored[key]) for key in ('label', 'subject', 'camera', 'replication')] == [
            clip[key] for key in ('label', 'subject', 'view', 'trial')]

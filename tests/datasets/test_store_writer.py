import dataclasses
import json
import time

import numpy as np
import pytest
from small_store import small_clips, small_info, small_store

from cocodiff_mm.datasets.clip import Clip
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_writer import StoreWriter

SCORES = dict(scores=True)


def test_what_is_there_is_not_replaced_unasked(tmp_path):
    path = small_store(tmp_path / 'store')
    with pytest.raises(FileExistsError, match='store is a store already; .* --overwrite'):
        StoreWriter(path, small_info())
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder' / 'a').touch()
    for other in (tmp_path / 'folder', tmp_path / 'folder' / 'a'):
        with pytest.raises(FileExistsError, match='is there and is not a skeleton store'):
            StoreWriter(other, small_info(), overwrite=True)
    assert not list(tmp_path.glob('.*'))


@pytest.mark.parametrize('path', ['.', '', '..', '/', 'data/..'])
def test_a_place_without_a_name_of_its_own(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match='can not become a store; give it a folder of its own'):
        StoreWriter(path, small_info())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_made_is_no_full_disk(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file/.store.partial can not be made; choose ano') as error:
        StoreWriter(tmp_path / 'file' / 'store', small_info())
    assert 'once the disk' not in str(error.value)


def test_a_link_keeps_pointing_to_the_store(tmp_path):
    (tmp_path / 'large').mkdir()
    (tmp_path / 'store').symlink_to(tmp_path / 'large' / 'store')
    assert small_store(tmp_path / 'store') == tmp_path / 'large' / 'store'
    assert (tmp_path / 'store').is_symlink() and len(SkeletonStore(tmp_path / 'store')) == 8


@pytest.mark.parametrize('changes, message', [
    (dict(dtype='float64'), "unknown dtype 'float64'; allowed: 'float32', 'float16'"),
    (dict(layout='dog'), "unknown layout 'dog'"),
    (dict(classes=()), r"classes of 'small': expected one name or more, got \(\)"),
    (dict(classes='wave'), "classes of 'small': expected one name or more, got 'wave'"),
    (dict(classes=('a', 'b', 'a')), "classes of 'small': 'a' is there twice"),
    (dict(coordinates=()), "coordinates of 'small': expected one name or more"),
    (dict(options=dict(a=np.ones(2))), "options of 'small': .*ndarray.*expected JSON values"),
])
def test_an_info_that_is_not_valid(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        StoreWriter(tmp_path / 'store', small_info(**changes))
    assert not list(tmp_path.iterdir())


ONES = np.ones((1, 2, 5, 3))


@pytest.mark.parametrize('changes, message', [
    (dict(name=''), "a clip is called '', expected a name"),
    (dict(name='clip0'), 'clip0: a clip of this name is there already'),
    (dict(label=4), 'a: label 4, expected 0 to 3 for the 4 classes'),
    (dict(label=-1), 'a: label -1, expected 0 to 3'),
    (dict(label=1.0), 'a: label 1.0, expected 0 to 3'),
    (dict(keypoint=ONES[0]), r'a: expected numbers of shape \(persons, frames, joints, coord'),
    (dict(keypoint=ONES > 0), r'a: expected numbers of shape .*, got bool of \(1, 2, 5, 3\)'),
    (dict(keypoint=ONES[..., :2]), 'a: expected 3 coordinates of 5 joints, got 2 of 5'),
    (dict(keypoint=ONES[:, :, :4]), 'a: expected 3 coordinates of 5 joints, got 3 of 4'),
    (dict(keypoint=ONES[:, :0]), 'a: 1 persons in 0 frames'),
    (dict(keypoint=ONES[:0]), 'a: 0 persons in 2 frames'),
    (dict(keypoint=ONES * np.nan), 'a: coordinates that are not finite in float16'),
    (dict(keypoint=ONES * 1e5), 'a: coordinates that are not finite in float16'),
    (dict(score=None), 'a: confidence scores in all clips or in none; this one has none'),
    (dict(score=ONES[..., :2, 0]), r'a: expected finite scores of shape \(1, 2, 5\), got float64'),
    (dict(score=ONES[..., 0] * np.nan), 'a: expected finite scores'),
    (dict(valid=3), 'a: 3 of 2 frames hold a pose'),
    (dict(camera=40000), 'a: camera 40000, expected 0 to 32767, or -1 for unknown'),
    (dict(img_shape=(0, 0)), r'a: img_shape \(0, 0\), expected height and width'),
])
def test_a_clip_that_does_not_fit_leaves_no_trace(tmp_path, changes, message):
    good = Clip('a', ONES, 0, score=ONES[..., 0])
    info = small_info(dtype='float16', **SCORES)
    with StoreWriter(tmp_path / 'store', info) as writer:
        writer.add(dataclasses.replace(good, name='clip0'))
        with pytest.raises(ValueError, match=message):
            writer.add(dataclasses.replace(good, **changes))
        writer.add(dataclasses.replace(good, name='last'))
        writer.finish({})
    store = SkeletonStore(tmp_path / 'store')
    assert store.names() == ['clip0', 'last'] and store.meta['rows'] == 4


def test_frames_with_a_pose_are_counted_unless_given(tmp_path):
    joints = np.zeros((2, 6, 5, 3))
    joints[0, 1], joints[1, 4, 2, 0] = 1, 1
    with StoreWriter(tmp_path / 'store', small_info()) as writer:
        writer.add(Clip('counted', joints, 0))
        writer.add(Clip('given', joints, 0, valid=5))
        writer.finish({})
    assert SkeletonStore(tmp_path / 'store').clips['valid'].tolist() == [2, 5]


def test_integers_and_arrays_in_any_order_are_stored_alike(tmp_path):
    joints = np.arange(2 * 3 * 5 * 3).reshape(2, 3, 5, 3)
    with StoreWriter(tmp_path / 'store', small_info()) as writer:
        writer.add(Clip('integers', joints, np.int64(1)))
        writer.add(Clip('turned', np.asfortranarray(joints, dtype='>f8'), 1))
        writer.finish({})
    store = SkeletonStore(tmp_path / 'store')
    for i in range(2):
        np.testing.assert_array_equal(store.keypoint(i), joints)


def test_without_a_clip_there_is_no_store(tmp_path):
    with StoreWriter(tmp_path / 'store', small_info()) as writer:
        with pytest.raises(ValueError, match='not one usable clip, so no store was made'):
            writer.finish({})
    assert not (tmp_path / 'store').exists()


def test_extra_entries_are_kept_and_can_not_replace_others(tmp_path):
    path = small_store(tmp_path / 'a', extra=dict(report=dict(bad=['b'])))
    assert SkeletonStore(path).meta['report'] == dict(bad=['b'])
    with pytest.raises(TypeError, match='rows'):
        small_store(tmp_path / 'b', extra=dict(rows=3))


def test_names_of_any_script(tmp_path):
    with StoreWriter(tmp_path / 'store', small_info(classes=('跳', 'tanzen ä'))) as writer:
        writer.add(Clip('視頻\u2028é', ONES, 1))
    with StoreWriter(tmp_path / 'store', small_info(classes=('跳', 'tanzen ä'))) as writer:
        assert list(writer.done) == ['視頻\u2028é']
        writer.finish(dict(数=['視頻\u2028é']))
    store = SkeletonStore(tmp_path / 'store')
    assert store.name(0) == '視頻\u2028é' and store.split('数').tolist() == [0]
    assert store.classes == ['跳', 'tanzen ä']


def test_splits_of_a_large_store_take_no_time(tmp_path):
    """Twelve splits of 114,000 names each; naively searched, these are 10^11 comparisons."""
    with StoreWriter(tmp_path / 'store', small_info()) as writer:
        writer.add(small_clips(1)[0])
        (record, ) = writer.done.values()
        writer.done.update((f'S001C001P001R001A{i:06}', record) for i in range(114_000))
        started = time.perf_counter()
        writer.finish({f'split{i}': list(writer.done)[i::2] for i in range(12)})
        assert time.perf_counter() - started < 20
    store = SkeletonStore(tmp_path / 'store')
    assert len(store) == 114_001 and len(store.split('split1')) == 57_000


def test_the_meta_of_a_store(tmp_path):
    meta = json.loads((small_store(tmp_path / 'store', scores=True) / 'meta.json').read_text())
    rows = sum(clip.score[..., 0].size for clip in small_clips(**SCORES))
    assert (meta['clips'], meta['rows'], meta['joints'], meta['has_score']) == (8, rows, 5, True)
    assert meta['format'] == 'cocodiff_mm skeleton store' and meta['version'] == 1
    assert meta['coordinates'] == ['x', 'y', 'z'] and meta['splits'] == ['even', 'all', 'none']
    assert set(meta['sha256']) == {f'{name}.npy' for name in (
        'clips', 'names', 'splits', 'keypoint', 'keypoint_score')}

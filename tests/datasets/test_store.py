import json
import pickle

import numpy as np
import pytest
from small_store import CLASSES, small_clips, small_info, small_store

from cocodiff_mm.datasets.store import CLIP_DTYPE, SkeletonStore
from cocodiff_mm.datasets.store_writer import StoreWriter

FILES = ('clips', 'names', 'splits', 'keypoint', 'keypoint_score')


@pytest.fixture
def path(tmp_path):
    return small_store(tmp_path / 'store', scores=True)


def change_meta(path, **changes):
    meta = json.loads((path / 'meta.json').read_text())
    meta.update(changes)
    (path / 'meta.json').write_text(json.dumps(
        {key: value for key, value in meta.items() if value is not None}))


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
@pytest.mark.parametrize('scores', [False, True])
def test_what_was_written_is_read(tmp_path, dtype, scores):
    store = SkeletonStore(small_store(tmp_path / 'store', scores=scores, dtype=dtype))
    clips = small_clips(scores=scores)
    assert len(store) == len(clips) == 8
    assert store.classes == list(CLASSES)
    assert (store.num_joints, store.num_coords, store.layout['num_node']) == (5, 3, 5)
    for i, clip in enumerate(clips):
        assert store.name(i) == clip.name
        joints = store.keypoint(i)
        assert joints.dtype == dtype and joints.shape == clip.keypoint.shape
        np.testing.assert_array_equal(joints, clip.keypoint.astype(dtype))
        if scores:
            np.testing.assert_array_equal(store.score(i), clip.score.astype(dtype))
        else:
            assert store.score(i) is None
        row = dict(zip(CLIP_DTYPE.names, store.clips[i].tolist(), strict=True))
        assert row['frames'] == row['valid'] == clip.keypoint.shape[1]
        assert (row['persons'], row['label'], row['subject'], row['camera'], row['setup']) == (
            len(clip.keypoint), clip.label, clip.subject, clip.camera, -1)
        assert (row['height'], row['width']) == (clip.img_shape or (-1, -1))
    assert store.names() == [clip.name for clip in clips]
    assert store.meta['options'] == dict(made_by=['a test', 1])
    store.verify()


def test_splits(path):
    store = SkeletonStore(path)
    assert store.split_names == ['even', 'all', 'none']
    assert store.split('even').tolist() == [1, 3, 5, 7]
    assert store.split('all').tolist() == list(range(8))
    assert store.split('none').tolist() == []
    with pytest.raises(ValueError, match="no split 'test'; it has: all, even, none"):
        store.split('test')


def test_a_store_without_splits(tmp_path):
    with StoreWriter(tmp_path / 'store', small_info()) as writer:
        writer.add(small_clips(1)[0])
        writer.finish({})
    store = SkeletonStore(tmp_path / 'store')
    assert store.split_names == []
    with pytest.raises(ValueError, match="no split 'a'; it has: none"):
        store.split('a')


def test_clips_are_views_that_can_not_be_written_to(path):
    store = SkeletonStore(path)
    assert not store.keypoint(0).flags.owndata
    with pytest.raises(ValueError, match='read-only'):
        store.keypoint(0)[:] = 0
    with pytest.raises(ValueError, match='read-only'):
        store.clips['label'] = 0


def test_released_clips_are_read_again(path):
    store = SkeletonStore(path)
    view = store.keypoint(3)
    before = view.copy()
    store.release()
    np.testing.assert_array_equal(view, before)
    np.testing.assert_array_equal(store.keypoint(3), before)


def test_a_pickled_store_is_its_path(path):
    store = SkeletonStore(path)
    data = pickle.dumps(store)
    assert len(data) < 300 + len(str(path))
    np.testing.assert_array_equal(pickle.loads(data).keypoint(5), store.keypoint(5))


def test_indices_as_in_a_list(path):
    store = SkeletonStore(path)
    assert store.name(-1) == 'clip7'
    np.testing.assert_array_equal(store.keypoint(-1), store.keypoint(7))
    with pytest.raises(IndexError):
        store.keypoint(8)


@pytest.mark.parametrize('name', FILES)
def test_a_file_that_is_cut_short_lengthened_or_gone(path, name):
    file = path / f'{name}.npy'
    data = file.read_bytes()
    for broken in (data[:-1], data + b'x', data[:100], b''):
        file.write_bytes(broken)
        with pytest.raises(ValueError, match=rf'{name}\.npy.*convert or copy the store again'):
            SkeletonStore(path)
    file.unlink()
    with pytest.raises(ValueError, match=rf'lacks {name}\.npy; convert or copy'):
        SkeletonStore(path)


@pytest.mark.filterwarnings('ignore:Reading')
@pytest.mark.parametrize('name', FILES)
def test_a_garbled_header_ends_in_a_sentence(path, name):
    file, rng = path / f'{name}.npy', np.random.default_rng(0)
    data = file.read_bytes()
    opened = 0
    for _ in range(150):
        broken = bytearray(data)
        for place in rng.integers(0, 128, rng.integers(1, 4)):
            broken[place] = rng.integers(256) if rng.random() < 0.5 else rng.choice(
                np.frombuffer(b"(){}[]'\", 0123456789|<>fiOSV", np.uint8))
        file.write_bytes(broken)
        try:
            SkeletonStore(path)
        except ValueError as error:
            assert f'{name}.npy' in str(error)
        else:
            opened += 1  # e.g. a space was replaced by a space
    assert opened < 75


def test_python_objects_are_never_loaded(path, tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path / 'owned').write_text, ('', )

    for name in FILES:
        file = path / f'{name}.npy'
        data = file.read_bytes()
        np.save(file, np.array([Evil()] * 8, dtype=object), allow_pickle=True)
        (tmp_path / 'owned').unlink(missing_ok=True)
        with pytest.raises(ValueError, match=f'{name}.npy.*is damaged'):
            SkeletonStore(path)
        assert not (tmp_path / 'owned').exists()
        file.write_bytes(data)


@pytest.mark.parametrize('field, value', [
    ('offset', -1), ('offset', 10**12), ('frames', 0), ('frames', 2**31 - 1), ('persons', 0),
    ('persons', -2), ('label', -1), ('label', 4), ('valid', 1000)])
def test_an_index_that_can_not_be_names_the_clip(path, field, value):
    clips = np.load(path / 'clips.npy')
    clips[field][6] = value
    np.save(path / 'clips.npy', clips)
    with pytest.raises(ValueError, match=rf"clips\.npy: clip 6 can not be .*'{field}': {value}"):
        SkeletonStore(path)


@pytest.mark.parametrize('name', FILES)
def test_changed_contents_are_found_by_their_checksum(path, name):
    file = path / f'{name}.npy'
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=rf'store: {name}\.npy changed since the store was made'):
        SkeletonStore(path).verify()


@pytest.mark.parametrize('changes, message', [
    (dict(version=2), 'version 2, this package reads 1; update cocodiff_mm or convert again'),
    (dict(version=None), 'version None, this package reads 1'),
    (dict(format='zip'), 'does not describe a cocodiff_mm skeleton store'),
    (dict(rows='many'), "'rows' is missing or of a wrong type"),
    (dict(classes=None), "'classes' is missing or of a wrong type"),
    (dict(dtype='float64'), "unknown dtype in .*meta.json 'float64'; allowed: 'float32', 'float"),
    (dict(dtype='float16'), r'keypoint.npy: got an array of .* float32, expected .* float16'),
    (dict(clips=9), r'clips.npy: got an array of \(8,\).*expected \(9,\)'),
    (dict(joints=6), r'keypoint.npy: got an array of .*, 5, 3\) float32, expected .*, 6, 3\)'),
])
def test_a_description_that_does_not_fit(path, changes, message):
    change_meta(path, **changes)
    with pytest.raises(ValueError, match=message):
        SkeletonStore(path)


@pytest.mark.parametrize('text', ['', '{"format": ', '[]', '\xff'])
def test_a_broken_description(path, text):
    (path / 'meta.json').write_bytes(text.encode('latin1'))
    with pytest.raises(ValueError, match='meta.json is damaged|does not describe'):
        SkeletonStore(path)


def test_no_store_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist; .* tools/data/convert.py makes'):
        SkeletonStore(tmp_path / 'none')
    with pytest.raises(FileNotFoundError, match='holds no meta.json, so it is not a skeleton'):
        SkeletonStore(tmp_path)
    (tmp_path / 'a.pkl').touch()
    with pytest.raises(FileNotFoundError, match='is a file, not a skeleton store'):
        SkeletonStore(tmp_path / 'a.pkl')


def test_a_store_that_is_being_made_or_replaced_is_mentioned(tmp_path, path):
    (tmp_path / '.other.partial').mkdir()
    with pytest.raises(FileNotFoundError, match='its conversion is not finished; run the same'):
        SkeletonStore(tmp_path / 'other')
    path.rename(tmp_path / '.store.old')
    with pytest.raises(FileNotFoundError, match=r'The earlier store is .*\.store\.old: rename it'):
        SkeletonStore(path)


def test_a_large_store_opens_without_its_clips_being_read(tmp_path):
    """114,000 clips: the index is read, and of 5 GB of joints (a sparse file) nothing."""
    path, number, frames = small_store(tmp_path / 'store', 1), 114_000, 750
    clips = np.repeat(np.load(path / 'clips.npy'), number)
    clips['frames'] = clips['valid'] = frames
    clips['offset'] = np.arange(number) * frames
    np.save(path / 'clips.npy', clips)
    np.save(path / 'names.npy', np.array([f'S001C001P001R001A{i:06}'.encode()
                                          for i in range(number)]))
    np.save(path / 'splits.npy', np.arange(3)[:, None] == np.arange(number) % 3)
    with (path / 'keypoint.npy').open('wb') as file:
        np.lib.format.write_array_header_1_0(file, dict(
            descr='<f4', fortran_order=False, shape=(number * frames, 5, 3)))
        file.truncate(file.tell() + number * frames * 60)
    change_meta(path, clips=number, rows=number * frames)
    store = SkeletonStore(path)
    assert len(store.split('all')) == number // 3
    assert store.name(number - 1) == 'S001C001P001R001A113999'
    assert store.keypoint(number - 1).shape == (1, frames, 5, 3)
    assert (path / 'keypoint.npy').stat().st_blocks * 512 < 1e6

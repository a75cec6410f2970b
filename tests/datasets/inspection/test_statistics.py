import numpy as np
import pytest
from small_store import small_store
from standing_people import HEIGHT, damage, people_store, standing_pose

from cocodiff_mm.datasets.inspection import statistics
from cocodiff_mm.datasets.inspection.body import links
from cocodiff_mm.datasets.inspection.statistics import measure, measure_clips
from cocodiff_mm.datasets.store import SkeletonStore

EDGES = links('nwucla')


def of(*clips):
    return measure_clips([np.asarray(clip, np.float32) for clip in clips], EDGES)


@pytest.fixture
def clip():
    rng = np.random.default_rng(1)
    return (standing_pose() + rng.normal(scale=0.05, size=(2, 9, 20, 3))).astype(np.float32)


def naive(clip):
    """Counts by loops."""
    empty = sum(not clip[:, t].any() for t in range(clip.shape[1]))
    held = [pose for person in clip for pose in person if pose.any()]
    missing = sum(not joint.any() for pose in held for joint in pose)
    return empty, 20 * len(held), missing


def test_counts_agree_with_loops(clip):
    clip[1, 2:] = 0
    clip[:, 4] = 0
    clip[0, 6, [3, 5]] = 0
    clip[0, 7, 8, 0] = 0  # one coordinate is no joint
    table = of(clip, clip[:1], np.zeros((3, 2, 20, 3)))
    for row, counted in zip(table, (clip, clip[:1], np.zeros((3, 2, 20, 3))), strict=True):
        assert (row['empty'], row['joints'], row['missing']) == naive(counted)
    assert naive(clip) == (1, 20 * (8 + 2), 2)


def test_sizes_are_those_of_the_body(clip):
    pose = np.tile(standing_pose(), (1, 5, 1, 1)) + (3, 2, 1)
    lost = pose.copy()
    lost[:, :, 19] = 0  # a foot in the origin would make a giant
    table = of(pose, 1000 * pose, lost, np.zeros((1, 3, 20, 3)))
    bones = np.linalg.norm(pose[0, 0, EDGES[:, 0]] - pose[0, 0, EDGES[:, 1]], axis=-1)
    assert table['height'][:2] == pytest.approx([HEIGHT, 1000 * HEIGHT], rel=1e-4)
    assert table['bone'][:2] == pytest.approx([bones.mean(), 1000 * bones.mean()], rel=1e-4)
    assert table['height'][2] == pytest.approx(HEIGHT, rel=1e-4)
    assert table['bone'][2] == pytest.approx(bones[EDGES[:, 0] != 19].mean(), rel=1e-4)
    assert np.isnan(table['height'][3]) and np.isnan(table['bone'][3])


def test_height_is_of_the_usual_pose(clip):
    spoiled = np.tile(standing_pose(), (1, 16, 1, 1))
    spoiled[0, 5] *= 50
    assert of(spoiled)['height'] == pytest.approx(HEIGHT, rel=1e-4)


def test_prints_ignore_place_and_see_the_rest(clip):
    moved = clip + np.float32([3, -2, 5])
    other, reversed_, swapped = clip.copy(), clip[:, ::-1], clip[::-1]
    other[1, 4, 7, 2] += 0.5
    prints = of(clip, moved, other, reversed_, swapped)['print']
    assert np.abs(prints[1] - prints[0]).max() < 1e-6
    assert (np.abs(prints[2:] - prints[0]).max(axis=1) > 1e-4).all()


def test_a_print_moves_less_than_the_joints(clip):
    noise = np.random.default_rng(0).uniform(-1e-3, 1e-3, clip.shape)
    prints = of(clip, clip + noise)['print']
    assert 0 < np.abs(prints[1] - prints[0]).max() < 1e-3


def test_digests_are_equal_for_equal_clips_only(clip):
    other = clip.copy()
    other[0, 0, 0, 0] = np.nextafter(other[0, 0, 0, 0], 9)
    turned = clip.reshape(1, 18, 20, 3)
    digests = of(clip, clip.copy(), other, turned)['digest']
    assert digests[0] == digests[1] and len(set(digests.tolist())) == 3


def test_a_clip_with_nan_spoils_no_other(clip):
    bad = clip.copy()
    bad[0, 3, 2] = np.nan
    bad[1, 0, 0, 0] = np.inf
    table, alone = of(clip, bad, clip), of(clip)
    assert table['nonfinite'].tolist() == [0, 4, 0]
    for key in ('print', 'height', 'bone', 'missing', 'empty'):
        assert np.array_equal(table[key][[0, 2]], alone[key][[0, 0]])
    assert not table['print'][1].any() and np.isnan(table['height'][1]) and not table['empty'][1]


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
def test_a_store_in_chunks_is_a_store_at_once(tmp_path, monkeypatch, dtype):
    store = people_store(tmp_path / 'store', dtype=dtype)
    at_once, seen = measure(store), []
    monkeypatch.setattr(statistics, '_CHUNK_BYTES', 20_000)
    chunked = measure(store, seen.append)
    assert len(seen) > 5 and sum(seen) == len(store) == 40
    for key in at_once.dtype.names:
        assert np.allclose(chunked[key], at_once[key], atol=1e-6), key
    assert at_once['height'] == pytest.approx(HEIGHT, abs=0.2)


def test_own_layouts_and_damaged_files_are_measured(tmp_path):
    table = measure(SkeletonStore(small_store(tmp_path / 'small')))
    assert (table['bone'] > 0).all() and not table['nonfinite'].any()
    store = people_store(tmp_path / 'people')
    hurt = measure(damage(store, int(store.clips['offset'][7]), np.nan))
    assert np.flatnonzero(hurt['nonfinite']).tolist() == [7]

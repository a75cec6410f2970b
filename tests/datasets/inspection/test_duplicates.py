import numpy as np
from standing_people import changed, people_clips, people_store

from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.duplicates import (
    TOLERANCE,
    contradicting,
    copied,
    exact_groups,
    near_groups,
    repeated,
)
from cocodiff_mm.datasets.inspection.statistics import measure
from cocodiff_mm.datasets.store import SkeletonStore


def groups_of(*stores: SkeletonStore) -> tuple[np.ndarray, np.ndarray]:
    pool = ClipPool(stores)
    table = np.concatenate([measure(store) for store in stores])
    empty = table['joints'] == 0
    exact = exact_groups(table['digest'], empty)
    return exact, near_groups(pool, table['print'], exact, empty, 1.65)


def same(groups: np.ndarray) -> list[tuple[int, int]]:
    return [(int(group), i) for i, group in enumerate(groups) if group != i]


def plant(*pairs):
    """Clip ``to`` becomes ``how`` of clip ``of``, for every (of, to, how)."""
    def change(clips):
        for of, to, how in pairs:
            clips = changed(clips, to, keypoint=how(clips[of].keypoint))
        return clips
    return change


def test_finds_copies_and_only_those(tmp_path):
    close, far = 0.9 * TOLERANCE * 1.65, 1.5 * TOLERANCE * 1.65
    wave = np.where(np.arange(60) % 2, 0.5, -0.5).reshape(20, 3)
    wave[0] = 0
    store = people_store(tmp_path / 'store', plant(
        (0, 5, np.copy),
        (1, 20, lambda clip: clip + np.float32([3, -1, 2])),
        (2, 21, lambda clip: clip + np.float32([0.3, 0, 0]) + (2 * close * wave).astype('f4')),
        (3, 22, lambda clip: clip + (2 * far * wave).astype('f4')),
        (4, 23, lambda clip: clip[:, ::-1]),
        (6, 24, lambda clip: clip[:, :-1]),
        (7, 25, lambda clip: clip + np.arange(clip.shape[1], dtype='f4')[None, :, None, None]),
        (8, 26, lambda clip: 1.01 * clip)))
    exact, near = groups_of(store)
    assert same(exact) == [(0, 5)]
    assert same(near) == [(0, 5), (1, 20), (2, 21)]


def test_many_copies_are_one_group(tmp_path):
    def copies(clips):
        for to in range(1, 40, 2):
            clips = changed(clips, to, keypoint=clips[0].keypoint + np.float32(to % 3))
        return clips
    exact, near = groups_of(people_store(tmp_path / 'store', copies))
    assert (near[1::2] == 0).all() and (near[::2] == np.arange(0, 40, 2)).all()
    assert len(set(exact[1::2].tolist())) == 3


def test_persons_who_are_not_there_stay_where_they_are(tmp_path):
    def second(clip):
        return np.concatenate([clip, np.zeros_like(clip)])

    def moved(clip):
        clip = second(clip)
        clip[clip.any(axis=-1)] += np.float32([1, 0, 2])
        return clip
    store = people_store(tmp_path / 'store', plant((3, 30, second), (3, 31, moved)))
    exact, near = groups_of(store)
    assert same(exact) == [] and same(near) == [(30, 31)]


def test_empty_clips_are_nobodys_copies(tmp_path):
    def empty(clips):
        for to in (4, 9):
            clips = changed(clips, to, keypoint=np.zeros((1, 12, 20, 3)))
        return clips
    assert not any(map(same, groups_of(people_store(tmp_path / 'store', empty))))


def test_copies_between_stores(tmp_path):
    first = people_store(tmp_path / 'a')
    second = people_store(tmp_path / 'b', plant(*(
        (i, i, lambda clip: clip + np.float32(2)) for i in range(1, 40))))
    exact, near = groups_of(first, second)
    assert same(exact) == [(0, 40)]
    assert same(near) == [(i, 40 + i) for i in range(40)]


def test_parts_of_splits():
    groups = np.array([0, 1, 0, 3, 1, 5, 0])
    labels = np.array([7, 8, 7, 8, 9, 7, 7], np.int32)
    train, test = np.array([0, 1, 3]), np.array([2, 4, 5, 6])
    assert copied(groups, train, test).tolist() == [2, 4, 6]
    assert repeated(groups, test).tolist() == [6] and not len(repeated(groups, train))
    assert contradicting(groups, labels, np.arange(7)).tolist() == [1, 4]
    assert not len(contradicting(groups, labels, test)) and not len(repeated(groups, test[:0]))
    assert not len(contradicting(groups, labels, test[:0]))


def test_clips_of_the_fixture_differ():
    assert len({clip.keypoint.tobytes() for clip in people_clips()}) == 40

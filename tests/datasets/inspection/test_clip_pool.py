import numpy as np
from small_store import small_store
from standing_people import people_store

from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.store import SkeletonStore


def test_numbers_the_clips_of_all_stores(tmp_path):
    first, second = SkeletonStore(small_store(tmp_path / 'a')), people_store(tmp_path / 'b')
    pool = ClipPool([first, second])
    assert len(pool) == 8 + 40
    assert pool.names() == [*first.names(), *second.names()]
    assert pool.name(7) == 'clip7' and pool.name(8) == 'clip0'
    assert np.array_equal(pool.keypoint(8), second.keypoint(0))
    assert np.array_equal(pool.of_store(1), np.arange(8, 48))
    assert pool.clips['subject'].tolist() == [*first.clips['subject'], *second.clips['subject']]
    assert pool.listed([0, 9], 1) == 'clip0 and 1 more' and pool.listed([9]) == 'clip1'
    pool.release()
    assert np.array_equal(pool.keypoint(8), second.keypoint(0))

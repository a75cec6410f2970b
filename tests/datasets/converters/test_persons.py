import numpy as np

from cocodiff_mm.datasets.converters.persons import rank_in_frame


def test_ranks_are_those_of_sorting_every_frame():
    rng = np.random.default_rng(0)
    frames, confidence = rng.integers(0, 20, 200), rng.integers(0, 5, 200).astype(np.float16)
    expected = np.empty(200, int)
    for frame in range(20):
        members = np.flatnonzero(frames == frame).tolist()
        ordered = sorted(members, key=lambda i: -confidence[i])  # stable
        expected[ordered] = range(len(ordered))
    np.testing.assert_array_equal(rank_in_frame(frames, confidence), expected)


def test_one_skeleton_is_the_first():
    assert rank_in_frame(np.array([7]), np.array([0.3])).tolist() == [0]

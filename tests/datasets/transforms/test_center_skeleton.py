import numpy as np
import pytest

from cocodiff_mm.datasets.transforms.center_skeleton import CenterSkeleton


def two_persons():
    keypoint = np.random.default_rng(0).normal(2, 1, (2, 6, 25, 3)).astype(np.float32)
    keypoint[0, :2] = 0  # the first person comes later
    keypoint[1, 3] = 0
    keypoint[1, 4, 0] = 0  # only a joint is missing: it moves with the others
    keypoint.setflags(write=False)
    return keypoint


def test_the_first_frame_of_the_first_person_gives_the_origin():
    keypoint = two_persons()
    moved = CenterSkeleton(joint=1)(dict(keypoint=keypoint))['keypoint']
    assert moved.dtype == np.float32
    expected = keypoint - keypoint[0, 2, 1]
    expected[0, :2] = expected[1, 3] = 0
    np.testing.assert_array_equal(moved, expected)
    assert not moved[0, 2, 1].any()


def test_a_second_time_changes_nothing():
    once = CenterSkeleton()(dict(keypoint=two_persons()))['keypoint']
    assert CenterSkeleton()(dict(keypoint=once))['keypoint'] is once


def test_where_the_clip_is_does_not_matter():
    keypoint = two_persons()
    there = (keypoint != 0).any((2, 3), keepdims=True)
    moved = [CenterSkeleton()(dict(keypoint=clip))['keypoint']
             for clip in (keypoint, np.where(there, keypoint + 7, 0))]
    np.testing.assert_allclose(*moved, atol=1e-5)


def test_an_empty_clip_stays_empty():
    keypoint = np.zeros((1, 3, 25, 3), np.float32)
    assert not CenterSkeleton()(dict(keypoint=keypoint))['keypoint'].any()


def test_a_joint_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"joint=20.*'a' has joints 0 to 19"):
        CenterSkeleton(20)(dict(keypoint=np.zeros((1, 3, 20, 3)), frame_dir='a'))

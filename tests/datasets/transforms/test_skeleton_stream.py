import numpy as np
import pytest

from cocodiff_mm.datasets.transforms import SkeletonStream

CHAIN = dict(num_node=3, inward=[(1, 0), (2, 1)], center=0)


@pytest.fixture
def clip():
    keypoint = np.random.default_rng(0).normal(size=(2, 4, 3, 3)).astype(np.float32)
    return dict(keypoint=keypoint.copy(), frame_dir='x'), keypoint


def test_joint_is_untouched(clip):
    assert np.array_equal(SkeletonStream('j', CHAIN)(clip[0])['keypoint'], clip[1])


def test_bone_points_from_parent_to_joint(clip):
    bone = SkeletonStream('b', CHAIN)(clip[0])['keypoint']
    assert np.array_equal(bone[:, :, 0], np.zeros_like(bone[:, :, 0]))
    assert np.array_equal(bone[:, :, 1], clip[1][:, :, 1] - clip[1][:, :, 0])
    assert np.array_equal(bone[:, :, 2], clip[1][:, :, 2] - clip[1][:, :, 1])


@pytest.mark.parametrize('stream, base', [('jm', 'j'), ('bm', 'b')])
def test_motion_is_next_minus_current_and_zero_last(clip, stream, base):
    still = SkeletonStream(base, CHAIN)(dict(keypoint=clip[1].copy()))['keypoint']
    motion = SkeletonStream(stream, CHAIN)(clip[0])['keypoint']
    assert np.array_equal(motion[:, :-1], still[:, 1:] - still[:, :-1])
    assert not motion[:, -1].any()


def test_every_joint_of_ntu_but_the_centre_ends_one_bone():
    transform = SkeletonStream('b', 'nturgb+d')
    assert sorted(transform.child) == sorted(set(range(25)) - {20})


def test_one_frame_has_no_motion():
    motion = SkeletonStream('jm', CHAIN)(dict(keypoint=np.ones((1, 1, 3, 3))))['keypoint']
    assert not motion.any()


def test_refuses_an_unknown_stream_and_other_joints():
    with pytest.raises(ValueError, match="unknown stream 'x'; allowed: 'j', 'b', 'jm', 'bm'"):
        SkeletonStream('x', CHAIN)
    with pytest.raises(ValueError, match="the layout has 3 joints, the clip 'x' has 5"):
        SkeletonStream('b', CHAIN)(dict(keypoint=np.zeros((1, 2, 5, 3)), frame_dir='x'))

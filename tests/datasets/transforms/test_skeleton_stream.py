import numpy as np
import pytest
from mmaction.datasets.transforms import JointToBone

from cocodiff_mm.datasets.transforms import SkeletonStream
from cocodiff_mm.utils.graph import bones, num_joints

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


@pytest.mark.parametrize('layout', ['nturgb+d', 'openpose', 'coco', 'nwucla', 'utd_mhad', 'sbu'])
@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
def test_mapped_clips_of_every_layout_are_read_only(layout, stream, tmp_path):
    generator = np.random.default_rng(1)
    np.save(tmp_path / 'x.npy', generator.normal(size=(2, 5, num_joints(layout), 3)).astype('f4'))
    mapped = np.load(tmp_path / 'x.npy', mmap_mode='r')
    expected = np.array(mapped, dtype=np.float64)
    if 'b' in stream:
        start = expected.copy()
        for child, parent in bones(layout):
            start[:, :, child] = expected[:, :, parent]
        expected = expected - start
    if 'm' in stream:
        expected = np.concatenate([np.diff(expected, axis=1), 0 * expected[:, :1]], axis=1)
    made = SkeletonStream(stream, layout)(dict(keypoint=mapped))['keypoint']
    assert type(made) is np.ndarray and made.dtype == np.float32
    np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
def test_half_precision_is_subtracted_in_single(clip, stream):
    half = clip[1].astype(np.float16)
    made = SkeletonStream(stream, CHAIN)(dict(keypoint=half))['keypoint']
    expected = SkeletonStream(stream, CHAIN)(dict(keypoint=half.astype(np.float32)))['keypoint']
    assert made.dtype == np.float32 and np.array_equal(made, expected)


def test_bones_are_mmactions():
    keypoint = np.random.default_rng(2).normal(size=(2, 4, 25, 3)).astype(np.float32)
    theirs = JointToBone(dataset='nturgb+d')(dict(keypoint=keypoint))['keypoint']
    assert np.array_equal(SkeletonStream('b')(dict(keypoint=keypoint))['keypoint'], theirs)


@pytest.mark.parametrize('stream', ['b', 'jm', 'bm'])
def test_the_confidence_of_a_difference_is_that_of_mmaction2(stream):
    from mmaction.datasets.transforms import GenSkeFeat
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(2, 6, 18, 2)).astype(np.float32)
    score = rng.random((2, 6, 18)).astype(np.float32)
    stock = GenSkeFeat(dataset='openpose', feats=[stream])(
        dict(keypoint=keypoint.copy(), keypoint_score=score.copy()))['keypoint']
    ours = SkeletonStream(stream, 'openpose')(dict(keypoint=keypoint, keypoint_score=score))
    np.testing.assert_allclose(ours['keypoint'], stock[..., :2], atol=1e-6)
    np.testing.assert_allclose(ours['keypoint_score'], stock[..., 2], atol=1e-6)

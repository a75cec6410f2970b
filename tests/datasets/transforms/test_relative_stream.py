import numpy as np
import pytest
from mmcv.transforms import Compose

from cocodiff_mm.datasets.transforms import RelativeStream, SkeletonStream
from cocodiff_mm.utils.graph import bones, num_joints

CHAIN = dict(num_node=4, inward=[(1, 0), (2, 1), (3, 2)], center=0)
LAYOUTS = ['nturgb+d', 'openpose', 'coco', 'nwucla', 'utd_mhad', 'sbu', CHAIN]
CENTRES = dict(zip(LAYOUTS[:-1], (20, 1, 0, 2, 1, 1), strict=True))


def walk(layout, persons=2, frames=6, seed=0):
    shape = (persons, frames, num_joints(layout), 3)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def naive(keypoint, stream, layout, center):
    """Joint by joint and frame by frame, in float64."""
    keypoint = keypoint.astype(np.float64)
    parents = dict(bones(layout))
    result = np.zeros_like(keypoint)
    for joint in range(keypoint.shape[2]):
        origin = parents.get(joint) if 'b' in stream else None if joint == center else center
        for m, t in np.ndindex(*keypoint.shape[:2]):
            result[m, t, joint] = keypoint[m, t, joint]
            if origin is not None:
                result[m, t, joint] -= keypoint[m, t, origin]
    if 'm' not in stream:
        return result
    return np.concatenate([result[:, 1:] - result[:, :-1], 0 * result[:, :1]], axis=1)


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
@pytest.mark.parametrize('layout', LAYOUTS, ids=str)
def test_any_layout_as_joint_by_joint(layout, stream):
    keypoint = walk(layout)
    keypoint.setflags(write=False)
    center = CHAIN['center'] if layout is CHAIN else CENTRES[layout]
    made = RelativeStream(stream, layout)(dict(keypoint=keypoint))['keypoint']
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, naive(keypoint, stream, layout, center), atol=1e-6)


def test_published_joints_of_ntu_are_relative_to_joint_21_which_stays_where_it_is():
    keypoint = walk('nturgb+d')
    made = RelativeStream('j')(dict(keypoint=keypoint))['keypoint']
    others = np.delete(np.arange(25), 20)
    assert np.array_equal(made[:, :, 20], keypoint[:, :, 20])
    assert np.array_equal(made[:, :, others], (keypoint - keypoint[:, :, 20:21])[:, :, others])


def test_published_bones_of_ntu_keep_where_joint_21_is():
    keypoint = walk('nturgb+d')
    made = RelativeStream('b')(dict(keypoint=keypoint))['keypoint']
    expected = SkeletonStream('b')(dict(keypoint=keypoint))['keypoint']
    assert not expected[:, :, 20].any()
    expected[:, :, 20] = keypoint[:, :, 20]
    assert np.array_equal(made, expected)


@pytest.mark.parametrize('stream', ['j', 'b'])
def test_a_shift_of_the_clip_moves_nothing_but_the_joint_that_is_kept(stream):
    keypoint = walk(CHAIN)
    still, moved = (RelativeStream(stream, CHAIN)(dict(keypoint=place))['keypoint']
                    for place in (keypoint, keypoint + 8))
    np.testing.assert_allclose(moved[:, :, 1:], still[:, :, 1:], atol=1e-5)
    np.testing.assert_allclose(moved[:, :, 0], still[:, :, 0] + 8, atol=1e-5)


def test_joints_relative_to_another_joint():
    keypoint = walk(CHAIN)
    made = RelativeStream('jm', CHAIN, joint=2)(dict(keypoint=keypoint))['keypoint']
    np.testing.assert_allclose(made, naive(keypoint, 'jm', CHAIN, 2), atol=1e-6)


def test_who_is_absent_stays_at_zero():
    keypoint = walk(CHAIN)
    keypoint[1, 3:] = 0
    for stream in ('j', 'b'):
        assert not RelativeStream(stream, CHAIN)(dict(keypoint=keypoint))['keypoint'][1, 3:].any()


def test_the_confidence_of_a_difference_is_the_mean_of_the_two():
    score = np.random.default_rng(1).random((2, 6, 4)).astype(np.float32)
    clip = dict(keypoint=walk(CHAIN), keypoint_score=score)
    joint = RelativeStream('j', CHAIN)(dict(clip))['keypoint_score']
    np.testing.assert_allclose(joint, (score + score[..., :1]) / 2, atol=1e-7)
    for stream in ('b', 'bm'):
        ours, theirs = (step(stream, CHAIN)(dict(clip))['keypoint_score']
                        for step in (RelativeStream, SkeletonStream))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
def test_half_precision_is_subtracted_in_single(stream):
    half = walk(CHAIN).astype(np.float16)
    made = RelativeStream(stream, CHAIN)(dict(keypoint=half))['keypoint']
    expected = RelativeStream(stream, CHAIN)(dict(keypoint=half.astype(np.float32)))['keypoint']
    assert made.dtype == np.float32 and np.array_equal(made, expected)


def test_refuses_an_unknown_stream_a_joint_outside_and_other_clips():
    with pytest.raises(ValueError, match="unknown stream 'x'; allowed: 'j', 'b', 'jm', 'bm'"):
        RelativeStream('x')
    for joint in (-1, 25):
        with pytest.raises(ValueError, match=rf'joint={joint}\): the layout has joints 0 to 24'):
            RelativeStream(joint=joint)
    with pytest.raises(ValueError, match="the layout has 25 joints, the clip 'x' has 4"):
        RelativeStream()(dict(keypoint=walk(CHAIN), frame_dir='x'))


def test_a_pipeline_prints_what_is_kept():
    assert "RelativeStream(stream='jm', keeps joint 20)" in repr(Compose([RelativeStream('jm')]))

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from cocodiff_mm.datasets.transforms import AppendJoints, SkeletonStream

CHAIN = dict(num_node=3, inward=[(1, 0), (2, 1)], center=0)
FORMAT = dict(type='FormatGCNInput', num_person=2)


@pytest.fixture
def clip():
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(1, 4, 3, 2)).astype(np.float32)
    keypoint.setflags(write=False)
    score = rng.random((1, 4, 3)).astype(np.float32)
    return dict(keypoint=keypoint, keypoint_score=score, total_frames=4, frame_dir='x')


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
def test_the_joints_follow_the_stream(clip, stream):
    del clip['keypoint_score']
    step = dict(type='SkeletonStream', stream=stream, layout=CHAIN)
    made = AppendJoints(step)(dict(clip))['keypoint']
    assert made.shape == (1, 4, 3, 4) and made.dtype == np.float32
    assert np.array_equal(made[..., :2], SkeletonStream(stream, CHAIN)(dict(clip))['keypoint'])
    assert np.array_equal(made[..., 2:], clip['keypoint'])


def test_scores_reach_the_network_with_either(clip):
    step = dict(type='SkeletonStream', stream='b', layout=CHAIN)
    alone, joints, both = (
        TRANSFORMS.build(FORMAT)(TRANSFORMS.build(first)(dict(clip)))['keypoint']
        for first in (step, dict(step, stream='j'), dict(type='AppendJoints', step=step)))
    assert alone.shape == (1, 2, 4, 3, 3) and both.shape == (1, 2, 4, 3, 6)
    assert np.array_equal(both[..., :3], alone) and np.array_equal(both[..., 3:], joints)


def test_mmaction2s_streams_too():
    rng = np.random.default_rng(1)
    clip = dict(keypoint=rng.normal(size=(2, 4, 17, 2)).astype(np.float32),
                keypoint_score=rng.random((2, 4, 17)).astype(np.float32))
    step = dict(type='GenSkeFeat', dataset='coco', feats=['bm'])
    alone, both = (TRANSFORMS.build(each)(dict(clip))['keypoint']
                   for each in (step, dict(type='AppendJoints', step=step)))
    assert np.array_equal(both[..., :3], alone)
    assert np.array_equal(both[..., 3:5], clip['keypoint'])
    assert np.array_equal(both[..., 5], clip['keypoint_score'])


def test_a_step_that_changes_more_than_coordinates_is_refused(clip):
    with pytest.raises(ValueError) as error:
        AppendJoints(dict(type='PadPersons', num_person=2))(clip)
    assert str(error.value) == (
        'AppendJoints: PadPersons made (persons, frames, joints) = (2, 4, 3) of (1, 4, 3); put '
        'AppendJoints around the one step that makes the stream, as SkeletonStream')


def test_the_step_is_seen_in_a_printed_pipeline():
    step = AppendJoints(dict(type='SkeletonStream', stream='b'))
    assert repr(step) == "AppendJoints(step=SkeletonStream(stream='b'))"

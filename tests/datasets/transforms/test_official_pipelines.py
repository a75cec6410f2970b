"""Whole pipelines against what CTR-GCN's authors do with a clip."""

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS
from mmcv.transforms import Compose
from references.official_sampling_naive import naive_length, naive_ntu, naive_ucla


def run(steps, keypoint, seed=0):
    keypoint = keypoint.astype(np.float32)
    keypoint.setflags(write=False)
    np.random.seed(seed)
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    return pipeline(dict(keypoint=keypoint, total_frames=keypoint.shape[1], label=3))


def body(persons, frames, joints, seed=0):
    """A slow random walk of every joint, in float32 as stores keep it."""
    generator = np.random.default_rng(seed)
    pose = generator.normal(size=(persons, 1, joints, 3))
    walk = generator.normal(scale=0.05, size=(persons, frames, joints, 3)).cumsum(1)
    return (pose + walk).astype(np.float32)


def ntu_steps(stream, train, mode='duplicate'):
    return [
        dict(type='CropResize', clip_len=64, p_interval=(0.5, 1.0) if train else (0.95, )),
        *([dict(type='RandomRotation', theta=0.3)] if train else []),
        dict(type='SkeletonStream', stream=stream, layout='nturgb+d'),
        dict(type='PadPersons', num_person=2, mode=mode),
        dict(type='FormatGCNInput', num_person=2),
        dict(type='PackActionInputs'),
    ]


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
@pytest.mark.parametrize('persons, frames', [(1, 1), (1, 33), (2, 64), (2, 103), (1, 300)])
def test_ntu_training(stream, persons, frames):
    clip = body(persons, frames, 25, seed=frames)
    for seed in range(3):
        np.random.seed(seed)
        part = np.random.rand() * 0.5 + 0.5
        start = np.random.randint(0, frames - naive_length(frames, part, 64) + 1)
        angles = np.random.uniform(-0.3, 0.3, size=3)
        expected = naive_ntu(clip, stream, part, start, angles, duplicate=True)
        packed = run(ntu_steps(stream, train=True), clip, seed)
        assert packed['inputs'].shape == (1, 2, 64, 25, 3)
        np.testing.assert_allclose(packed['inputs'][0].numpy(), expected, atol=3e-6)
        assert packed['data_samples'].gt_label.tolist() == [3]


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
@pytest.mark.parametrize('mode', ['zero', 'duplicate'])
@pytest.mark.parametrize('persons, frames', [(1, 1), (1, 40), (2, 77), (2, 300)])
def test_ntu_testing(stream, mode, persons, frames):
    clip = body(persons, frames, 25, seed=frames)
    if persons == 2:
        clip[1, frames // 2:] = 0  # leaves
        clip[:, -3:] = 0  # nobody is there any more
    expected = naive_ntu(clip, stream, 0.95, duplicate=mode == 'duplicate')
    packed = run(ntu_steps(stream, False, mode), clip)
    np.testing.assert_allclose(packed['inputs'][0].numpy(), expected, atol=3e-6)


def ucla_steps(stream, train):
    return [
        *([dict(type='RandomRotation', theta=(1.0472, 1.0472, 0), order='yxz')] if train else []),
        dict(type='MinMaxNormalize'),
        dict(type='SortedSampleFrames', clip_len=52, test_mode=not train),
        dict(type='PoseDecode'),
        dict(type='SkeletonStream', stream=stream, layout='nwucla'),
        dict(type='FormatGCNInput', num_person=1),
        dict(type='PackActionInputs'),
    ]


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
@pytest.mark.parametrize('frames', [1, 2, 39, 201])
def test_nwucla_training(stream, frames):
    clip = body(1, frames, 20, seed=frames)
    steps = ucla_steps(stream, train=True)
    for seed in range(3):
        np.random.seed(seed)
        # The authors turn the other way about, which is as likely.
        angles = -np.random.uniform(-1.0472, 1.0472, size=3)[:2]
        # Which frames come out is tested with the step that draws them.
        sampler = TRANSFORMS.build(steps[2])
        inds = sampler(dict(total_frames=frames))['frame_inds']
        expected = naive_ucla(clip[0], stream, inds, angles, scale=1.3)
        packed = run(steps, clip, seed)
        assert packed['inputs'].shape == (1, 1, 52, 20, 3)
        np.testing.assert_allclose(packed['inputs'][0, 0].numpy(), expected, atol=5e-6)


@pytest.mark.parametrize('stream', ['j', 'b', 'jm', 'bm'])
@pytest.mark.parametrize('frames', [1, 2, 39, 201])
def test_nwucla_testing(stream, frames):
    clip = body(1, frames, 20, seed=frames)
    packed = run(ucla_steps(stream, train=False), clip)
    expected = naive_ucla(clip[0], stream)
    np.testing.assert_allclose(packed['inputs'][0, 0].numpy(), expected, atol=5e-6)

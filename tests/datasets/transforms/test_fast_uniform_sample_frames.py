import numpy as np
import pytest
from mmaction.datasets.transforms import UniformSampleFrames

from cocodiff_mm.datasets.transforms.fast_uniform_sample_frames import FastUniformSampleFrames


def clip(frames):
    keypoint = np.random.default_rng(0).normal(size=(2, frames, 25, 3)).astype(np.float32)
    keypoint[1, frames // 3:frames // 2] = 0  # the second person goes and comes back
    return dict(keypoint=keypoint, total_frames=frames, start_index=0, label=3)


@pytest.mark.parametrize('frames', [1, 7, 99, 100, 150, 199, 200, 300])
@pytest.mark.parametrize('args', [dict(), dict(num_clips=10, test_mode=True)])
def test_the_frames_are_those_of_mmaction2(frames, args):
    chosen = []
    for kind in (UniformSampleFrames, FastUniformSampleFrames):
        np.random.seed(frames)
        chosen.append(kind(clip_len=100, **args)(clip(frames)))
    stock, ours = chosen
    assert set(ours) == set(stock)
    for key in ('frame_inds', 'clip_len', 'num_clips', 'frame_interval', 'keypoint', 'label'):
        np.testing.assert_array_equal(ours[key], stock[key])
    assert ours['frame_inds'].dtype == stock['frame_inds'].dtype


def test_testing_does_not_disturb_the_draws_of_training():
    np.random.seed(0)
    expected = np.random.rand(3)
    np.random.seed(0)
    FastUniformSampleFrames(clip_len=10, test_mode=True)(clip(30))
    np.testing.assert_array_equal(np.random.rand(3), expected)


def test_a_frame_count_that_lies_is_refused():
    with pytest.raises(ValueError, match='has 30 frames and total_frames=31'):
        FastUniformSampleFrames(clip_len=10)(dict(clip(30), total_frames=31))

import numpy as np
import pytest
from mmaction.datasets.transforms import FormatGCNInput, PoseDecode

from cocodiff_mm.datasets.transforms import SortedSampleFrames


def draw(frames, **settings):
    results = SortedSampleFrames(**settings)(dict(total_frames=frames))
    assert results['frame_inds'].dtype == np.int32
    return results['frame_inds'].tolist()


@pytest.mark.parametrize('frames', [1, 2, 9, 52, 201])
def test_testing_spaces_frames_evenly_and_rounds_down(frames):
    inds = draw(frames, test_mode=True)
    assert inds == np.linspace(0, frames - 1, 52).astype(int).tolist()
    assert (inds[0], inds[-1], len(inds)) == (0, frames - 1, 52)


@pytest.mark.parametrize('frames', [1, 2, 3, 52, 201])
def test_training_draws_in_order(frames):
    for _ in range(20):
        inds = draw(frames)
        assert len(inds) == 52 and inds == sorted(inds)
        assert 0 <= inds[0] and inds[-1] < frames


def test_every_frame_is_as_likely():
    counts = np.zeros(30)
    for _ in range(3000):
        np.add.at(counts, draw(30), 1)
    expected = 3000 * 52 / 30
    # The variance of a draw without replacement from 100 copies of each of 30 frames.
    deviation = np.sqrt(3000 * 52 * (1 / 30) * (29 / 30) * (3000 - 52) / (3000 - 1))
    assert abs(counts - expected).max() < 4 * deviation


def test_copies_are_drawn_without_replacement():
    """Of two frames, how often the first comes is hypergeometric, not binomial."""
    firsts = np.array([draw(2, clip_len=150).count(0) for _ in range(3000)])
    assert firsts.min() >= 50 and firsts.mean() == pytest.approx(75, abs=0.5)
    # 150 of 2 x 150 copies; with replacement it would be 37.5.
    assert firsts.var() == pytest.approx(150 / 4 * (300 - 150) / (300 - 1), rel=0.1)


def test_a_single_frame_fills_any_clip():
    assert draw(1, clip_len=128) == [0] * 128


def test_decoding_picks_the_frames():
    keypoint = np.arange(7, dtype=np.float32)[None, :, None, None] * np.ones((1, 7, 5, 3))
    keypoint.setflags(write=False)
    clip = SortedSampleFrames(clip_len=13, test_mode=True)(dict(keypoint=keypoint, total_frames=7))
    decoded = FormatGCNInput(num_person=1)(PoseDecode()(clip))['keypoint']
    assert decoded[0, 0, :, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert (clip['clip_len'], clip['num_clips']) == (13, 1)


def test_draws_follow_the_seed():
    def seeded(seed):
        np.random.seed(seed)
        return draw(40)

    assert seeded(1) == seeded(1) != seeded(2)


def test_refuses_no_frames_at_all():
    with pytest.raises(ValueError, match='clip_len=0, expected 1 or more frames'):
        SortedSampleFrames(clip_len=0)


def test_sampling_repr_names_the_arguments():
    assert repr(SortedSampleFrames(52)) == 'SortedSampleFrames(clip_len=52, test_mode=False)'

import numpy as np
import pytest
from mmaction.datasets.transforms import FormatGCNInput

from cocodiff_mm.datasets.transforms import PadPersons, RandomRotation, SkeletonStream


def clip_of(persons):
    keypoint = np.random.default_rng(persons).normal(size=(persons, 4, 25, 3)).astype(np.float32)
    keypoint.setflags(write=False)
    return keypoint


@pytest.mark.parametrize('mode', ['zero', 'duplicate'])
@pytest.mark.parametrize('persons', [1, 2, 3, 4])
def test_fills_up_to_three(persons, mode):
    keypoint = clip_of(persons)
    padded = PadPersons(3, mode)(dict(keypoint=keypoint))['keypoint']
    assert padded.shape == (3, 4, 25, 3) and padded.dtype == np.float32
    for place in range(3):
        if place < persons:
            assert np.array_equal(padded[place], keypoint[place])
        elif mode == 'duplicate' and persons == 1:
            assert np.array_equal(padded[place], keypoint[0])
        else:
            assert not padded[place].any()


def test_a_stored_person_who_is_not_there_stays_zero():
    keypoint = clip_of(2).copy()
    keypoint[1] = 0
    assert np.array_equal(PadPersons(2, 'duplicate')(dict(keypoint=keypoint))['keypoint'], keypoint)


def test_scores_go_with_the_joints():
    score = np.full((1, 4, 25), 0.5, dtype=np.float32)
    clip = PadPersons(2, 'duplicate')(dict(keypoint=clip_of(1), keypoint_score=score))
    assert clip['keypoint_score'].shape == (2, 4, 25) and (clip['keypoint_score'] == 0.5).all()


@pytest.mark.parametrize('persons', [1, 2, 3])
def test_formatting_has_nothing_left_to_do(persons):
    padded = PadPersons(2, 'duplicate')(dict(keypoint=clip_of(persons)))
    before = padded['keypoint']
    assert np.array_equal(FormatGCNInput(num_person=2)(padded)['keypoint'][0], before)


def test_zero_mode_is_what_formatting_does():
    expected = FormatGCNInput(num_person=2)(dict(keypoint=clip_of(1)))['keypoint'][0]
    assert np.array_equal(PadPersons(2)(dict(keypoint=clip_of(1)))['keypoint'], expected)


def test_it_can_stand_anywhere():
    def run(steps):
        np.random.seed(2)
        results = dict(keypoint=clip_of(1))
        for step in steps:
            results = step(results)
        return results['keypoint']

    steps = [PadPersons(2, 'duplicate'), RandomRotation(), SkeletonStream('bm')]
    np.testing.assert_allclose(run(steps), run(steps[1:] + steps[:1]), atol=1e-6)


def test_refuses_another_mode_and_nobody():
    with pytest.raises(ValueError, match="unknown mode 'loop'; allowed: 'zero', 'duplicate'"):
        PadPersons(mode='loop')
    with pytest.raises(ValueError, match='num_person=0, expected 1 or more'):
        PadPersons(0)


def test_pad_repr_names_the_arguments():
    assert repr(PadPersons(1)) == "PadPersons(num_person=1, mode='zero')"

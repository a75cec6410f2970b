import numpy as np
import pytest

from cocodiff_mm.datasets.synthetic_motion.geometry import (
    bend_limb,
    ease,
    keyframes,
    rotate_x,
    rotate_y,
    rotate_z,
    slerp,
    unit,
)
from cocodiff_mm.datasets.synthetic_motion.subject import Manner, make_subject


def test_subjects_differ_within_human_ranges():
    subjects = [make_subject(0, index) for index in range(16)]
    heights = np.array([subject.body.height for subject in subjects])
    assert 1.5 <= heights.min() < 1.65 and 1.8 < heights.max() <= 1.95
    for half in (subjects[::2], subjects[1::2]):
        assert sum(subject.left_handed for subject in half) == 2
    for subject in subjects:
        body = subject.body
        top = (body.standing + body.lower_spine + body.upper_spine + body.neck + body.head)
        assert 0.9 < top / body.height < 0.97
        assert 0.44 < body.leg / body.height < 0.53
    assert make_subject(0, 3) == subjects[3] != make_subject(1, 3)


def test_variety_widens_what_is_drawn():
    values = {variety: [Manner(np.random.default_rng(seed), np.random.default_rng(seed + 99),
                               variety).between(1, 3) for seed in range(200)]
              for variety in (0.0, 0.5, 1.0)}
    assert set(values[0.0]) == {2.0}
    assert np.std(values[1.0]) == pytest.approx(2 * np.std(values[0.5]))
    assert 1 <= min(values[1.0]) < 1.3 and 2.7 < max(values[1.0]) <= 3


def test_rotations_are_right_handed():
    angle = np.array([np.pi / 2])
    for rotate, start, stop in ((rotate_x, (0, 0, -1), (0, 1, 0)),
                                (rotate_y, (0, 0, -1), (-1, 0, 0)),
                                (rotate_z, (0, 1, 0), (-1, 0, 0))):
        np.testing.assert_allclose(rotate(angle)[0] @ start, stop, atol=1e-12)
        assert np.linalg.det(rotate(angle)[0]) == pytest.approx(1)


def test_a_limb_ends_at_its_target_or_stretches_to_it():
    target = np.array([[0.3, -0.2, -0.1], [0, -5, 0]])
    pole = np.array([[0, 0, -1.0]])
    upper, lower = bend_limb(target, pole, 0.3, 0.25)
    np.testing.assert_allclose(np.linalg.norm([upper, lower], axis=-1), 1)
    end = 0.3 * upper + 0.25 * lower
    np.testing.assert_allclose(end[0], target[0], atol=1e-12)
    np.testing.assert_allclose(unit(end[1]), (0, -1, 0), atol=1e-12)
    assert 0.545 < np.linalg.norm(end[1]) <= 0.55
    assert upper[1, 2] < 0, 'the joint points to the pole'


def test_curves_pass_their_keys_without_overshoot():
    time = np.arange(0, 41, dtype=float)
    curve = keyframes(time, [5, 10, 20, 35], [[0, 1], [2, 1], [1, 1], [3, 1]])
    np.testing.assert_allclose(curve[[0, 5, 10, 20, 35, 40], 0], [0, 0, 2, 1, 3, 3])
    assert curve[:, 0].max() <= 3 and curve[5:21, 0].max() <= 2
    np.testing.assert_allclose(curve[:, 1], 1)
    np.testing.assert_allclose(ease(time, 10, 20)[[0, 10, 15, 20, 40]], [0, 0, 0.5, 1, 1])


def test_slerp_turns_evenly():
    weight = np.linspace(0, 1, 7)[:, None]
    turned = slerp(np.tile((1.0, 0, 0), (7, 1)), np.tile((0, 1.0, 0), (7, 1)), weight)
    np.testing.assert_allclose(np.arctan2(turned[:, 1], turned[:, 0]), weight[:, 0] * np.pi / 2)

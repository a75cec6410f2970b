import numpy as np
import pytest

from cocodiff_mm.datasets.synthetic_motion import body as b
from cocodiff_mm.datasets.synthetic_motion.performer import Performer
from cocodiff_mm.datasets.synthetic_motion.sensor import (
    VIEWS,
    add_noise,
    drop_joints,
    hidden,
    to_camera,
)
from cocodiff_mm.datasets.synthetic_motion.subject import Manner, make_subject


def standing(frames=40):
    manner = Manner(np.random.default_rng(0), np.random.default_rng(1), variety=0)
    return Performer(make_subject(0, 0), frames, manner).joints()


def generator():
    return np.random.default_rng(5)


def heading(joints):
    """Degrees that a person is turned from facing the sensor."""
    x, _, z = (joints[:, b.SHOULDER[0]] - joints[:, b.SHOULDER[1]]).mean(0)
    return np.degrees(np.arctan2(-z, x))


def test_a_view_is_a_rigid_motion():
    joints = standing()
    for view in range(len(VIEWS)):
        seen = to_camera(joints[None], view, generator())[0]
        for a, c in ((0, 3), (3, 15), (11, 19)):
            np.testing.assert_allclose(np.linalg.norm(seen[:, a] - seen[:, c], axis=-1),
                                       np.linalg.norm(joints[:, a] - joints[:, c], axis=-1))
        assert np.isclose(np.linalg.det(np.linalg.lstsq(
            joints[0] - joints[0, 0], seen[0] - seen[0, 0], rcond=None)[0]), 1)
        assert (seen[..., 2] > 2).all() and (seen[..., 2] < 4.5).all()


def test_cameras_stand_45_degrees_apart():
    joints = standing()
    turned = [heading(to_camera(joints[None], view, generator())[0]) for view in range(3)]
    np.testing.assert_allclose(np.diff(turned), 45, atol=2)
    # In front of the middle camera the right hand is at the larger x, the toes nearer.
    seen = to_camera(joints[None], 1, generator())[0]
    assert (seen[:, b.HAND[0], 0] > seen[:, b.HAND[1], 0]).all()
    assert (seen[:, b.FOOT, 2] < seen[:, b.ANKLE, 2]).all()


def test_noise_has_the_size_and_memory_it_says():
    frames, std = 60, 0.02
    joints = np.tile(to_camera(standing(1)[None], 1, generator())[0], (frames, 1, 1))
    joints[..., 2] = 3.0
    draw = generator()
    noise = np.stack([add_noise(joints, std, draw) for _ in range(150)]) - joints
    sizes = noise.std(axis=(0, 1, 3))
    assert sizes[b.SPINE_MID] == pytest.approx(std, rel=0.06)
    assert sizes[b.FOOT[0]] == pytest.approx(2 * std, rel=0.1)
    jitter = noise[:, :, b.SPINE_MID] - noise[:, :, b.SPINE_MID].mean(1, keepdims=True)
    assert np.corrcoef(jitter[:, 1:].ravel(), jitter[:, :-1].ravel())[0, 1] > 0.7
    np.testing.assert_array_equal(add_noise(joints, 0, draw), joints)


def test_noise_grows_with_depth():
    joints = to_camera(standing(50)[None], 1, generator())[0]
    far = joints * (1, 1, 1) + (0, 0, 3)
    near_noise = add_noise(joints, 0.02, generator()) - joints
    far_noise = add_noise(far, 0.02, generator()) - far
    ratio = (far_noise / near_noise)[:, b.SPINE_BASE]
    np.testing.assert_allclose(ratio, (far / joints)[:, b.SPINE_BASE, 2:].repeat(3, 1))


def test_a_hand_behind_the_back_is_hidden():
    joints = to_camera(standing(3)[None], 1, generator())[0]
    spine = joints[:, b.SPINE_MID]
    joints[:, b.WRIST[0]] = spine + (0, 0, 0.25)
    joints[:, b.WRIST[1]] = spine - (0, 0, 0.25)
    joints[:, b.ELBOW[0]] = spine + (0.5, 0, 0.25)
    cover = hidden(joints)
    assert (cover[:, b.WRIST[0]] > 0.9).all()
    assert (cover[:, [b.WRIST[1], b.ELBOW[0]]] < 0.01).all()
    assert (cover[:, [b.SPINE_MID, *b.SHOULDER]] == 0).all()


def test_lost_joints_freeze_or_become_zero():
    joints = to_camera(standing(60)[None], 1, generator())[0]
    np.testing.assert_array_equal(drop_joints(joints, 0, generator()), joints)
    lost = drop_joints(joints, 1, generator())
    zero = (lost == 0).all(-1)
    changed = (lost != joints).any(-1)
    assert changed.any(0).all(), 'every joint is lost once'
    assert changed.sum(0).max() <= 15 and not changed[0].any()
    assert 0 < zero.any(0).sum() < 15
    trunk = [b.SPINE_BASE, b.SPINE_MID, b.SPINE_TOP, b.NECK, b.HEAD, *b.SHOULDER, *b.HIP]
    assert not zero[:, trunk].any()
    for joint in np.flatnonzero(~zero.any(0)):
        first = changed[:, joint].argmax()
        span = changed[:, joint]
        np.testing.assert_array_equal(lost[span, joint], joints[[first - 1] * span.sum(), joint])

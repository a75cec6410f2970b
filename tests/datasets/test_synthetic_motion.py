from dataclasses import replace

import numpy as np
import pytest

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.synthetic_motion import body as b
from cocodiff_mm.datasets.synthetic_motion.actions import ACTIONS, perform
from cocodiff_mm.datasets.synthetic_motion.geometry import unit
from cocodiff_mm.datasets.synthetic_motion.subject import Manner, make_subject

ONE_PERSON = [name for name, action in ACTIONS.items() if action.persons == 1]
TWO_PERSONS = [name for name, action in ACTIONS.items() if action.persons == 2]
SUBJECTS = [replace(make_subject(0, index), left_handed=False) for index in range(6)]


def manner(*key):
    return Manner(np.random.default_rng((1, *key)), np.random.default_rng((2, *key)))


def act(name, index, other_hand=False):
    """One take; its own hand is used where ``whim`` would change it."""
    members = (index, (index + 1) % len(SUBJECTS))[:ACTIONS[name].persons]
    subjects = [replace(SUBJECTS[member], left_handed=other_hand) for member in members]
    manners = [manner(index, member) for member in members]
    manners[0].whim = lambda probability: False
    return perform(name, subjects, manners)


def takes(name):
    return [act(name, index) for index in range(len(SUBJECTS))]


def lengths(joints):
    parent, child = np.array(b.BONES).T
    return np.linalg.norm(joints[..., child, :] - joints[..., parent, :], axis=-1)


def gap(scene):
    return np.linalg.norm((scene[0] - scene[1])[:, b.SPINE_BASE], axis=-1)


def facing(joints):
    across = joints[:, b.SHOULDER[0]] - joints[:, b.SHOULDER[1]]
    up = joints[:, b.SPINE_TOP] - joints[:, b.SPINE_BASE]
    return unit(np.cross(up, across))


def distance(joints, first, second):
    return np.linalg.norm(joints[:, first] - joints[:, second], axis=-1)


def test_actions_are_the_classes_in_order():
    assert tuple(ACTIONS) == CLASSES['synthetic']
    assert len(ONE_PERSON) == 13 and len(TWO_PERSONS) == 4


def test_the_skeleton_is_a_tree_with_two_equal_sides():
    assert {child for _, child in b.BONES} == set(range(1, 25))
    np.testing.assert_array_equal(b.SWAP[b.SWAP], np.arange(25))
    assert {(b.SWAP[p], b.SWAP[c]) for p, c in b.BONES} == set(b.BONES)


@pytest.mark.parametrize('name', ACTIONS)
def test_a_body_stays_a_body(name):
    for scene in takes(name):
        length = lengths(scene)
        assert np.ptp(length, axis=1).max() < 1e-9
        sides = [b.BONES.index((b.SWAP[p], b.SWAP[c])) for p, c in b.BONES]
        np.testing.assert_allclose(length, length[..., sides], atol=1e-9)
        assert scene[..., 1].min() > 0, 'through the floor'
        for side in (b.RIGHT, b.LEFT):
            hip, knee, ankle, toe = (scene[:, :, joint[side]]
                                     for joint in (b.HIP, b.KNEE, b.ANKLE, b.FOOT))
            forward = (toe - ankle) * (1, 0, 1)
            bent = unit(knee - hip) - unit(ankle - knee)
            assert ((bent * forward).sum(-1) > 0).all(), 'a knee bends backward'
            elbow = [unit(scene[:, :, q[side]] - scene[:, :, p[side]])
                     for p, q in ((b.SHOULDER, b.ELBOW), (b.ELBOW, b.WRIST))]
            assert (elbow[0] * elbow[1]).sum(-1).min() > -0.9, 'an elbow folds flat'
        speed = 30 * np.linalg.norm(np.diff(scene, axis=1), axis=-1)
        assert speed.max() < 20, 'faster than a person'


@pytest.mark.parametrize('name', ONE_PERSON)
def test_left_handers_mirror_right_handers(name):
    right, left = act(name, 0), act(name, 0, other_hand=True)
    np.testing.assert_allclose(b.mirror(right), left)
    np.testing.assert_allclose(b.mirror(left), right)
    assert not np.allclose(left, right, atol=0.02)


def test_standing_up_is_sitting_down_reversed():
    for index in range(len(SUBJECTS)):
        down, up = act('sit down', index), act('stand up', index)
        np.testing.assert_array_equal(down[:, ::-1], up)
        height = down[0, :, b.SPINE_BASE, 1]
        assert height[0] - height[-1] > 0.22 * SUBJECTS[index].body.height
        hip, knee = down[0, -1, b.HIP[0]], down[0, -1, b.KNEE[0]]
        assert abs(unit(knee - hip)[1]) < 0.35, 'thighs are level'


@pytest.mark.parametrize(('name', 'where', 'near', 'far'), [
    ('drink water', (0, -0.08, -0.12), 0.17, 0.28),
    ('answer phone', (0.1, 0, 0), 0.17, 0.28),
    ('brush hair', (0.05, 0.1, 0), 0.22, 0.3),
])
def test_a_hand_goes_to_the_head_and_only_one(name, where, near, far):
    for (joints, ) in takes(name):
        right, left = ([np.linalg.norm(joints[:, hand] - joints[:, b.HEAD] - where * np.array(
            (b.SIGN[side], 1, 1)), axis=-1).min() for hand in (b.HAND[side], b.WRIST[side])]
                       for side in (b.RIGHT, b.LEFT))
        assert min(right) < near and max(right) < far
        assert min(left) > 0.35


def test_waving_swings_sideways_away_from_the_head():
    for (joints, ) in takes('wave hand'):
        raised = joints[joints[:, b.WRIST[0], 1] > joints[:, b.SHOULDER[0], 1]]
        assert len(raised) > 10
        assert distance(raised, b.WRIST[0], b.HEAD).min() > 0.15
        relative = raised[:, b.WRIST[0]] - raised[:, b.SPINE_TOP]
        assert np.ptp(relative[:, 0]) > 0.08


def test_clapping_hands_meet_and_part():
    for (joints, ) in takes('clap hands'):
        together = distance(joints, *b.WRIST)
        assert together.min() < 0.12
        turns = np.diff(np.sign(np.diff(together)))
        assert (turns != 0).sum() >= 3


def test_raised_arms_are_above_the_head():
    for (joints, ) in takes('raise both arms'):
        above = joints[:, b.WRIST, 1] - joints[:, [b.HEAD], 1]
        assert above.min(axis=1).max() > 0.05


def test_throwing_is_fast_and_to_the_front():
    for (joints, ) in takes('throw'):
        wrist = joints[:, b.WRIST[0]] - joints[:, b.SPINE_TOP]
        assert wrist[:, 2].max() > 0.1 and wrist[:, 2].min() < -0.3
        assert wrist[:, 2].argmax() < wrist[:, 2].argmin()
        assert 30 * np.linalg.norm(np.diff(wrist, axis=0), axis=-1).max() > 4


def test_picking_up_reaches_the_floor_and_returns():
    for (joints, ) in takes('pick up from floor'):
        assert joints[:, b.WRIST[0], 1].min() < joints[:, b.KNEE[0], 1].min()
        assert joints[:, b.WRIST[0], 1].min() < 0.25
        head = joints[:, b.HEAD, 1]
        assert head[-1] - head.min() > 0.3 * head.max() and head[0] - head.min() > 0.3 * head.max()


def test_kicking_lifts_one_foot_forward():
    for (joints, ) in takes('kick forward'):
        right, left = joints[:, b.ANKLE[0]], joints[:, b.ANKLE[1]]
        assert right[:, 1].max() > 0.25
        assert (right - joints[:, b.HIP[0]])[right[:, 1].argmax(), 2] < -0.3
        assert np.ptp(left, axis=0).max() < 0.02


def test_jumping_takes_both_feet_off_the_floor():
    for index, (joints, ) in enumerate(takes('jump up')):
        floor = SUBJECTS[index].body.ankle
        assert (joints[:, b.ANKLE, 1].min(axis=1) - floor).max() > 0.05
        np.testing.assert_allclose(joints[[0, -1]][:, b.ANKLE, 1], floor, atol=0.02)


def test_marching_keeps_one_foot_on_the_floor_and_the_place():
    for index, (joints, ) in enumerate(takes('march in place')):
        height = joints[:, b.ANKLE, 1] - SUBJECTS[index].body.ankle
        assert height.min(axis=1).max() < 0.02
        assert (height.max(axis=0) > 0.03).all(), 'both feet are lifted'
        assert np.ptp(joints[:, b.SPINE_BASE], axis=0).max() < 0.25


@pytest.mark.parametrize('name', ['shake hands', 'push another person', 'walk towards each other'])
def test_two_persons_face_each_other(name):
    for scene in takes(name):
        towards = unit((scene[1] - scene[0])[:, b.SPINE_BASE] * (1, 0, 1))
        assert (facing(scene[0]) * towards).sum(-1).min() > 0.5
        assert (facing(scene[1]) * -towards).sum(-1).min() > 0.5


def test_hands_meet_in_a_handshake():
    for scene in takes('shake hands'):
        hands = np.linalg.norm(scene[0, :, b.HAND[0]] - scene[1, :, b.HAND[0]], axis=-1)
        assert hands.min() < 0.12
        assert np.ptp(gap(scene)) < 0.15


def test_a_push_reaches_the_other_who_gives_way():
    for scene in takes('push another person'):
        hands = scene[0, :, b.TIP[0]]
        assert np.linalg.norm(hands - scene[1, :, b.SPINE_TOP], axis=-1).min() < 0.35
        assert gap(scene)[-1] - gap(scene).min() > 0.1
        assert abs(scene[1, -1, 0, 0] - scene[1, 0, 0, 0]) > 0.13


def test_walkers_meet_or_part():
    for index in range(len(SUBJECTS)):
        meet, part = act('walk towards each other', index), act('walk apart', index)
        assert gap(meet)[0] - gap(meet)[-1] > 0.8 and gap(meet)[-1] < 2.2
        assert gap(part)[-1] - gap(part)[0] > 0.6 and gap(part)[0] < 1.5
        assert np.diff(gap(meet)).max() < 0.02 and np.diff(gap(part)).min() > -0.02
        away = unit((part[0] - part[1])[-1, b.SPINE_BASE] * (1, 0, 1))
        assert facing(part[0])[-1] @ away > 0.5 and facing(part[1])[-1] @ -away > 0.5


def test_a_foot_on_the_floor_does_not_slide():
    for scene in takes('walk towards each other'):
        speed = 30 * np.linalg.norm(np.diff(scene[:, :, b.ANKLE], axis=1), axis=-1)
        assert speed.max() > 1.5
        assert speed.min(axis=-1).max() < 0.8

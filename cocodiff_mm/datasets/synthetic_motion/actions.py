from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES

from . import gestures, pairs, whole_body
from .body import LEFT, mirror
from .geometry import apply, ease, rotate_y
from .performer import Performer, Reach
from .subject import Manner, Subject


@dataclass(frozen=True)
class Action:
    """How a class is performed.

    Args:
        perform (Callable): Sets up one performer, or two and returns their distance.
        frames (tuple[int, int]): Shortest and longest clip at 30 frames per second.
        persons (int): 1 or 2. Defaults to 1.
        backward (bool): Whether the clip is played backward. Defaults to False.
        apart (bool): Whether two persons face away from each other. Defaults to False.
        free_arm (bool): Whether the left arm has nothing to do. Defaults to False.
    """
    perform: Callable
    frames: tuple[int, int]
    persons: int = 1
    backward: bool = False
    apart: bool = False
    free_arm: bool = False


_SYNTHETIC = (
    Action(gestures.drink_water, (40, 80), free_arm=True),
    Action(gestures.answer_phone, (40, 80), free_arm=True),
    Action(gestures.wave_hand, (40, 80), free_arm=True),
    Action(gestures.brush_hair, (40, 80), free_arm=True),
    Action(gestures.throw, (40, 72), free_arm=True),
    Action(gestures.clap_hands, (40, 76)),
    Action(gestures.raise_both_arms, (40, 80)),
    Action(whole_body.sit_down, (36, 76)),
    Action(whole_body.sit_down, (36, 76), backward=True),
    Action(whole_body.pick_up_from_floor, (46, 80)),
    Action(whole_body.kick_forward, (32, 68)),
    Action(whole_body.jump_up, (42, 72)),
    Action(whole_body.march_in_place, (34, 80)),
    Action(pairs.shake_hands, (40, 80), persons=2),
    Action(pairs.push_another_person, (46, 76), persons=2),
    Action(pairs.walk_towards, (40, 80), persons=2),
    Action(pairs.walk_apart, (50, 80), persons=2, apart=True),
)
ACTIONS: dict[str, Action] = dict(zip(CLASSES['synthetic'], _SYNTHETIC, strict=True))


def perform(name: str, subjects: Sequence[Subject], manners: Sequence[Manner]) -> np.ndarray:
    """Let one or two subjects perform an action once.

    Args:
        name (str): Class name, one of ``ACTIONS``.
        subjects (Sequence[Subject]): As many as the action has persons.
        manners (Sequence[Manner]): Draws of each of them.

    Returns:
        np.ndarray: Joints (M, T, 25, 3) in metres without noise; the floor is y = 0, the scene's
        middle the origin, and a lone person faces -z.
    """
    action = ACTIONS[name]
    frames = int(manners[0].take.integers(action.frames[0], action.frames[1] + 1))
    performers = [Performer(subject, frames, manner)
                  for subject, manner in zip(subjects, manners, strict=True)]
    if action.persons == 1:
        if action.free_arm:
            _occupy_free_arm(performers[0])
        action.perform(performers[0])
        scene = performers[0].joints()[None]
        other_hand = manners[0].whim(0.12)
        if subjects[0].left_handed != other_hand:
            scene = mirror(scene)
    else:
        gap = action.perform(*performers)
        # Two persons do not mirror: all of them shake right hands.
        scene = np.stack([
            _place(person.joints(), side * gap / 2, side if not action.apart else -side)
            for person, side in zip(performers, (-1, 1), strict=True)])
    return scene[:, ::-1] if action.backward else scene


def _place(joints: np.ndarray, x: float, facing: int) -> np.ndarray:
    turn = np.full(len(joints), facing * np.pi / 2)
    placed = apply(rotate_y(turn)[:, None], joints)
    return placed + np.array([x, 0, 0])


def _occupy_free_arm(p: Performer) -> None:
    """Let the arm that has nothing to do hang, rest on the hip, be bent or fidget."""
    draw, size, ones = p.manner, p.body.height / 1.75, np.ones(len(p.time))
    mood = draw.take.random()
    if mood < 0.12:
        p.reach[LEFT] = Reach(target=size * np.array([0.22, -0.42, 0.02]) * ones[:, None],
                              weight=ones, pole=(1, 0, 0.6))
    elif mood < 0.27:
        p.move_arm(LEFT, ones, swing=draw.between(0, 0.3), abduct=0.2,
                   flex=draw.between(0.8, 1.7))
    elif mood < 0.5:
        begin, length = p.event(draw.between(0.8, 1.6))
        risen = ease(p.time, begin, begin + length)
        weight = 4 * risen * (1 - risen)
        p.move_arm(LEFT, weight, swing=draw.take.uniform(0, 1), abduct=draw.take.uniform(0, 0.7),
                   flex=draw.take.uniform(0.5, 2))

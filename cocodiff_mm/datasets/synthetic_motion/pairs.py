"""Actions of two persons. Each sets up two performers and says how far apart they stand.

Both performers are set up in their own frames, facing -z. The first then stands at minus half the
gap on the scene's x axis and faces +x, the second at plus half the gap and faces -x; where they
walk apart, both face away from each other instead.
"""
import numpy as np

from .body import LEFT, RIGHT
from .geometry import ease, keyframes
from .performer import Performer, Reach
from .walking import turn_round, walk


def shake_hands(a: Performer, b: Performer) -> float:
    """Right hands meet midway, bob up and down together and draw back."""
    draw = a.manner
    gap = draw.between(0.7, 0.95) * (a.body.arm + b.body.arm) / 1.1
    rise, fall = draw.between(0.5, 0.9), draw.between(0.4, 0.8)
    held = a.hold(rise, fall)
    bob = held**2 * draw.between(0.015, 0.05) * np.sin(a.cycle(draw.between(1.2, 2.4)))
    height = 0.29 * (a.body.height + b.body.height) + draw.between(-0.06, 0.06)
    aside, nearer = draw.between(-0.06, 0.06), draw.between(-0.06, 0.06)
    for p, sign in ((a, 1), (b, -1)):
        target = np.stack([np.full_like(bob, sign * aside + 0.03), height + bob,
                           np.full_like(bob, -gap / 2 + sign * nearer + 0.9 * p.body.palm)],
                          axis=-1)
        p.reach[RIGHT] = Reach(target=target, weight=held, pole=(0.5, -1, 0.6), frame='world',
                               hand=np.array([-0.3, 0.1, -1]), front=0.1)
        p.bend = p.bend + held * p.manner.between(0, 0.25)
        p.nod = p.nod + held * p.manner.between(-0.1, 0.2)
    return gap


def push_another_person(a: Performer, b: Performer) -> float:
    """The first thrusts both hands against the second, who tips and steps back."""
    draw = a.manner
    stride = draw.between(0.12, 0.35)
    gap = 0.85 * a.body.arm + 0.5 * stride + 0.2 + draw.between(-0.06, 0.06)
    begin, length = a.event(draw.between(1.7, 2.3))
    raised = begin + min(a.seconds(draw.between(0.4, 0.7)), 0.35 * length)
    contact = raised + a.seconds(draw.between(0.25, 0.45))
    back = contact + a.seconds(draw.between(0.2, 0.5))
    done = back + a.seconds(draw.between(0.4, 0.8))
    weight = ease(a.time, begin, raised) - ease(a.time, back, done)
    chest = 0.75 * b.body.height + draw.between(-0.05, 0.05)
    own = 0.72 * a.body.height
    times = [begin, raised, contact, back]
    depth = [-0.2, -0.2 - 0.3 * stride, -gap + 0.16, -gap + 0.02]
    height = keyframes(a.time, times, [own, own, chest, chest])
    aside = keyframes(a.time, times, [0.14, 0.14, 0.12, 0.12])
    for side, sign in ((RIGHT, 1), (LEFT, -1)):
        target = np.stack([sign * aside, height, keyframes(a.time, times, depth)], axis=-1)
        a.reach[side] = Reach(target=target, weight=weight, pole=(0.8, -1, 0.5), frame='world',
                              hand=np.array([0, 0.8, -0.6]), front=0.2)
    a.bend = a.bend + draw.between(0.1, 0.4) * (
        ease(a.time, raised, contact) - ease(a.time, back, done))
    step = ease(a.time, raised - 3, contact)
    foot = RIGHT if draw.chance(0.5) else LEFT
    a.ankle[foot, :, 2] -= stride * step
    a.ankle[foot, :, 1] += 0.06 * np.sin(np.pi * step)
    a.root[:, 2] -= 0.5 * stride * step
    _recoil(b, contact)
    return gap


def _recoil(p: Performer, contact: float) -> None:
    draw = p.manner
    jerk = keyframes(p.time, [contact - 1, contact + 5, contact + 12, contact + 30],
                     [0, 1, 0.6, 0])
    p.bend = p.bend - draw.between(0.15, 0.4) * jerk
    p.nod = p.nod + 0.3 * jerk
    walk(p, contact, 2 + int(draw.whim(0.5)), -draw.between(0.15, 0.32),
         draw.between(9, 13))
    for side in (RIGHT, LEFT):
        p.swing[side] += draw.between(0.1, 0.7) * jerk
        p.abduct[side] += draw.between(0.1, 0.4) * jerk


def walk_towards(a: Performer, b: Performer) -> float:
    """Both walk forward until they stand close, face to face."""
    gap = a.manner.between(0.65, 1.1)
    for p in (a, b):
        gap += _walk_in_clip(p, p.manner.take.uniform(-0.15, 0.15) * len(p.time))
    return gap


def walk_apart(a: Performer, b: Performer) -> float:
    """Both stand close, turn their backs on each other and walk off."""
    for p in (a, b):
        length = p.seconds(p.manner.between(0.6, 1.0))
        begin = p.manner.take.uniform(-0.5 * length, 0.12 * len(p.time))
        turn_round(p, begin, length, left=p.manner.whim(0.5))
        _walk_in_clip(p, begin + 0.8 * length)
    return a.manner.between(0.65, 1.1)


def _walk_in_clip(p: Performer, begin: float) -> float:
    draw = p.manner
    pace = p.seconds(draw.between(0.42, 0.58))
    steps = int(np.clip((len(p.time) - begin) / pace + draw.between(-1, 0.5), 2, 5))
    length = 0.36 * p.body.leg * draw.between(1.1, 1.8) * min(p.subject.amplitude, 1.15)
    return walk(p, begin, steps, length, pace)

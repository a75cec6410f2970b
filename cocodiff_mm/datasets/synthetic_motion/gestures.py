"""Actions of the arms. Each sets up a performer; the acting hand is the right one."""
import numpy as np

from .body import LEFT, RIGHT
from .geometry import ease, keyframes
from .performer import Performer, Reach


def drink_water(p: Performer) -> None:
    """A hand goes to the mouth, stays while the head tilts back, and sinks again."""
    draw, size = p.manner, p.body.height / 1.75
    lifted = p.hold(draw.between(0.6, 1.0), draw.between(0.6, 1.0), stays=draw.whim(0.15))
    sip = lifted**3 * draw.between(0.05, 0.4)
    if draw.chance(0.3):
        sip = sip * (0.6 + 0.4 * np.sin(p.cycle(0.7)))
    p.nod = p.nod - sip
    mouth = size * (np.array([0.08, -0.11, -0.17]) + draw.offset(0.04))
    p.reach[RIGHT] = Reach(
        target=mouth, weight=lifted, pole=(draw.between(0.2, 1.1), -1, draw.between(-0.3, 0.4)),
        frame='head', hand=np.array([-0.8, 0.4, 0.3]), front=draw.between(0.4, 1.0))


def answer_phone(p: Performer) -> None:
    """A hand goes to the ear and stays there; the head leans to it a little."""
    draw, size = p.manner, p.body.height / 1.75
    lifted = p.hold(draw.between(0.6, 1.0), draw.between(0.6, 1.0), stays=draw.whim(0.6))
    p.tilt = p.tilt + lifted * draw.between(-0.05, 0.25)
    p.nod = p.nod + lifted * draw.between(-0.15, 0.15)
    ear = size * (np.array([0.14, -0.1, -0.08]) + draw.offset(0.04))
    p.reach[RIGHT] = Reach(
        target=ear, weight=lifted, pole=(draw.between(0.3, 1.2), -1, draw.between(-0.4, 0.3)),
        frame='head', hand=np.array([-0.25, 0.9, 0.35]), front=draw.between(0.3, 0.8))


def wave_hand(p: Performer) -> None:
    """A raised forearm swings from side to side about the elbow."""
    draw, size = p.manner, p.body.height / 1.75
    lifted = p.hold(draw.between(0.5, 0.9), draw.between(0.5, 0.9), stays=draw.whim(0.3))
    swing = np.sin(p.cycle(draw.between(1.0, 2.2)) + draw.take.uniform(0, 6.3))
    reach = size * p.subject.amplitude * draw.between(0.06, 0.2)
    centre = size * np.array([draw.between(0.26, 0.46), draw.between(0.16, 0.42),
                              draw.between(-0.32, -0.12)])
    ones = np.ones_like(swing)
    target = np.stack([centre[0] + reach * swing, centre[1] - 0.25 * reach * swing**2,
                       centre[2] * ones], axis=-1)
    hand = np.stack([0.8 * swing, ones, -0.2 * ones], axis=-1)
    p.reach[RIGHT] = Reach(
        target=target, weight=lifted, pole=(draw.between(0.5, 1.2), -1, 0.2), hand=hand,
        front=draw.between(0.2, 0.8))


def brush_hair(p: Performer) -> None:
    """A hand strokes the head from the forehead over the top to the back, again and again."""
    draw, size = p.manner, p.body.height / 1.75
    lifted = p.hold(draw.between(0.5, 0.9), draw.between(0.5, 0.9), stays=draw.whim(0.3))
    phase = p.cycle(draw.between(0.7, 1.5)) + draw.take.uniform(0, 6.3)
    stroke = 0.5 - 0.5 * np.cos(phase)
    lift = np.maximum(-np.sin(phase), 0) * draw.between(0.01, 0.08)
    p.tilt = p.tilt - lifted * draw.between(-0.1, 0.25)
    # From above the forehead to behind the ear, on an arc about the middle of the head.
    low, high = draw.between(-0.7, -0.3), draw.between(0.9, 1.6)
    middle, half = (low + high) / 2, p.subject.amplitude * (high - low) / 2
    angle = middle + np.clip(half, 0.35, 1.2) * (2 * stroke - 1)
    radius = size * (draw.between(0.17, 0.23) + lift)
    aside = size * (draw.between(0.08, 0.14) + 0.04 * stroke)
    target = np.stack([aside, radius * np.cos(angle) - 0.02, radius * np.sin(angle)], axis=-1)
    hand = np.stack([np.full_like(angle, -0.9), -0.6 * np.cos(angle), -0.6 * np.sin(angle)],
                    axis=-1)
    p.reach[RIGHT] = Reach(
        target=target, weight=lifted, pole=(1, draw.between(-0.6, 0.2), draw.between(-0.6, 0)),
        frame='head', hand=hand, front=draw.between(0.4, 1.0))


def throw(p: Performer) -> None:
    """A hand is drawn back behind the shoulder and whips forward and down."""
    draw, size = p.manner, p.body.height / 1.75
    far = p.subject.amplitude
    begin, length = p.event(draw.between(1.5, 2.2))
    release = begin + min(p.seconds(draw.between(0.7, 1.3)), 0.7 * length)
    whip = p.seconds(draw.between(0.2, 0.34))
    rest = release + whip + p.seconds(draw.between(0.6, 1.0))
    times = [begin, release - whip - 3, release - 0.4 * whip, release, release + whip, rest]
    points = size * np.array([
        (0.2, -0.5, -0.05), (0.34 + draw.between(-0.05, 0.05), draw.between(0.02, 0.2), 0.2 * far),
        (0.28, draw.between(0.15, 0.35), -0.1), (0.08, draw.between(-0.05, 0.15), -0.55),
        (-0.12, -0.35, -0.4), (0.2, -0.5, -0.05)])
    target = keyframes(p.time, times, points)
    weight = ease(p.time, begin, begin + p.seconds(0.3)) - ease(
        p.time, times[-1] - p.seconds(0.3), times[-1])
    p.reach[RIGHT] = Reach(target=target, weight=weight, pole=(1, -0.4, 0.4), front=0.1)
    turn = far * draw.between(0.2, 0.6)
    p.twist = p.twist + keyframes(p.time, times, [0, -turn, -0.3 * turn, 0.5 * turn, turn, 0])
    lean = draw.between(0.05, 0.25)
    p.bend = p.bend + keyframes(p.time, times, [0, -0.5 * lean, 0, lean, 1.5 * lean, 0])
    if draw.chance(0.5):
        step = ease(p.time, times[0], times[2])
        length = size * draw.between(0.15, 0.35)
        p.ankle[LEFT, :, 2] -= length * step
        p.ankle[LEFT, :, 1] += 0.08 * np.sin(np.pi * step)
        p.root[:, 2] -= 0.5 * length * ease(p.time, times[1], times[4])


def clap_hands(p: Performer) -> None:
    """Both hands part and meet in front of the chest, quickly."""
    draw, size = p.manner, p.body.height / 1.75
    lifted = p.hold(draw.between(0.35, 0.6), draw.between(0.35, 0.6), stays=draw.whim(0.4))
    apart = 0.5 - 0.5 * np.cos(p.cycle(draw.between(1.9, 3.2)))
    apart = size * (0.025 + p.subject.amplitude * draw.between(0.06, 0.22) * apart)
    height, depth = size * draw.between(-0.28, 0.05), size * draw.between(-0.42, -0.26)
    ones = np.ones_like(apart)
    pole = (draw.between(0.3, 1), -1, 0.3)
    for side in (RIGHT, LEFT):
        p.reach[side] = Reach(
            target=np.stack([apart, height * ones, depth * ones], axis=-1), weight=lifted,
            pole=pole, hand=np.array([-0.1, 0.5, -0.6]), front=0.2)


def raise_both_arms(p: Performer) -> None:
    """Both arms go up, over the side or over the front, and stay above the head."""
    draw = p.manner
    lifted = p.hold(draw.between(0.7, 1.3), draw.between(0.6, 1.1), stays=draw.whim(0.5))
    top = np.radians(draw.between(125, 172))
    flex = draw.between(0.08, 0.5)
    over_side = draw.chance(0.5)
    for side in (RIGHT, LEFT):
        if over_side:
            p.move_arm(side, lifted, swing=draw.between(0.05, 0.3), abduct=top, flex=flex)
        else:
            p.move_arm(side, lifted, swing=top, abduct=draw.between(0.05, 0.3), flex=flex)
    p.nod = p.nod - lifted * draw.between(0, 0.25)

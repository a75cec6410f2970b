"""Actions of the whole body of one person. Each sets up a performer."""
import numpy as np

from .body import LEFT, RIGHT, SIGN
from .geometry import FPS, ease, keyframes
from .performer import Performer, Reach


def sit_down(p: Performer) -> None:
    """Knees and hips fold until the thighs are level; hands go to the thighs.

    Standing up is this motion, played backward.
    """
    draw, body = p.manner, p.body
    begin, length = p.event(draw.between(0.9, 1.7))
    down = ease(p.time, begin, begin + length)
    lean = keyframes(p.time, [begin, begin + 0.5 * length, begin + 1.15 * length],
                     [0, draw.between(0.35, 0.8), draw.between(-0.1, 0.15)])
    p.bend = p.bend + lean
    p.nod = p.nod - 0.4 * lean
    seat = body.ankle + 0.96 * body.shank + body.hip_drop + draw.between(-0.05, 0.08)
    p.root[:, 1] += (seat - p.root[:, 1]) * down
    back = ease(p.time, begin - 2, begin + 0.9 * length)
    p.root[:, 2] += (0.93 * body.thigh + draw.between(-0.04, 0.04)) * back
    p.settle()
    if draw.chance(0.7):
        share, rest = draw.between(0.45, 0.8), draw.between(0.04, 0.07)
        for side, (hip, knee) in enumerate(zip(p.hips(), p.knees(), strict=True)):
            p.reach[side] = Reach(
                target=hip + share * (knee - hip) + np.array([0, rest, 0]),
                weight=ease(p.time, begin + 0.3 * length, begin + 1.1 * length),
                pole=(1, -0.3, 0.8), frame='world', front=0.15)
    else:
        for side in (RIGHT, LEFT):
            p.move_arm(side, down, swing=draw.between(0.1, 0.6), abduct=draw.between(0.1, 0.3),
                       flex=draw.between(0.3, 1.2))


def pick_up_from_floor(p: Performer) -> None:
    """The trunk bends, one hand goes to the floor, and the body straightens again."""
    draw, body = p.manner, p.body
    begin, length = p.event(draw.between(1.5, 2.4))
    low, high = begin + draw.between(0.36, 0.46) * length, begin + draw.between(0.54, 0.64) * length
    down = ease(p.time, begin, low) - ease(p.time, high, begin + length)
    bend = draw.between(0.9, 1.8)
    p.bend = p.bend + bend * down
    p.side = p.side - draw.between(0.05, 0.25) * down
    p.nod = p.nod - 0.35 * down
    floor = draw.between(0.11, 0.18)
    # Knees fold by what the bent trunk and a straight arm lack to the floor.
    trunk = body.lower_spine * np.cos(0.65 * bend) + body.upper_spine * np.cos(bend)
    lowest = floor + 0.96 * body.arm + body.shoulder_drop - trunk
    lowest = max(lowest, body.ankle + 0.4 * body.leg)
    p.root[:, 1] += (min(lowest, body.standing) - p.root[:, 1]) * down
    p.root[:, 2] += down * draw.between(0.1, 0.2) * body.height / 1.75
    p.settle()
    aside, front = draw.between(0.05, 0.3), draw.between(-0.45, -0.2)
    waist = ease(p.time, high, begin + length) - ease(p.time, begin + 0.95 * length,
                                                      begin + 1.4 * length)
    target = np.stack([
        np.full_like(down, aside), floor + waist * (0.55 * body.height - floor),
        np.full_like(down, front)], axis=-1)
    weight = ease(p.time, begin, low) - ease(p.time, begin + 0.95 * length, begin + 1.4 * length)
    p.reach[RIGHT] = Reach(target=target, weight=weight, pole=(1, 0.1, 0.5), frame='world',
                           hand=np.array([-0.1, -0.5, -0.8]), front=0.2)
    if draw.chance(0.4):
        p.reach[LEFT] = Reach(target=p.knees()[LEFT] + np.array([0, 0.06, 0.02]), weight=down,
                              pole=(1, 0, 0.8), frame='world')
    else:
        p.move_arm(LEFT, down, swing=draw.between(-0.6, -0.2), abduct=draw.between(0.2, 0.5),
                   flex=draw.between(1.1, 1.7))


def kick_forward(p: Performer) -> None:
    """One leg swings back and shoots forward and up; the other stands."""
    draw, body = p.manner, p.body
    begin, length = p.event(draw.between(0.9, 1.5))
    times = [begin + share * length for share in (0, 0.3, 0.42, 0.56, 0.75, 1)]
    peak = np.radians(draw.between(38, 75)) * np.clip(p.subject.amplitude, 0.85, 1.15)
    back = draw.between(0.1, 0.5)
    angle = keyframes(p.time, times, [0, -back, 0.5 * peak, peak, 0.35 * peak, 0])
    folded = draw.between(0.82, 0.94)
    extent = keyframes(p.time, times, [0.985, 0.93, folded, 0.97, 0.9, 0.985])
    up = ease(p.time, begin, times[1]) - ease(p.time, times[4], times[5])
    away = ease(p.time, begin - 4, times[1]) - ease(p.time, times[4], times[5] + 6)
    p.root[:, 0] -= 0.7 * body.hip * away
    p.bend = p.bend - draw.between(0, 0.3) * angle
    p.side = p.side - 0.06 * away
    p.settle()
    swing = body.leg * extent[:, None] * np.stack(
        [0 * angle, -np.cos(angle), -np.sin(angle)], axis=-1)
    target = p.hips()[RIGHT] + swing
    target[:, 1] = np.maximum(target[:, 1], body.ankle)
    p.ankle[RIGHT] += up[:, None] * (target - p.ankle[RIGHT])
    p.foot_pitch[RIGHT] = up * np.where(angle > 0, 0.7 * angle, 1.4 * angle)
    for side, sign in ((RIGHT, -1), (LEFT, 1)):
        p.move_arm(side, away, swing=sign * draw.between(0.2, 0.8) * angle / peak,
                   abduct=draw.between(0.2, 0.7), flex=draw.between(0.3, 1.0))


def jump_up(p: Performer) -> None:
    """A crouch, a flight of both feet straight up and a landing on the spot."""
    draw = p.manner
    height = min(p.subject.amplitude, 1.2) * draw.between(0.08, 0.32)
    flight = 2 * np.sqrt(2 * height / 9.81) * FPS
    dip = p.seconds(draw.between(0.4, 0.7))
    depth = draw.between(0.1, 0.24)
    begin, _ = p.event((dip + flight + 10) / p.seconds(1))
    takeoff = begin + dip
    landing = takeoff + flight
    crouch = keyframes(
        p.time, [begin, takeoff - 5, takeoff, landing, landing + 4, landing + 4 + dip],
        [0, depth, 0, 0, 0.7 * depth, 0])
    air = np.clip((p.time - takeoff) / flight, 0, 1)
    rise = 4 * height * air * (1 - air)
    p.root[:, 1] += rise - crouch
    p.root[:, 2] += 0.3 * crouch
    p.bend = p.bend + draw.between(1, 2.5) * crouch
    p.ankle[:, :, 1] += rise
    p.foot_pitch -= draw.between(0.4, 0.8) * np.minimum(rise / 0.12, 1)
    lift = draw.between(0.3, 2.4) * min(p.subject.amplitude, 1.1)
    swing = keyframes(p.time, [begin, takeoff - 5, takeoff + 0.4 * flight, landing, landing + dip],
                      [0, -draw.between(0.2, 0.8), lift, 0.4 * lift, 0])
    active = ease(p.time, begin - 3, takeoff - 5) - ease(p.time, landing, landing + dip)
    for side in (RIGHT, LEFT):
        p.move_arm(side, active, swing=swing, abduct=0.25, flex=draw.between(0.2, 1.0))


def march_in_place(p: Performer) -> None:
    """The knees are lifted in turn; the body stays where it is."""
    draw, body = p.manner, p.body
    moving = p.hold(0.3, 0.3, stays=draw.whim(0.5))
    phase = p.cycle(draw.between(0.65, 1.05)) + (np.pi if draw.whim(0.5) else 0)
    top = np.radians(draw.between(30, 85)) * min(p.subject.amplitude, 1.1)
    forward = draw.between(0, 0.3)
    p.root[:, 0] -= 0.35 * body.hip * np.sin(phase) * moving
    p.settle()
    pace = draw.between(0.2, 0.8)
    flex = draw.between(0.3, 1.4)
    for side, (hip, sign) in enumerate(zip(p.hips(), SIGN, strict=True)):
        lift = top * np.maximum(sign * np.sin(phase), 0)**1.5 * moving
        straight = np.stack([0 * lift, -np.cos(lift), -np.sin(lift)], axis=-1)
        hanging = np.stack([0 * lift, -np.cos(forward * lift), -np.sin(forward * lift)], axis=-1)
        target = hip + body.thigh * straight + body.shank * hanging
        raised = ease(lift, 0, 0.4)[:, None]
        target[:, 1] = np.maximum(target[:, 1], body.ankle)
        p.ankle[side] += raised * (target - p.ankle[side])
        p.foot_pitch[side] = -0.3 * lift
        p.move_arm(side, moving, swing=-sign * pace * np.sin(phase), abduct=0.15, flex=flex)

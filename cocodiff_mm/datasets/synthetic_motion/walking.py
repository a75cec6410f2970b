import numpy as np

from .body import LEFT, RIGHT, SIGN
from .geometry import apply, ease, rotate_y
from .performer import Performer


def walk(p: Performer, begin: float, steps: int, length: float, pace: float) -> float:
    """Walk along the way the performer faces; every foot stays where it was put down.

    Args:
        p (Performer): Whose feet and hips are moved on from where they are.
        begin (float): Frame of the first step; may be before the clip.
        steps (int): Number of steps, 2 or more; the last one closes the feet.
        length (float): Length of a step, metres; negative walks backward.
        pace (float): Frames per step.

    Returns:
        float: Distance from start to end, metres.
    """
    draw = p.manner
    travel = np.zeros((2, len(p.time)))
    lift = np.zeros_like(travel)
    height = draw.between(0.06, 0.12)
    first = int(draw.whim(0.5))
    place = [0, 0]
    for step in range(steps):
        side = (first + step) % 2
        goal = min(step + 1, steps - 1)
        # The other foot is on the floor for the last and first tenth of each step.
        moved = ease(p.time, begin + (step - 0.1) * pace, begin + (step + 1.1) * pace)
        travel[side] += (goal - place[side]) * abs(length) * moved
        lift[side] += height * np.sin(np.pi * moved)
        place[side] = goal
    sign = np.sign(length)
    window = np.ones(2 * int(pace / 2) + 1)
    padded = np.pad(travel.mean(0), len(window) // 2, mode='edge')
    p.root[:, 2] -= sign * np.convolve(padded, window / len(window), mode='valid')
    p.ankle[:, :, 2] -= sign * travel
    p.ankle[:, :, 1] += lift
    p.foot_pitch -= 2.5 * lift
    # Arms swing against the legs.
    apart = (travel[LEFT] - travel[RIGHT]) * draw.between(0.3, 0.9)
    flex = draw.between(0.1, 0.6) * np.minimum(lift.sum(0) / height, 1)
    for side, way in ((RIGHT, sign), (LEFT, -sign)):
        p.swing[side] += way * apart
        p.flex[side] += flex
    p.twist = p.twist + 0.15 * sign * apart
    return (steps - 1) * abs(length)


def turn_round(p: Performer, begin: float, length: float, left: bool) -> None:
    """Start with the back to where the performer faces and turn about on the spot.

    Args:
        p (Performer): Who; afterwards as without the turn.
        begin (float): Frame at which the turn starts; may be before the clip.
        length (float): Frames that it takes.
        left (bool): Whether the turn is over the left shoulder.
    """
    half_turn = np.pi if left else -np.pi
    p.yaw = p.yaw - half_turn * (1 - ease(p.time, begin, begin + length))
    for side in (RIGHT, LEFT):
        # The foot on the inside of the turn goes first.
        delay = 0.0 if left == (side == LEFT) else 0.35
        moved = ease(p.time, begin + delay * length, begin + (delay + 0.65) * length)
        angle = -half_turn * (1 - moved)
        rest = np.array([SIGN[side] * p.body.hip * p.subject.stance, 0, 0])
        p.ankle[side] += apply(rotate_y(angle), rest) - rest
        p.ankle[side, :, 1] += 0.06 * np.sin(np.pi * moved)
        p.foot_yaw[side] += angle + half_turn * (1 - ease(p.time, begin, begin + length))

from dataclasses import dataclass

import numpy as np

from . import body as b
from .geometry import (
    FPS,
    apply,
    bend_limb,
    ease,
    keyframes,
    rotate_x,
    rotate_y,
    rotate_z,
    slerp,
    unit,
)
from .subject import Manner, Subject


@dataclass
class Reach:
    """Where a wrist goes, over and above how the arm hangs.

    Args:
        target (np.ndarray): Points (T, 3), metres; x is outward on the arm's own side unless
            the frame is ``'world'``.
        weight (np.ndarray): 0 hangs, 1 is at the target (T, ).
        pole (np.ndarray): Where the elbow points (3, ) or (T, 3), in the chest's frame, x outward.
        frame (str): ``'chest'`` (from the shoulders' centre), ``'head'`` (from the head's
            middle) or ``'world'``.
        hand (np.ndarray, optional): Direction of the hand, in the same frame as the target;
            along the forearm if None.
        front (float): How much the way to the target leads round the front; 0 takes the shortest
            arc about the shoulder.
    """
    target: np.ndarray
    weight: np.ndarray
    pole: np.ndarray
    frame: str = 'chest'
    hand: np.ndarray | None = None
    front: float = 0.3


class Performer:
    """One person over one clip: what the actions set, and the joints that follow from it.

    Everything is at rest at first: a subject stands at the origin, faces -z and sways a little.
    Actions overwrite the arrays, all of length T (frames); the sides are 0 right and 1 left.

    Args:
        subject (Subject): Who.
        frames (int): Length T of the clip.
        manner (Manner): Source of everything that differs between takes.
    """

    def __init__(self, subject: Subject, frames: int, manner: Manner) -> None:
        self.subject, self.body, self.manner = subject, subject.body, manner
        self.time = np.arange(frames, dtype=float)
        # As in clips cut by hand, the action may start before the clip or end after it.
        self.start = manner.take.uniform(-0.15, 0.25) * frames
        self.stop = frames - 1 - manner.take.uniform(-0.15, 0.25) * frames
        self.root = np.stack([self.sway(0.012), np.full(frames, self.body.standing),
                              self.sway(0.012)], axis=-1)
        self.yaw = self.sway(0.05)
        self.bend = subject.slouch + self.sway(0.02)
        self.side = self.sway(0.02)
        self.twist = self.sway(0.06)
        self.nod = manner.between(-0.05, 0.2) + self.sway(0.06)
        self.tilt = self.sway(0.04)
        self.turn = self.sway(0.15)
        swing, abduct, flex = subject.rest_arm
        self.swing = np.stack([swing + self.sway(0.03) for _ in b.SIGN])
        self.abduct = np.stack([abduct + self.sway(0.02) for _ in b.SIGN])
        self.flex = np.stack([flex + self.sway(0.04) for _ in b.SIGN])
        self.reach: list[Reach | None] = [None, None]
        width = self.body.hip * subject.stance
        lead = manner.take.uniform(-0.05, 0.05)
        self.ankle = np.stack([
            np.broadcast_to((sign * width, self.body.ankle, sign * lead), (frames, 3))
            for sign in b.SIGN]).copy()
        self.foot_yaw = np.stack([np.full(frames, -sign * subject.toe_out) for sign in b.SIGN])
        self.foot_pitch = np.zeros((2, frames))

    def sway(self, size: float) -> np.ndarray:
        """Slow irregular motion (T, ) of about ``size``, different at each call."""
        take, seconds = self.manner.take, self.time / FPS
        rate = np.array([0.15, 0.4, 0.9]) * take.uniform(0.7, 1.3, 3)
        phase = 2 * np.pi * (np.outer(rate, seconds) + take.random((3, 1)))
        return size * (np.array([1, 0.5, 0.2]) @ np.sin(phase))

    def seconds(self, duration: float) -> float:
        """Frames that a movement of so many seconds takes this subject."""
        return duration * FPS / self.subject.speed

    def cycle(self, rate: float) -> np.ndarray:
        """Phase (T, ) in rad of a movement of ``rate`` hertz that starts with the action."""
        tempo = rate * self.subject.speed * (1 + self.sway(0.06))
        return 2 * np.pi * (np.cumsum(tempo) / FPS - self.start * tempo[0] / FPS)

    def event(self, duration: float) -> tuple[float, float]:
        """First frame and length of something that happens once, somewhere within the clip."""
        last = len(self.time) - 1
        length = min(self.seconds(duration), last)
        latest = max(min(self.stop, last) - length, 0)
        earliest = min(max(self.start, 0), latest)
        return earliest + self.manner.take.random() * (latest - earliest), length

    def hold(self, rise: float, fall: float, stays: bool = False) -> np.ndarray:
        """Envelope (T, ): up in ``rise`` seconds at the start, down in ``fall`` at the end."""
        length = self.stop - self.start
        up = ease(self.time, self.start, self.start + min(self.seconds(rise), 0.45 * length))
        if stays:
            return up
        return up - ease(self.time, self.stop - min(self.seconds(fall), 0.45 * length), self.stop)

    def path(self, shares: list[float], values: np.ndarray) -> np.ndarray:
        """Key values at shares 0..1 of the action's time, as a smooth curve over the clip."""
        times = [self.start + share * (self.stop - self.start) for share in shares]
        return keyframes(self.time, times, values)

    def move_arm(self, side: int, weight: np.ndarray, swing: np.ndarray, abduct: np.ndarray,
                 flex: np.ndarray) -> None:
        """Blend an arm from hanging to angles in rad: to the front, outward, at the elbow."""
        for angle, goal in ((self.swing, swing), (self.abduct, abduct), (self.flex, flex)):
            angle[side] += weight * (goal - angle[side])

    def orientation(self, bend: float, side: float, twist: float) -> np.ndarray:
        """Orientation (T, 3, 3) of a part that follows so much of the trunk's three angles."""
        return rotate_y(self.yaw) @ rotate_x(-bend * self.bend) @ rotate_z(
            -side * self.side) @ rotate_y(twist * self.twist)

    def hips(self) -> np.ndarray:
        """Positions of the right and the left hip (2, T, 3)."""
        pelvis = self.orientation(0.4, 0.2, 0.1)
        return np.stack([
            self.root + apply(pelvis, (sign * self.body.hip, -self.body.hip_drop, 0))
            for sign in b.SIGN])

    def settle(self) -> None:
        """Lower the hips where the feet would otherwise be out of the legs' reach."""
        offset = self.ankle - self.hips()
        across = np.minimum(np.linalg.norm(offset[..., [0, 2]], axis=-1), 0.9 * self.body.leg)
        reach = np.sqrt((0.99 * self.body.leg)**2 - across**2)
        drop = np.maximum(-(reach + offset[..., 1]).min(0), 0)
        # The hips do not follow the hard switch from one leg to the other.
        window = np.hanning(9)[1:-1]
        padded = np.pad(drop, 3, mode='edge')
        self.root[:, 1] -= np.convolve(padded, window / window.sum(), mode='valid')

    def joints(self) -> np.ndarray:
        """Forward kinematics.

        Returns:
            np.ndarray: Joints (T, 25, 3) in metres, before any noise; the floor is y = 0.
        """
        self.settle()
        size, out = self.body, np.zeros((len(self.time), b.NUM_JOINTS, 3))
        lower, chest = self.orientation(0.65, 0.5, 0.4), self.orientation(1, 1, 1)
        head = chest @ rotate_y(self.turn) @ rotate_x(-self.nod) @ rotate_z(-self.tilt)
        out[:, b.SPINE_BASE] = self.root
        out[:, b.SPINE_MID] = self.root + apply(lower, (0, size.lower_spine, 0))
        top = out[:, b.SPINE_MID] + apply(chest, (0, size.upper_spine, 0))
        out[:, b.SPINE_TOP] = top
        out[:, b.NECK] = top + apply(chest, (0, size.neck, 0))
        out[:, b.HEAD] = out[:, b.NECK] + apply(head, (0, size.head, 0))
        for side, hip in enumerate(self.hips()):
            self._place_arm(out, side, chest, head)
            self._place_leg(out, side, hip)
        return out

    def _place_arm(self, out: np.ndarray, side: int, chest: np.ndarray,
                   head: np.ndarray) -> None:
        size, flip = self.body, np.array([b.SIGN[side], 1, 1])
        top = out[:, b.SPINE_TOP]
        shoulder = top + apply(chest, flip * (size.shoulder, -size.shoulder_drop, 0))
        # Angles refer to gravity: arms keep hanging when the trunk bends.
        upright = rotate_y(self.yaw + self.twist)
        swing, abduct, flex = self.swing[side], self.abduct[side], self.flex[side]
        upper = np.stack([np.sin(abduct), -np.cos(abduct) * np.cos(swing),
                          -np.cos(abduct) * np.sin(swing)], axis=-1)
        across = np.stack([np.zeros_like(swing), np.sin(swing), -np.cos(swing)], axis=-1)
        fore = np.cos(flex)[:, None] * upper + np.sin(flex)[:, None] * across
        upper, fore = apply(upright, flip * upper), apply(upright, flip * fore)
        hand = fore
        thumb = apply(upright, flip * np.array([-0.2, 0.5, -0.8]))
        if self.reach[side] is not None:
            goal = self.reach[side]
            weight = goal.weight[:, None]
            wrist = size.upper_arm * upper + size.forearm * fore
            target, direction = goal.target, goal.hand
            if goal.frame != 'world':
                frame, origin = (chest, top) if goal.frame == 'chest' else (head, out[:, b.HEAD])
                target = origin + apply(frame, flip * target)
                direction = None if direction is None else apply(frame, flip * direction)
            way = self._arc(wrist, target - shoulder, weight,
                            goal.front * apply(chest, flip * np.array([0.3, 0, -1])))
            hanging = unit(upper * size.upper_arm - wrist / 2)
            pole = hanging + weight * (unit(apply(chest, flip * goal.pole)) - hanging)
            upper, fore = bend_limb(way, pole, size.upper_arm, size.forearm)
            hand = fore
            if direction is not None:
                hand = unit(fore + weight * (unit(direction) - fore))
        out[:, b.SHOULDER[side]] = shoulder
        out[:, b.ELBOW[side]] = shoulder + size.upper_arm * upper
        out[:, b.WRIST[side]] = out[:, b.ELBOW[side]] + size.forearm * fore
        out[:, b.HAND[side]] = out[:, b.WRIST[side]] + size.palm * hand
        out[:, b.TIP[side]] = out[:, b.HAND[side]] + size.palm * hand
        thumb = unit(thumb - (thumb * hand).sum(-1, keepdims=True) * hand)
        out[:, b.THUMB[side]] = out[:, b.HAND[side]] + size.palm * (0.8 * thumb + 0.3 * hand)

    @staticmethod
    def _arc(start: np.ndarray, stop: np.ndarray, weight: np.ndarray,
             front: np.ndarray) -> np.ndarray:
        # About the shoulder rather than straight: past it an elbow would flip over.
        radius = np.linalg.norm(start, axis=-1, keepdims=True) * (1 - weight)
        radius = radius + np.linalg.norm(stop, axis=-1, keepdims=True) * weight
        start, stop = unit(start), unit(stop)
        middle = unit(start + stop + 2 * front)
        first, last = slerp(start, middle, weight), slerp(middle, stop, weight)
        return radius * slerp(first, last, weight)

    def leg_bones(self, side: int, hip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Directions (T, 3) of thigh and shank; knees point where hips and feet do."""
        pole = apply(rotate_y(self.yaw + self.foot_yaw[side] / 2), (0, 0.3, -1.0))
        return bend_limb(self.ankle[side] - hip, pole, self.body.thigh, self.body.shank)

    def knees(self) -> np.ndarray:
        """Positions of the right and the left knee (2, T, 3)."""
        return np.stack([hip + self.body.thigh * self.leg_bones(side, hip)[0]
                         for side, hip in enumerate(self.hips())])

    def _place_leg(self, out: np.ndarray, side: int, hip: np.ndarray) -> None:
        size = self.body
        thigh, shank = self.leg_bones(side, hip)
        out[:, b.HIP[side]] = hip
        out[:, b.KNEE[side]] = hip + size.thigh * thigh
        out[:, b.ANKLE[side]] = out[:, b.KNEE[side]] + size.shank * shank
        heading = rotate_y(self.yaw + self.foot_yaw[side]) @ rotate_x(self.foot_pitch[side])
        sole = apply(heading, (0, 0.015 - size.ankle, -size.foot))
        out[:, b.FOOT[side]] = out[:, b.ANKLE[side]] + sole

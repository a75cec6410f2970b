"""Skeleton in NTU RGB+D's layout (Kinect v2, 25 joints, 0-based here) and its bone lengths."""
from dataclasses import dataclass

import numpy as np

NUM_JOINTS = 25
SPINE_BASE, SPINE_MID, NECK, HEAD, SPINE_TOP = 0, 1, 2, 3, 20
# Per side: right, left. The tip of the hand and the thumb hang on the hand, not on the wrist.
SHOULDER, ELBOW, WRIST, HAND, TIP, THUMB = (8, 4), (9, 5), (10, 6), (11, 7), (23, 21), (24, 22)
HIP, KNEE, ANKLE, FOOT = (16, 12), (17, 13), (18, 14), (19, 15)
RIGHT, LEFT = 0, 1
SIGN = (1, -1)

_LIMBS = (SHOULDER, ELBOW, WRIST, HAND, TIP, THUMB, HIP, KNEE, ANKLE, FOOT)
SWAP = np.arange(NUM_JOINTS)
for _right, _left in _LIMBS:
    SWAP[[_right, _left]] = _left, _right

# (parent, child) of every bone, root first.
BONES = ((0, 1), (1, 20), (20, 2), (2, 3), (20, 4), (4, 5), (5, 6), (6, 7), (7, 21), (7, 22),
         (20, 8), (8, 9), (9, 10), (10, 11), (11, 23), (11, 24), (0, 12), (12, 13), (13, 14),
         (14, 15), (0, 16), (16, 17), (17, 18), (18, 19))


@dataclass(frozen=True)
class Body:
    """Bone lengths of one person, metres; the same on both sides.

    Args:
        height (float): Stature.
        lower_spine (float): Base to middle of the spine.
        upper_spine (float): Middle of the spine to the shoulders' centre.
        neck (float): Shoulders' centre to neck.
        head (float): Neck to the middle of the head.
        shoulder (float): Half the shoulder width.
        upper_arm (float): Shoulder to elbow.
        forearm (float): Elbow to wrist.
        palm (float): Wrist to hand; as long again to the tip of the hand.
        hip (float): Half the hip width.
        thigh (float): Hip to knee.
        shank (float): Knee to ankle.
        ankle (float): Height of the ankle above the floor.
        foot (float): Ankle to toe, along the floor.
    """
    height: float
    lower_spine: float
    upper_spine: float
    neck: float
    head: float
    shoulder: float
    upper_arm: float
    forearm: float
    palm: float
    hip: float
    thigh: float
    shank: float
    ankle: float
    foot: float

    @property
    def arm(self) -> float:
        """Length from shoulder to wrist."""
        return self.upper_arm + self.forearm

    @property
    def leg(self) -> float:
        """Length from hip to ankle."""
        return self.thigh + self.shank

    @property
    def shoulder_drop(self) -> float:
        """How far the shoulders are below their centre."""
        return 0.02 * self.height

    @property
    def hip_drop(self) -> float:
        """How far the hips are below the base of the spine."""
        return 0.03 * self.height

    @property
    def standing(self) -> float:
        """Height of the base of the spine when standing with nearly straight legs."""
        return self.ankle + 0.985 * self.leg + self.hip_drop


# Fractions of the stature, after Drillis and Contini (1966), moved to where a Kinect sees joints.
_FRACTIONS = dict(
    lower_spine=0.135, upper_spine=0.135, neck=0.045, head=0.085, shoulder=0.1, upper_arm=0.17,
    forearm=0.146, palm=0.045, hip=0.046, thigh=0.24, shank=0.24, ankle=0.042, foot=0.09)


def make_body(height: float, generator: np.random.Generator, spread: float = 0.04) -> Body:
    """Draw the proportions of a person.

    Args:
        height (float): Stature, metres.
        generator (np.random.Generator): Source of the proportions.
        spread (float): Relative standard deviation of each length. Defaults to 0.04.

    Returns:
        Body: Bone lengths that add up to the stature.
    """
    factor = np.exp(spread * np.clip(generator.standard_normal(len(_FRACTIONS)), -2, 2))
    lengths = {name: float(fraction * height * scale)
               for (name, fraction), scale in zip(_FRACTIONS.items(), factor, strict=True)}
    body = Body(height=height, **lengths)
    top = (body.standing + body.lower_spine + body.upper_spine + body.neck + body.head
           + 0.065 * height)
    return Body(height=height, **{name: length * height / top for name, length in lengths.items()})


def mirror(joints: np.ndarray) -> np.ndarray:
    """Exchange left and right of skeletons (..., 25, 3) that face along z."""
    return joints[..., SWAP, :] * np.array([-1, 1, 1])

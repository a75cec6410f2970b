from dataclasses import dataclass

import numpy as np

from .body import Body, make_body


@dataclass(frozen=True)
class Subject:
    """Who performs: the body and what it keeps through all actions.

    Args:
        body (Body): Bone lengths.
        left_handed (bool): Whether the left hand (or foot) acts where one does.
        speed (float): Factor on tempo, about 1.
        amplitude (float): Factor on how large movements are, about 1.
        rest_arm (tuple[float, float, float]): How an arm hangs: swing to the front, away from
            the body, bend of the elbow; rad.
        stance (float): How far apart the feet are, relative to the hips.
        slouch (float): Forward bend of the trunk at rest, rad.
        toe_out (float): How far the feet point outward, rad.
    """
    body: Body
    left_handed: bool
    speed: float
    amplitude: float
    rest_arm: tuple[float, float, float]
    stance: float
    slouch: float
    toe_out: float


def make_subject(seed: int, index: int, variety: float = 1.0) -> Subject:
    """Draw one subject; the same for a seed and an index, whoever else takes part.

    Args:
        seed (int): Seed of the data set.
        index (int): Number of the subject, from 0. Two of eight are left-handed.
        variety (float): Factor on how much tempo and amplitude differ. Defaults to 1.

    Returns:
        Subject: Body and manners.
    """
    draw = np.random.default_rng(np.random.SeedSequence((seed, 1, index)))
    body = make_body(float(draw.uniform(1.5, 1.95)), draw)
    return Subject(
        body=body,
        left_handed=index % 8 in (4, 5),
        speed=2**(variety * draw.uniform(-0.4, 0.4)),
        amplitude=2**(variety * draw.uniform(-0.35, 0.35)),
        rest_arm=tuple(draw.uniform((-0.08, 0.08, 0.12), (0.15, 0.28, 0.5))),
        stance=draw.uniform(0.9, 1.7),
        slouch=draw.uniform(-0.04, 0.12),
        toe_out=draw.uniform(0.05, 0.35))


class Manner:
    """Draws for one take: a habit of the subject in this action plus what this take adds.

    Args:
        habit (np.random.Generator): Same for all takes of a subject in an action.
        take (np.random.Generator): This take's own.
        variety (float): Factor on the width of every range. Defaults to 1.
    """

    def __init__(self, habit: np.random.Generator, take: np.random.Generator,
                 variety: float = 1.0) -> None:
        self.habit = habit
        self.take = take
        self.variety = variety

    def between(self, low: float, high: float) -> float:
        """A number about ``low`` to ``high``, mostly the subject's habit."""
        share = 0.8 * self.habit.random() + 0.2 * self.take.random()
        return (low + high) / 2 + self.variety * (high - low) * (share - 0.5)

    def offset(self, size: float) -> np.ndarray:
        """A displacement (3, ) of up to ``size`` metres along each axis."""
        return np.array([self.between(-size, size) for _ in range(3)])

    def chance(self, probability: float) -> bool:
        """Whether a habit that a share of the subjects has is followed."""
        return bool(self.habit.random() < probability)

    def whim(self, probability: float) -> bool:
        """Whether something happens in this take, whoever performs."""
        return bool(self.take.random() < probability)

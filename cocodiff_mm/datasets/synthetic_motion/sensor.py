"""What a depth sensor makes of a scene: viewpoint, noise, occlusion and lost joints."""
from functools import lru_cache

import numpy as np

from . import body as b
from .geometry import apply, rotate_x, rotate_y

# Yaw of the camera round the scene in degrees, height in metres, pitch in degrees.
VIEWS = ((-45.0, 1.2, 4.0), (0.0, 1.0, 0.0), (45.0, 1.35, -3.0))

_TRUNK = (b.SPINE_BASE, b.SPINE_MID, b.NECK, b.SPINE_TOP, *b.SHOULDER, *b.HIP)
_FAR_ENDS = tuple(joint for pair in (b.HAND, b.TIP, b.THUMB, b.FOOT) for joint in pair)
_LIMBS = tuple(joint for joint in range(b.NUM_JOINTS) if joint not in (*_TRUNK, b.HEAD))
_NOISE = np.ones(b.NUM_JOINTS)
_NOISE[list(_LIMBS)] = 1.3
_NOISE[list(_FAR_ENDS)] = 2.0


def to_camera(scene: np.ndarray, view: int, generator: np.random.Generator) -> np.ndarray:
    """Put a scene before one of the cameras.

    Args:
        scene (np.ndarray): Joints (M, T, 25, 3) on the floor y = 0 round the origin, metres.
        view (int): Number of the camera, from 0.
        generator (np.random.Generator): Where the scene is and how it is turned.

    Returns:
        np.ndarray: Joints in camera space (M, T, 25, 3): x to the right of a person who faces
        the sensor, y up from the sensor, z depth; metres.
    """
    yaw, height, pitch = VIEWS[view]
    turn = np.radians(yaw + generator.uniform(-20, 20))
    place = np.array([generator.uniform(-0.3, 0.3), -height + generator.uniform(-0.05, 0.05),
                      generator.uniform(2.9, 3.7)])
    tilt = np.radians(pitch + generator.uniform(-2, 2))
    seen = apply(rotate_y(np.array([turn]))[0], scene) + place
    return apply(rotate_x(np.array([tilt]))[0], seen)


def hidden(joints: np.ndarray) -> np.ndarray:
    """How much of each joint the person's own trunk hides from the sensor.

    Args:
        joints (np.ndarray): One person in camera space (T, 25, 3).

    Returns:
        np.ndarray: 0 (in sight) to 1 (behind the trunk), (T, 25).
    """
    # Rays spread from the sensor: compare directions, in metres at the trunk's depth.
    depth = np.maximum(joints[..., 2], 0.1)
    spine = joints[:, [b.SPINE_MID]]
    seen = joints[..., :2] / depth[..., None] * spine[..., [2]]
    low, high = seen[:, [b.SPINE_BASE]], seen[:, [b.SPINE_TOP]]
    axis = high - low
    share = ((seen - low) * axis).sum(-1) / np.maximum((axis**2).sum(-1), 1e-6)
    nearest = low + np.clip(share, -0.1, 1)[..., None] * axis
    aside = np.linalg.norm(seen - nearest, axis=-1)
    behind = 1 / (1 + np.exp(-(depth - spine[..., 2] - 0.08) / 0.03))
    weight = behind * np.exp(-(aside / 0.2)**4)
    weight[:, list(_TRUNK)] = 0
    return weight


@lru_cache(maxsize=128)
def _memory(frames: int, keep: float = 0.8) -> np.ndarray:
    """Matrix (T, T) that makes white noise a stationary AR(1) process of unit variance."""
    lag = np.subtract.outer(np.arange(frames), np.arange(frames))
    matrix = np.sqrt(1 - keep**2) * np.where(lag >= 0, keep**np.maximum(lag, 0), 0)
    matrix[:, 0] /= np.sqrt(1 - keep**2)
    return matrix


def add_noise(joints: np.ndarray, noise_std: float, generator: np.random.Generator) -> np.ndarray:
    """Jitter and drift of the joint estimates, stronger where the sensor sees little.

    Args:
        joints (np.ndarray): One person in camera space (T, 25, 3), metres.
        noise_std (float): Standard deviation at the trunk at 3 m, metres. Twice that at hands
            and feet, up to four times as much where the trunk hides a joint.
        generator (np.random.Generator): Source of the noise.

    Returns:
        np.ndarray: Noisy joints (T, 25, 3).
    """
    white = generator.standard_normal((len(joints), b.NUM_JOINTS, 3))
    jitter = np.tensordot(_memory(len(joints)), white, axes=1)
    # Half the variance is a bias that a joint keeps all through a clip.
    bias = generator.standard_normal((1, b.NUM_JOINTS, 3))
    scale = noise_std * _NOISE * (1 + 3 * hidden(joints)) * joints[..., 2].clip(0.5) / 3
    return joints + scale[..., None] * (jitter + bias) / np.sqrt(2)


def drop_joints(joints: np.ndarray, drop_rate: float,
                generator: np.random.Generator) -> np.ndarray:
    """Lose joints for short spans: some stay where they were last seen, some become zero.

    Args:
        joints (np.ndarray): One person (T, 25, 3).
        drop_rate (float): Chance of a joint to be lost once in the clip; trunk and head are
            never zeroed.
        generator (np.random.Generator): Which joints and when.

    Returns:
        np.ndarray: Joints (T, 25, 3) with spans of 4 to 15 frames lost.
    """
    out = joints.copy()
    lost = generator.random(b.NUM_JOINTS) < drop_rate
    first = generator.integers(1, max(len(joints) - 3, 2), b.NUM_JOINTS)
    length = generator.integers(4, 16, b.NUM_JOINTS)
    zeroed = generator.random(b.NUM_JOINTS) < 0.3
    for joint in np.flatnonzero(lost):
        span = slice(first[joint], first[joint] + length[joint])
        to_zero = zeroed[joint] and joint in _LIMBS
        out[span, joint] = 0 if to_zero else joints[first[joint] - 1, joint]
    return out

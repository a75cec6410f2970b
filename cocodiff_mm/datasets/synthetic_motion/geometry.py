"""Rotations, timing curves and two-bone limbs, vectorised over the frames of a clip.

Axes of a person who faces the sensor: x to the person's right, y up, z away from the sensor, so
that forward is -z. The system is right-handed, like the Kinect's camera space.
"""
import numpy as np

FPS = 30


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors of shape (..., 3) to length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def rotate_x(angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) about x; a positive angle (T, ) in rad lifts forward to up."""
    return _rotation(angle, 1, 2)


def rotate_y(angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) about y; a positive angle (T, ) in rad turns to the left."""
    return _rotation(angle, 2, 0)


def rotate_z(angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) about z; a positive angle (T, ) in rad leans to the left."""
    return _rotation(angle, 0, 1)


def _rotation(angle: np.ndarray, first: int, second: int) -> np.ndarray:
    angle = np.atleast_1d(angle)
    matrices = np.zeros((len(angle), 3, 3))
    matrices[:, 3 - first - second, 3 - first - second] = 1
    cos, sin = np.cos(angle), np.sin(angle)
    matrices[:, first, first] = matrices[:, second, second] = cos
    matrices[:, first, second] = -sin
    matrices[:, second, first] = sin
    return matrices


def apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotate one vector (3, ) or one per frame (T, 3) by matrices (T, 3, 3)."""
    return np.matmul(matrices, np.asarray(vectors)[..., None])[..., 0]


def ease(time: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Minimum-jerk rise from 0 at ``start`` to 1 at ``stop`` (Flash and Hogan, 1985)."""
    x = np.clip((time - start) / max(stop - start, 1e-6), 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


def keyframes(time: np.ndarray, times: list[float], values: np.ndarray) -> np.ndarray:
    """Smooth curve through key values, at rest in the first and the last.

    Args:
        time (np.ndarray): Frames to evaluate (T, ).
        times (list[float]): Increasing frames of the K keys.
        values (np.ndarray): Key values (K, ) or (K, D).

    Returns:
        np.ndarray: Cubic Hermite interpolation, (T, ) or (T, D); constant outside the keys.
    """
    times = np.asarray(times, dtype=float)
    values = np.asarray(values, dtype=float)
    flat = values.reshape(len(values), -1)
    tangent = np.zeros_like(flat)
    left, right = np.diff(flat[:-1], axis=0), np.diff(flat[1:], axis=0)
    slope = (flat[2:] - flat[:-2]) / (times[2:] - times[:-2])[:, None]
    # A key that is an extreme is held for an instant instead of being overshot.
    tangent[1:-1] = np.where(left * right > 0, slope, 0)
    index = np.clip(np.searchsorted(times, time, side='right') - 1, 0, len(times) - 2)
    width = (times[index + 1] - times[index])[:, None]
    x = np.clip((time - times[index])[:, None] / width, 0, 1)
    curve = ((1 + 2 * x) * (1 - x)**2 * flat[index] + x * (1 - x)**2 * width * tangent[index]
             + x**2 * (3 - 2 * x) * flat[index + 1] + x**2 * (x - 1) * width * tangent[index + 1])
    return curve.reshape((len(time), *values.shape[1:]))


def slerp(start: np.ndarray, stop: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Turn unit vectors (T, 3) into others at an even pace (Shoemake, 1985).

    Args:
        start (np.ndarray): Directions at weight 0 (T, 3).
        stop (np.ndarray): Directions at weight 1 (T, 3), not opposite to the first.
        weight (np.ndarray): Share of the way (T, 1).

    Returns:
        np.ndarray: Unit vectors (T, 3).
    """
    angle = np.arccos(np.clip((start * stop).sum(-1, keepdims=True), -1, 1)).clip(1e-6)
    return unit(np.sin((1 - weight) * angle) * start + np.sin(weight * angle) * stop)


def bend_limb(target: np.ndarray, pole: np.ndarray, upper: float,
              lower: float) -> tuple[np.ndarray, np.ndarray]:
    """Directions of the two bones of an arm or a leg whose end is at a target.

    Args:
        target (np.ndarray): End point relative to the limb's root (T, 3), metres. One that is
            out of reach is approached as far as possible.
        pole (np.ndarray): Where the elbow or knee points (T, 3).
        upper (float): Length of the first bone, metres.
        lower (float): Length of the second bone, metres.

    Returns:
        tuple[np.ndarray, np.ndarray]: Unit vectors (T, 3) of the first and the second bone.
    """
    # No elbow or knee folds beyond 150 degrees or opens beyond 176.
    nearest = np.sqrt(upper**2 + lower**2 - 2 * upper * lower * np.cos(np.radians(30)))
    farthest = np.sqrt(upper**2 + lower**2 - 2 * upper * lower * np.cos(np.radians(176)))
    distance = np.clip(np.linalg.norm(target, axis=-1, keepdims=True), nearest, farthest)
    axis = unit(target)
    side = unit(pole - (pole * axis).sum(-1, keepdims=True) * axis)
    cos = (upper**2 + distance**2 - lower**2) / (2 * upper * distance)
    joint = upper * (cos * axis + np.sqrt(1 - cos**2) * side)
    return joint / upper, (distance * axis - joint) / lower

"""What several transforms do with joints; none of it writes into its input."""

import numpy as np


def check_3d(step: str, keypoint: np.ndarray, name: object) -> None:
    """Refuse joints that are not in space.

    Args:
        step (str): Who asks, for the message.
        keypoint (np.ndarray): Joints, shape (M, T, V, C).
        name: The clip, for the message.

    Raises:
        ValueError: If C is not 3.
    """
    if keypoint.shape[-1] != 3:
        raise ValueError(f'{step} needs joints in space, x, y and z; the clip {name!r} has '
                         f'{keypoint.shape[-1]} coordinates per joint: take {step} out of the '
                         'pipeline')


def rotate(keypoint: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Turn every joint.

    Args:
        keypoint (np.ndarray): Joints, shape (..., 3).
        matrix (np.ndarray): Rotation of column vectors, shape (3, 3).

    Returns:
        np.ndarray: New float32 array of the same shape.
    """
    joints = np.asarray(keypoint, dtype=np.float32)
    # A contiguous right-hand side halves the time of so thin a product.
    turned = joints.reshape(-1, 3) @ np.ascontiguousarray(matrix.T, dtype=np.float32)
    return turned.reshape(joints.shape)


def per_joint(values: np.ndarray, joints: int) -> np.ndarray:
    """Repeat a value per axis for every joint, for arithmetic on flat frames.

    Numpy is several times slower on rows of three numbers than on the rows of a whole frame.

    Args:
        values (np.ndarray): Shape (C, ).
        joints (int): Number of joints V.

    Returns:
        np.ndarray: Float32, shape (V * C, ).
    """
    return np.tile(np.asarray(values, dtype=np.float32), joints)

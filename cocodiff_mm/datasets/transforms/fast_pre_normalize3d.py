import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.datasets.transforms.joints import check_3d, per_joint, rotate

_EMPTY = 1e-8  # a coordinate up to this is none, for PreNormalize3D
_NO_TURN = 1e-6  # a shorter vector has no direction, a smaller angle is none, for PreNormalize3D


@TRANSFORMS.register_module()
class FastPreNormalize3D(BaseTransform):
    """MMAction2's ``PreNormalize3D``, a hundred times faster and in float32.

    See :func:`normalize_skeleton`. Results agree with MMAction2's float64 ones to 1e-6. Besides,
    more than two persons are allowed, scores follow the frames, ``align_center=False`` works, and
    the joint that becomes the origin can be named. A clip that says ``pre_normalized`` is left as
    it is, and so is a clip without a pose.

    Required Keys:

    - keypoint
    - keypoint_score (optional)
    - total_frames (optional)
    - pre_normalized (optional)

    Modified Keys:

    - keypoint
    - keypoint_score (optional)
    - total_frames

    Added Keys:

    - body_center (if ``align_center``)

    Args:
        zaxis (tuple[int, int]): Joints at the lower and upper end of the spine.
            Defaults to (0, 1).
        xaxis (tuple[int, int]): Right and left shoulder. Defaults to (8, 4).
        align_spine (bool): Whether to turn the spine upright. Defaults to True.
        align_shoulder (bool): Whether to turn the shoulders along x. Defaults to True.
        align_center (bool): Whether to move the body's centre to the origin. Defaults to True.
        center_joint (int, optional): That centre. Defaults to MMAction2's: joint 1 of 25 joints,
            the last joint of any other number.

    Raises:
        ValueError: If joints are not in space, a joint is not there, or ``total_frames`` is not
            the number of frames.
    """

    def __init__(self,
                 zaxis: Sequence[int] = (0, 1),
                 xaxis: Sequence[int] = (8, 4),
                 align_spine: bool = True,
                 align_shoulder: bool = True,
                 align_center: bool = True,
                 center_joint: int | None = None) -> None:
        self.zaxis = tuple(zaxis)
        self.xaxis = tuple(xaxis)
        self.align_spine = align_spine
        self.align_shoulder = align_shoulder
        self.align_center = align_center
        self.center_joint = center_joint

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, 3)."""
        if results.get('pre_normalized'):
            return results
        keypoint, name = results['keypoint'], results.get('frame_dir')
        check_3d(type(self).__name__, keypoint, name)
        frames = keypoint.shape[1]
        if results.get('total_frames', frames) != frames:
            raise ValueError(f'the clip {name!r} has {frames} frames and total_frames='
                             f'{results["total_frames"]}: put {type(self).__name__} before the '
                             'steps that choose frames')
        done = normalize_skeleton(keypoint, self.zaxis, self.xaxis, self.align_spine,
                                  self.align_shoulder, self.align_center, self.center_joint)
        results.update(keypoint=done.keypoint, total_frames=len(done.frames))
        if done.center is not None:
            results['body_center'] = done.center
        if 'keypoint_score' in results:
            score = results['keypoint_score']
            results['keypoint_score'] = score[np.ix_(done.persons, done.frames)]
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(zaxis={self.zaxis}, xaxis={self.xaxis}, '
                f'align_spine={self.align_spine}, align_shoulder={self.align_shoulder}, '
                f'align_center={self.align_center}, center_joint={self.center_joint})')


class Normalized(NamedTuple):
    """What :func:`normalize_skeleton` made of a clip.

    Attributes:
        keypoint (np.ndarray): Joints, float32, shape (M, T', V, 3).
        persons (np.ndarray): Which persons of the clip these are, shape (M, ).
        frames (np.ndarray): Which frames of the clip these are, shape (T', ).
        center (np.ndarray | None): What was the origin before, shape (3, ); None if it still is.
    """

    keypoint: np.ndarray
    persons: np.ndarray
    frames: np.ndarray
    center: np.ndarray | None


def normalize_skeleton(keypoint: np.ndarray,
                       zaxis: Sequence[int] = (0, 1),
                       xaxis: Sequence[int] = (8, 4),
                       align_spine: bool = True,
                       align_shoulder: bool = True,
                       align_center: bool = True,
                       center_joint: int | None = None) -> Normalized:
    """Put a clip into the axes of its main person's body, as in 2s-AGCN and MMAction2.

    The main person, the one who is there in most frames, comes first, and frames without that
    person are dropped. The body's centre in the first frame becomes the origin; joints that were
    missing, all zero, stay at zero. Then all frames are turned as the first: spine along z, and
    after that the line from left to right shoulder along x. Like the originals, a spine that points
    straight down is not turned. A clip without a pose comes back as it is.

    Args:
        keypoint (np.ndarray): Joints, shape (M, T, V, 3), never written to.
        zaxis, xaxis, align_spine, align_shoulder, align_center, center_joint: See
            :class:`FastPreNormalize3D`.

    Returns:
        Normalized: Joints, and which persons, frames and origin they are.

    Raises:
        ValueError: If a joint is not there.
    """
    keypoint = np.asarray(keypoint, dtype=np.float32)
    joints = keypoint.shape[2]
    if center_joint is None:
        center_joint = 1 if joints == 25 else joints - 1
    used = [*(zaxis if align_spine else ()), *(xaxis if align_shoulder else ()),
            *([center_joint] if align_center else [])]
    if not all(0 <= joint < joints for joint in used):
        raise ValueError(f'zaxis={zaxis}, xaxis={xaxis} and center_joint={center_joint} name '
                         f'joints from 0, but the clip has {joints}')
    persons, frames, whole = _main_person_first(keypoint)
    if not len(frames):
        return Normalized(keypoint, np.arange(len(keypoint)), np.arange(keypoint.shape[1]), None)
    if not whole:
        keypoint = keypoint[np.ix_(persons, frames)]
    center = None
    if align_center:
        center = keypoint[0, 0, center_joint].copy()
        keypoint = _shift(keypoint, center, some_missing=not whole)
    matrix = np.eye(3)
    if align_spine:
        matrix = _turn_to_z(keypoint[0, 0, zaxis[1]] - keypoint[0, 0, zaxis[0]])
    if align_shoulder:
        shoulders = keypoint[0, 0, list(xaxis)]
        if align_spine:
            shoulders = shoulders @ matrix.T
        matrix = _turn_to_x(shoulders[0] - shoulders[1]) @ matrix
    if align_spine or align_shoulder:
        keypoint = rotate(keypoint, matrix)
    return Normalized(keypoint, persons, frames, center)


def _main_person_first(keypoint: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Order of the persons, frames that hold the first, and whether nothing is missing at all."""
    persons, frames = np.arange(len(keypoint)), np.arange(keypoint.shape[1])
    size = np.abs(keypoint)
    # One pass tells the common clip, which lacks neither persons nor joints.
    if size.min() > _EMPTY:
        return persons, frames, True
    held = (size.reshape(len(persons), len(frames), -1) > _EMPTY).any(-1)
    main = held.sum(1).argmax()
    return np.array([main, *np.delete(persons, main)]), np.flatnonzero(held[main]), False


def _shift(keypoint: np.ndarray, center: np.ndarray, some_missing: bool) -> np.ndarray:
    moved = keypoint.reshape(*keypoint.shape[:2], -1) - per_joint(center, keypoint.shape[2])
    moved = moved.reshape(-1, 3)
    if some_missing:
        # Times ones: in each place of a joint the sum over its places, at the speed of a product.
        moved *= np.abs(keypoint).reshape(-1, 3) @ np.ones((3, 3), dtype=np.float32) > 0
    return moved.reshape(keypoint.shape)


def _turn_to_z(vector: np.ndarray) -> np.ndarray:
    x, y, _ = map(float, vector)
    return _turn(vector, vector[2], (y, -x, 0.0))


def _turn_to_x(vector: np.ndarray) -> np.ndarray:
    _, y, z = map(float, vector)
    return _turn(vector, vector[0], (0.0, z, -y))


def _turn(vector: np.ndarray, along: float, normal: tuple[float, float, float]) -> np.ndarray:
    """Rotation of a vector onto an axis, by Rodrigues' formula.

    Args:
        vector (np.ndarray): What to turn, shape (3, ).
        along (float): Its component along the axis.
        normal (tuple): Its cross product with the axis.
    """
    x, y, z = normal
    length = math.sqrt(x * x + y * y + z * z)
    if np.abs(vector).sum() < _NO_TURN or abs(x) + abs(y) + abs(z) < _NO_TURN:
        return np.eye(3)
    # In the precision of the vector, as the originals: near 0 the arc cosine magnifies rounding.
    cos = float(along / np.linalg.norm(vector))
    angle = math.acos(min(max(cos, -1.0), 1.0))
    if angle < _NO_TURN:
        return np.eye(3)
    x, y, z = x / length, y / length, z / length
    c, s = math.cos(angle), math.sin(angle)
    return np.array([
        [c + x * x * (1 - c), x * y * (1 - c) - z * s, x * z * (1 - c) + y * s],
        [x * y * (1 - c) + z * s, c + y * y * (1 - c), y * z * (1 - c) - x * s],
        [x * z * (1 - c) - y * s, y * z * (1 - c) + x * s, c + z * z * (1 - c)],
    ])

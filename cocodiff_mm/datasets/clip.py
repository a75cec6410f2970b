import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cocodiff_mm.datasets.store import DTYPES
from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.graph import num_joints

UNKNOWN = -1
LARGEST = 2**15 - 1  # persons and provenance are 16-bit integers in a store


@dataclass(frozen=True)
class StoreInfo:
    """What a store says of itself.

    Args:
        name (str): Data set, e.g. ``'ntu120'``.
        layout (str | dict): Skeleton, as in a backbone's ``graph_cfg``.
        classes (tuple[str]): Class names in label order.
        coordinates (tuple[str]): Names of the coordinates, e.g. ``('x', 'y', 'z')``.
        units (str): Unit of the coordinates and where their origin is.
        source (str): What it was made from.
        licence (str): Terms of the data. Defaults to ''.
        citation (str): Paper to cite. Defaults to ''.
        options (dict): What was done to the data, JSON values only.
        has_score (bool): Whether clips have confidence scores. Defaults to False.
        dtype (str): ``'float32'`` or ``'float16'``. Defaults to ``'float32'``.
    """

    name: str
    layout: str | dict
    classes: tuple[str, ...]
    coordinates: tuple[str, ...]
    units: str
    source: str
    licence: str = ''
    citation: str = ''
    options: dict[str, Any] = field(default_factory=dict)
    has_score: bool = False
    dtype: str = 'float32'


@dataclass(frozen=True)
class Clip:
    """A clip on its way into a store.

    Args:
        name (str): Unique name.
        keypoint (np.ndarray): Joints, shape (M, T, V, C).
        label (int): Class, from 0.
        score (np.ndarray, optional): Confidence, shape (M, T, V).
        subject, camera, setup, replication (int): Where and by whom; -1 where unknown.
        valid (int, optional): Number of frames that hold a pose; if None, frames in which a
            joint of anyone is not zero are counted.
        img_shape (tuple[int, int], optional): Height and width of the video, pixels.
        notes (tuple[str]): What was repaired, for the report.
    """

    name: str
    keypoint: np.ndarray
    label: int
    score: np.ndarray | None = None
    subject: int = UNKNOWN
    camera: int = UNKNOWN
    setup: int = UNKNOWN
    replication: int = UNKNOWN
    valid: int | None = None
    img_shape: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def check_info(info: StoreInfo) -> int:
    """Refuse what a store can't say of itself.

    Returns:
        int: Number of joints V of the layout.

    Raises:
        ValueError: Naming the field, what it has and what was expected.
    """
    check_choice('dtype', info.dtype, DTYPES)
    for key in ('classes', 'coordinates'):
        names = getattr(info, key)
        if isinstance(names, str) or not names or not all(
                isinstance(name, str) and name for name in names):
            raise ValueError(f'{key} of {info.name!r}: expected one name or more, got {names!r}')
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'{key} of {info.name!r}: {twice[0]!r} is there twice')
    try:
        json.dumps(info.options)
    except (TypeError, ValueError) as error:
        raise ValueError(f'options of {info.name!r}: {error}; expected JSON values: text, numbers, '
                         'lists and dicts of them') from error
    return num_joints(info.layout)


def check_clip(clip: Clip, info: StoreInfo,
               joints: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Refuse a clip that a store can't hold.

    Args:
        clip (Clip): The clip.
        info (StoreInfo): What the store says of itself.
        joints (int): Number of joints V of its layout.

    Returns:
        tuple[np.ndarray, np.ndarray | None]: Joints (M, T, V, C) and scores (M, T, V) in the
        store's dtype, each in one piece.

    Raises:
        ValueError: With the clip's name, what it has and what was expected.
    """
    if not isinstance(clip.name, str) or not clip.name or '\0' in clip.name:
        raise ValueError(f'a clip is called {clip.name!r}, expected a name')
    if not isinstance(clip.label, int | np.integer) or not 0 <= clip.label < len(info.classes):
        raise ValueError(f'{clip.name}: label {clip.label}, expected 0 to '
                         f'{len(info.classes) - 1} for the {len(info.classes)} classes')
    keypoint = _check_keypoint(clip, info, joints)
    frames = keypoint.shape[1]
    if clip.valid is not None and not 0 <= clip.valid <= frames:
        raise ValueError(f'{clip.name}: {clip.valid} of {frames} frames hold a pose')
    if clip.img_shape is not None and (len(clip.img_shape) != 2 or min(clip.img_shape) < 1):
        raise ValueError(f'{clip.name}: img_shape {clip.img_shape}, expected height and width')
    for key in ('subject', 'camera', 'setup', 'replication'):
        if not UNKNOWN <= getattr(clip, key) <= LARGEST:
            raise ValueError(f'{clip.name}: {key} {getattr(clip, key)}, expected 0 to {LARGEST}, '
                             f'or {UNKNOWN} for unknown')
    return keypoint, _check_score(clip, info, keypoint.shape[:3])


def _check_keypoint(clip: Clip, info: StoreInfo, joints: int) -> np.ndarray:
    keypoint, coords = np.asarray(clip.keypoint), len(info.coordinates)
    if keypoint.ndim != 4 or keypoint.dtype.kind not in 'fiu':
        raise ValueError(f'{clip.name}: expected numbers of shape (persons, frames, joints, '
                         f'coordinates), got {keypoint.dtype} of {keypoint.shape}')
    if keypoint.shape[2:] != (joints, coords):
        raise ValueError(f'{clip.name}: expected {coords} coordinates of {joints} joints, got '
                         f'{keypoint.shape[3]} of {keypoint.shape[2]}')
    persons, frames = keypoint.shape[:2]
    if not 0 < persons <= LARGEST or not frames:
        raise ValueError(f'{clip.name}: {persons} persons in {frames} frames')
    with np.errstate(over='ignore'):
        keypoint = np.ascontiguousarray(keypoint, info.dtype)
    if not np.isfinite(keypoint).all():
        raise ValueError(f'{clip.name}: coordinates that are not finite in {info.dtype}')
    return keypoint


def _check_score(clip: Clip, info: StoreInfo, shape: tuple[int, ...]) -> np.ndarray | None:
    if info.has_score != (clip.score is not None):
        raise ValueError(f'{clip.name}: confidence scores in all clips or in none; this one has '
                         f'{"none" if clip.score is None else "some"}')
    if clip.score is None:
        return None
    score = np.asarray(clip.score)
    if score.shape != shape or score.dtype.kind not in 'fiu' or not np.isfinite(score).all():
        raise ValueError(f'{clip.name}: expected finite scores of shape {shape}, got '
                         f'{score.dtype} of {score.shape}')
    return np.ascontiguousarray(score, info.dtype)

"""Clips in files of one's own: arrays of NumPy, tables of numbers, JSON."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from cocodiff_mm.datasets.converters.reading import (
    as_floats,
    as_numbers,
    read_bytes,
    read_json,
    read_text,
)
from cocodiff_mm.datasets.converters.source import BadClip

SUFFIXES = ('.npy', '.csv', '.json')


def clip_name(file: str) -> str:
    """Name of the clip in a file: its path without the suffix."""
    for suffix in SUFFIXES:
        file = file.removesuffix(suffix)
    return file


def read_clip_file(path: str | Path, num_joints: int, num_coords: int,
                   persons: int = 1) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a clip.

    Args:
        path (str | Path): ``.npy``: an array (T, V, C) or (M, T, V, C). ``.csv``: a row per frame
            with M * V * C numbers, person by person and joint by joint, after at most one row of
            titles. ``.json``: nested lists of the shape of an ``.npy``, or ``{"keypoint": ...}``
            of them, optionally with ``"score"`` of a number per joint.
        num_joints (int): Joints V of the layout.
        num_coords (int): Coordinates C of a joint.
        persons (int): Persons M in every row of a ``.csv``. Defaults to 1.

    Returns:
        tuple[np.ndarray, np.ndarray | None]: Joints (M, T, V, C) and scores (M, T, V) if there are
        any, both float32.

    Raises:
        BadClip: If the file is not such a clip; it says what it is.
    """
    path, score = Path(path), None
    if path.suffix == '.npy':
        values = _npy(path)
    elif path.suffix == '.csv':
        rows = _csv(path, persons * num_joints * num_coords)
        values = rows.reshape(-1, persons, num_joints, num_coords).swapaxes(0, 1)
    elif path.suffix == '.json':
        values, score = _json(path)
    else:
        raise BadClip(f'{path}: expected a file {", ".join(SUFFIXES)}')
    values = _with_persons(values, 3)
    wanted = f'(frames, {num_joints}, {num_coords}), with persons in front if there are several'
    if values.ndim != 4 or values.shape[2:] != (num_joints, num_coords) or not values.size:
        raise BadClip(f'{path} has the shape {values.shape}, expected {wanted}; is it the right '
                      'layout?')
    keypoint = as_floats(values, path, 'keypoint')
    if not keypoint.any():
        raise BadClip(f'{path}: all coordinates are 0, expected at least one pose')
    if score is None:
        return keypoint, None
    score = _with_persons(score, 2)
    if score.shape != keypoint.shape[:3]:
        raise BadClip(f'{path}: score has the shape {score.shape}, expected {keypoint.shape[:3]}, '
                      'a number for each joint of keypoint')
    return keypoint, as_floats(score, path, 'score')


def _with_persons(values: np.ndarray, ndim: int) -> np.ndarray:
    return values[None] if values.ndim == ndim else values


def _npy(path: Path) -> np.ndarray:
    content = read_bytes(path)
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    # A garbled header is Python text that numpy evaluates as a literal, so much can go wrong.
    except Exception as error:
        raise BadClip(f'{path} ({len(content)} bytes) is not a whole .npy file of plain numbers: '
                      f'{error}; save it again with numpy.save') from error
    if array.dtype.kind not in 'fiu':
        raise BadClip(f'{path} holds {array.dtype}, expected numbers')
    return array


def _csv(path: Path, columns: int) -> np.ndarray:
    rows = []
    lines = [(number, line.split(',')) for number, line
             in enumerate(read_text(path).splitlines(), start=1) if line.strip()]
    if lines and not any(_is_number(cell) for cell in lines[0][1]):
        del lines[0]
    for number, cells in lines:
        if len(cells) != columns:
            raise BadClip(f'{path}, line {number}: {len(cells)} columns, expected {columns}: '
                          'persons x joints x coordinates, with commas in between')
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError as error:
            raise BadClip(f'{path}, line {number}: {error}; write 0 where a joint is '
                          'missing') from error
    if not rows:
        raise BadClip(f'{path} has no row of numbers; expected one per frame')
    return np.array(rows)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _json(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    content: Any = read_json(path)
    if isinstance(content, list):
        return as_numbers(content, path, 'frames'), None
    if not isinstance(content, dict) or not isinstance(content.get('keypoint'), list):
        raise BadClip(f'{path}: expected nested lists, or {{"keypoint": nested lists, "score": '
                      'nested lists}')
    score = content.get('score')
    return (as_numbers(content['keypoint'], path, 'keypoint'),
            None if score is None else as_numbers(score, path, 'score'))

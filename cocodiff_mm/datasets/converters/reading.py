"""Reading files of clips that may be cut short, garbled or of another kind."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from cocodiff_mm.datasets.converters.source import BadClip


def read_bytes(path: Path) -> bytes:
    """Content of a file that is there and not empty.

    Raises:
        BadClip: If it is neither.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadClip(f'{path} can not be read: {error.strerror or error}') from error
    except ValueError as error:  # a path with a zero byte
        raise BadClip(f'{str(path)!r} can not be read: {error}') from error
    if not content:
        raise BadClip(f'{path} is empty; fetch or record it again')
    return content


def read_text(path: Path) -> str:
    """Text of a file in UTF-8, with or without a byte order mark.

    Raises:
        BadClip: If there is none.
    """
    try:
        return read_bytes(path).decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise BadClip(f'{path} is not text in UTF-8 (byte {error.start} of it is wrong)') from error


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        BadClip: If it is none.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    # Lists nested a thousand deep, and numbers of a thousand digits, are not JSONDecodeErrors.
    except (ValueError, RecursionError) as error:
        raise BadClip(f'{path} is not whole JSON: {error}') from error


def as_numbers(values: Any, path: Path, what: str, ndim: int | None = None) -> np.ndarray:
    """Turn nested lists into an array.

    Args:
        values: Lists of lists of numbers.
        path (Path): Where they are from.
        what (str): What they are, for the message.
        ndim (int, optional): How deep they are nested; any depth if None.

    Returns:
        np.ndarray: Numbers.

    Raises:
        BadClip: If they are not all numbers, or lists differ in length or depth.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadClip(f'{path}: {what} are lists of unequal lengths, expected the same number '
                      'everywhere') from error
    if array.dtype.kind not in 'fiu':
        raise BadClip(f'{path}: {what} hold something that is no number; write 0 where a joint is '
                      'missing')
    if ndim is not None and array.ndim != ndim:
        raise BadClip(f'{path}: {what} are lists nested {array.ndim} deep, expected {ndim}')
    return array


def as_floats(values: np.ndarray, path: Path, what: str, dtype: str = 'float32') -> np.ndarray:
    """Round to the precision of a store.

    Raises:
        BadClip: If a number is not finite then; it says where.
    """
    with np.errstate(over='ignore', invalid='ignore'):
        rounded = np.asarray(values, dtype)
    wrong = ~np.isfinite(rounded)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise BadClip(f'{path}: {np.asarray(values)[place]} in {what} at {place} and {wrong.sum()} '
                      f'places in all, expected finite numbers within {dtype}; write 0 where a '
                      'joint is missing')
    return rounded

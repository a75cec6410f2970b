"""Arrays of numbers in MATLAB 5.0 files.

The reader of SciPy reads what is not there when a file is garbled, and takes the whole process down
with it.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

_HEADER = 128
_MAGIC, _LITTLE_ENDIAN = b'MATLAB 5.0', b'IM'
_MATRIX, _COMPRESSED = 14, 15
_DTYPES = {1: 'i1', 2: 'u1', 3: '<i2', 4: '<u2', 5: '<i4', 6: '<u4', 7: '<f4', 9: '<f8',
           12: '<i8', 13: '<u8'}
_NUMERIC_CLASSES = range(6, 16)
# Recordings take some kilobytes; a garbled one must not unfold to fill the memory.
_MOST_BYTES = 1 << 26


class _Element(NamedTuple):
    kind: int
    data: memoryview


def matlab_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Read the arrays of real numbers of a file.

    Args:
        content (bytes): The file.

    Returns:
        dict[str, np.ndarray]: Array by the name of its variable; variables of other kinds are left
        out.

    Raises:
        ValueError: If it is no such file, or not a whole one.
    """
    if not content.startswith(_MAGIC) or content[_HEADER - 2:_HEADER] != _LITTLE_ENDIAN:
        raise ValueError('it is not a MATLAB 5.0 file')
    arrays = {}
    for element in _elements(memoryview(content)[_HEADER:]):
        if element.kind == _COMPRESSED:
            inner = list(_elements(memoryview(_unfold(element.data))))
            if len(inner) != 1:
                raise ValueError(f'{len(inner)} variables in a compressed one')
            element = inner[0]
        if element.kind != _MATRIX:
            raise ValueError(f'an element of type {element.kind} where a variable should be')
        found = _matrix(element.data)
        if found is not None:
            arrays[found[0]] = found[1]
    return arrays


def _elements(data: memoryview) -> Iterator[_Element]:
    place = 0
    while place < len(data):
        if len(data) - place < 8:
            raise ValueError(f'{len(data) - place} bytes where an element should be')
        kind, size = np.frombuffer(data, '<u4', 2, place).tolist()
        start, end = place + 8, place + 8 + size
        place = end
        if kind >> 16:  # up to four bytes stand in the tag itself
            kind, size = kind & 0xFFFF, kind >> 16
            start, end, place = start - 4, start - 4 + size, start
        elif kind != _COMPRESSED:
            place += -size % 8
        if end > len(data) or (end > place):
            raise ValueError(f'an element of {size} bytes where {len(data) - start} are left')
        yield _Element(kind, data[start:end])


def _unfold(data: memoryview) -> bytes:
    stream = zlib.decompressobj()
    try:
        unfolded = stream.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f'a compressed variable is damaged: {error}') from error
    if not stream.eof:
        raise ValueError('a compressed variable is cut short, or unfolds to more than '
                         f'{_MOST_BYTES} bytes')
    return unfolded


def _matrix(data: memoryview) -> tuple[str, np.ndarray] | None:
    """Name and values of a variable, or None if it does not hold real numbers."""
    parts = list(_elements(data))
    if len(parts) < 3 or len(parts[0].data) != 8:
        raise ValueError('a variable without kind, shape or name')
    kind, complex_numbers = parts[0].data[0], parts[0].data[1] & 8
    if kind not in _NUMERIC_CLASSES or complex_numbers:
        return None
    if len(parts) != 4 or parts[3].kind not in _DTYPES:
        raise ValueError('a variable without numbers')
    shape, values = _numbers(parts[1]).tolist(), _numbers(parts[3])
    if not shape or min(shape) < 0 or np.prod(shape, dtype=object) != len(values):
        raise ValueError(f'{len(values)} numbers for an array of shape {shape[:9]}')
    name = bytes(parts[2].data).decode('ascii', 'replace')
    return name, values.reshape(shape, order='F')


def _numbers(element: _Element) -> np.ndarray:
    dtype = np.dtype(_DTYPES.get(element.kind, 'u1'))
    if len(element.data) % dtype.itemsize:
        raise ValueError(f'{len(element.data)} bytes of numbers of {dtype.itemsize} bytes')
    return np.frombuffer(element.data, dtype)

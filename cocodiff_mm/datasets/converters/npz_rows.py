import math
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, KeyError,
           NotImplementedError, OverflowError)


class NpzRows:
    """Rows of one array in an .npz file, read one after another without loading the array.

    ``np.load`` reads an array of an .npz file whole, ten gigabytes for the largest here.

    Args:
        path (str | Path): The .npz file.
        member (str): Name of the array in it.

    Attributes:
        shape (tuple[int]): Shape of the array.
        dtype (np.dtype): Its type.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, has no such array, or the array holds no numbers; the
            message names the file.
    """

    def __init__(self, path: str | Path, member: str) -> None:
        self.path, self.member = Path(path), member
        if not self.path.is_file():
            raise FileNotFoundError(f'no such file: {str(self.path)!r}')
        try:
            self._open()
        except _BROKEN as error:
            raise self._broken(error) from error

    def __getitem__(self, index: int) -> np.ndarray:
        """A row; cheap where ``index`` grows from call to call."""
        if not 0 <= index < self.shape[0]:
            raise IndexError(f'row {index} of {self.shape[0]}')
        try:
            if index < self._next:
                self._open()
            while self._next < index:
                self._read_row()
            values = np.frombuffer(self._read_row(), self.dtype)
        except _BROKEN as error:
            raise self._broken(error) from error
        return values.reshape(self.shape[1:])

    def all(self) -> np.ndarray:
        """The whole array, for small ones."""
        return np.stack([self[index] for index in range(self.shape[0])])

    def _read_row(self) -> bytes:
        data = self._file.read(self._row_bytes)
        if len(data) != self._row_bytes:
            raise EOFError(f'it ends in row {self._next} of {self.shape[0]}')
        self._next += 1
        return data

    def _open(self) -> None:
        """Go to the first row."""
        with zipfile.ZipFile(self.path) as archive:
            entry = archive.getinfo(f'{self.member}.npy')
            self._file = archive.open(entry)
        shape, fortran, dtype = _read_header(self._file)
        if fortran or dtype.kind not in 'fiu' or not shape or min(shape) < 1:
            order = ' in Fortran order' if fortran else ''
            raise ValueError(f'an array of {dtype} {shape}{order}, expected rows of plain numbers')
        self._row_bytes = math.prod(shape[1:]) * dtype.itemsize
        expected = self._file.tell() + shape[0] * self._row_bytes
        # Checked before anyone trusts the number of rows.
        if entry.file_size != expected:
            raise ValueError(f'{entry.file_size} bytes for an array of {dtype} {shape}, expected '
                             f'{expected}')
        self.shape, self.dtype, self._next = shape, dtype, 0

    def _broken(self, error: Exception) -> ValueError:
        size = self.path.stat().st_size
        return ValueError(f'{self.path} ({size} bytes): can not read the array {self.member!r}: '
                          f'{error}; expected an .npz file of CTR-GCN, whole')


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f'.npy version {version}, expected 1.0 or 2.0')

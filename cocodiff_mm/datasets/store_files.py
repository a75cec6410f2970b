"""What a store that is being written consists of; nothing is held back in this process."""

import errno
import fcntl
import io
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


class RowFile:
    """Rows of a .npy file, each written to a given place: what failed is simply written again.

    Args:
        path (Path): The file; made if missing.
        dtype (str): Type of the values.
        row_shape (tuple[int]): Shape of a row.
    """

    def __init__(self, path: Path, dtype: str, row_shape: tuple[int, ...]) -> None:
        self._dtype, self._row_shape = np.dtype(dtype).newbyteorder('<'), row_shape
        self._row_bytes = self._dtype.itemsize * int(np.prod(row_shape))
        self._start = len(self._header(0))
        self._file = _open(path)

    def write(self, row: int, values: np.ndarray) -> None:
        """Write rows from a given one on."""
        _write_at(self._file, values.astype(self._dtype, copy=False).data.cast('B'),
                  self._start + row * self._row_bytes)

    def read(self, row: int, count: int) -> bytes:
        """Bytes of rows, as many as are there."""
        return os.pread(self._file.fileno(), count * self._row_bytes,
                        self._start + row * self._row_bytes)

    def cut(self, rows: int) -> None:
        """Forget what follows a number of rows."""
        self._file.truncate(self._start + rows * self._row_bytes)

    def finish(self, rows: int) -> None:
        """Make it a .npy file of so many rows, and bring it to the disk."""
        # NumPy leaves room in a header for the first axis to grow.
        header = self._header(rows)
        if len(header) != self._start:
            raise RuntimeError(f'a header of {rows} rows takes {len(header)} bytes, {self._start} '
                               'are free')
        self.cut(rows)
        _write_at(self._file, memoryview(header), 0)
        self.sync()

    def sync(self) -> None:
        """Bring what was written to the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _header(self, rows: int) -> bytes:
        file = io.BytesIO()
        np.lib.format.write_array_header_1_0(file, dict(
            descr=self._dtype.str, fortran_order=False, shape=(rows, *self._row_shape)))
        return file.getvalue()


class Journal:
    """One JSON record a line behind its checksum; from a broken line on, nothing counts.

    Args:
        path (Path): The file; made if missing.
    """

    def __init__(self, path: Path) -> None:
        self._file, self._end, self._line = _open(path), 0, 0

    def append(self, record: dict) -> None:
        """Write a record behind those that were kept or appended."""
        text = json.dumps(record).encode()
        line = b'%08x %s\n' % (zlib.crc32(text), text)
        _write_at(self._file, memoryview(line), self._end)
        self._end += len(line)

    def records(self) -> Iterator[dict]:
        """Records up to the first that is broken; :meth:`keep` accepts the last one given."""
        for line in self._file.readall().split(b'\n')[:-1]:
            checksum, _, text = line.partition(b' ')
            if checksum != b'%08x' % zlib.crc32(text):
                return
            self._line = len(line) + 1
            yield json.loads(text)

    def keep(self) -> None:
        """Accept the record given last."""
        self._end += self._line

    def cut(self) -> None:
        """Forget what was not kept."""
        self._file.truncate(self._end)

    def sync(self) -> None:
        """Bring what was written to the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def lock(path: Path, store: Path) -> io.IOBase:
    """Hold a file for this process; the system lets go of it when the process ends.

    Raises:
        FileExistsError: If another process holds it; the message names the store.
    """
    file = path.open('w')
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise FileExistsError(f'another process is writing {store}; wait for it, or choose '
                                  'another name') from error
        raise
    return file


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file and bring it to the disk."""
    with path.open('w', encoding='utf-8') as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def _open(path: Path) -> io.FileIO:
    return io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), 'r+')


def _write_at(file: io.FileIO, data: memoryview, position: int) -> None:
    while data:  # a disk that is nearly full takes a part
        written = os.pwrite(file.fileno(), data, position)
        data, position = data[written:], position + written

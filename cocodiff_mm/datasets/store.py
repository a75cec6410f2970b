"""Skeleton clips in a folder of memory-mapped arrays: the format, and reading it.

``store_writer`` makes stores; ``docs/data.md`` describes the format field by field.
"""

import hashlib
import json
import mmap
import tokenize
from pathlib import Path
from typing import Any

import numpy as np

from cocodiff_mm.utils.choices import check_choice

FORMAT = 'cocodiff_mm skeleton store'
VERSION = 1
META = 'meta.json'
DTYPES = ('float32', 'float16')
# One row per clip; -1 where a data set does not say.
CLIP_DTYPE = np.dtype([
    ('offset', '<i8'), ('frames', '<i4'), ('persons', '<i2'), ('label', '<i4'), ('valid', '<i4'),
    ('subject', '<i2'), ('camera', '<i2'), ('setup', '<i2'), ('replication', '<i2'),
    ('height', '<i4'), ('width', '<i4'),
])  # fmt: skip
_META_TYPES = dict(
    name=str, layout=(str, dict), joints=int, coordinates=list, units=str, classes=list,
    splits=list, clips=int, rows=int, dtype=str, has_score=bool, source=str, options=dict,
    sha256=dict)
_CHUNK = 1 << 22
_AGAIN = 'convert or copy the store again'


class SkeletonStore:
    """A skeleton data set on disk, opened without reading it.

    The arrays are mapped, not loaded: opening takes milliseconds for any size, and processes that
    read the same clips share the operating system's page cache. A pickled store is its path.

    Args:
        path (str | Path): Folder of the store.

    Attributes:
        meta (dict): What ``meta.json`` says.
        clips (np.ndarray): Structured, one row per clip; fields of ``CLIP_DTYPE``, -1 where
            unknown. ``valid`` counts the frames that hold a pose.

    Raises:
        FileNotFoundError: If there is no such folder, or it is no store.
        ValueError: If the store is damaged or of a later version; the message says which file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.meta = _read_meta(self.path)
        number, rows = self.meta['clips'], self.meta['rows']
        joints, coords = self.num_joints, self.num_coords
        self.clips = self._map('clips', (number, ), CLIP_DTYPE)
        self._names = self._map('names', (number, ), 'S')
        self._splits = self._map('splits', (len(self.split_names), number), 'bool')
        dtype = self.meta['dtype']
        self._keypoint = self._map('keypoint', (rows, joints, coords), dtype)
        self._score = (self._map('keypoint_score', (rows, joints), dtype)
                       if self.meta['has_score'] else None)
        # Columns are read faster than rows of several types.
        self._spans = tuple(self.clips[key] for key in ('persons', 'frames', 'offset'))
        self._check_index()

    def __len__(self) -> int:
        return self.meta['clips']

    def __getstate__(self) -> dict:
        return dict(path=self.path)

    def __setstate__(self, state: dict) -> None:
        self.__init__(state['path'])

    def __repr__(self) -> str:
        return (f'{type(self).__name__}({str(self.path)!r}: {len(self)} clips of '
                f'{self.meta["name"]}, {self.num_joints} joints x {self.num_coords})')

    @property
    def classes(self) -> list[str]:
        """Class names in label order."""
        return self.meta['classes']

    @property
    def layout(self) -> str | dict:
        """Skeleton, as in a backbone's ``graph_cfg``."""
        return self.meta['layout']

    @property
    def num_joints(self) -> int:
        """Number of joints V."""
        return self.meta['joints']

    @property
    def num_coords(self) -> int:
        """Number of coordinates C of a joint."""
        return len(self.meta['coordinates'])

    @property
    def split_names(self) -> list[str]:
        """Names of the splits."""
        return self.meta['splits']

    def name(self, index: int) -> str:
        """Name of a clip."""
        return self._names[index].decode()

    def names(self) -> list[str]:
        """Names of all clips, in order."""
        return [name.decode() for name in self._names.tolist()]

    def split(self, name: str) -> np.ndarray:
        """Indices of the clips of a split, ascending, int64.

        Raises:
            ValueError: If there is no such split; the message lists those that are there.
        """
        if name not in self.split_names:
            raise ValueError(f'{self.path} has no split {name!r}; it has: '
                             f'{", ".join(sorted(self.split_names)) or "none"}')
        return np.flatnonzero(self._splits[self.split_names.index(name)])

    def keypoint(self, index: int) -> np.ndarray:
        """Joints of a clip.

        Returns:
            np.ndarray: Shape (M, T, V, C), a read-only view of the mapped file.
        """
        return self._rows(self._keypoint, index)

    def score(self, index: int) -> np.ndarray | None:
        """Confidence of the joints of a clip, shape (M, T, V), or None if the store has none."""
        return None if self._score is None else self._rows(self._score, index)

    def verify(self) -> None:
        """Compare every file with the checksum of the time when it was written.

        Raises:
            ValueError: Naming the files that changed.
        """
        changed = [file.name for file in sorted(self.path.glob('*.npy'))
                   if sha256_of(file) != self.meta['sha256'].get(file.name)]
        if changed:
            raise ValueError(f'{self.path}: {", ".join(changed)} changed since the store was '
                             f'made (a bad disk or a copy cut short?); {_AGAIN}')

    def release(self) -> None:
        """Take the clips that were read out of this process's memory.

        They stay in the system's cache, for all processes, and views of them stay valid.
        """
        for array in (self._keypoint, self._score):
            if array is not None:
                _release_pages(array)

    def _rows(self, array: np.ndarray, index: int) -> np.ndarray:
        persons, frames, start = (column.item(index) for column in self._spans)
        return array[start:start + persons * frames].reshape(persons, frames, *array.shape[1:])

    def _map(self, name: str, shape: tuple[int, ...], dtype: str | np.dtype) -> np.ndarray:
        path = self.path / f'{name}.npy'
        if not path.is_file():
            raise ValueError(f'{self.path} lacks {path.name}; {_AGAIN}')
        size = path.stat().st_size
        try:
            array = np.lib.format.open_memmap(path, mode='r')
        # A broken header can be any text, and NumPy reads it as Python.
        except (ValueError, TypeError, SyntaxError, OverflowError, MemoryError, OSError,
                tokenize.TokenError) as error:
            raise ValueError(f'{path} ({size} bytes) is damaged: {error}; {_AGAIN}') from error
        fits = array.dtype.kind == dtype if dtype == 'S' else array.dtype == dtype
        if array.shape != shape or not fits:
            raise ValueError(f'{path}: got an array of {array.shape} {array.dtype}, expected '
                             f'{shape} {dtype}; {_AGAIN}')
        if size != array.offset + array.nbytes:
            raise ValueError(f'{path}: got {size} bytes, expected {array.offset + array.nbytes}; '
                             f'{_AGAIN}')
        return array.view(np.ndarray)  # indexing a memmap is slower

    def _check_index(self) -> None:
        clips = self.clips
        frames = clips['frames']
        ends = clips['offset'] + frames.astype(np.int64) * clips['persons']
        wrong = (clips['offset'] < 0) | (frames < 1) | (clips['persons'] < 1)
        wrong |= (ends > self.meta['rows']) | (clips['valid'] > frames)
        wrong |= (clips['label'] < 0) | (clips['label'] >= len(self.classes))
        if wrong.any():
            index = int(wrong.argmax())
            raise ValueError(f'{self.path / "clips.npy"}: clip {index} can not be '
                             f'{dict(zip(CLIP_DTYPE.names, clips[index].tolist(), strict=True))}; '
                             f'{_AGAIN}')


def _release_pages(array: np.ndarray) -> None:
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, 'MADV_DONTNEED'):
        base.madvise(mmap.MADV_DONTNEED)


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read_meta(path: Path) -> dict[str, Any]:
    file = path / META
    if not file.is_file():
        raise FileNotFoundError(_why_no_store(path))
    try:
        meta = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{file} is damaged: {error}; {_AGAIN}') from error
    if not isinstance(meta, dict) or meta.get('format') != FORMAT:
        raise ValueError(f'{file} does not describe a {FORMAT}')
    if meta.get('version') != VERSION:
        raise ValueError(f'{file}: version {meta.get("version")!r}, this package reads {VERSION}; '
                         'update cocodiff_mm or convert again')
    for key, kind in _META_TYPES.items():
        if not isinstance(meta.get(key), kind):
            raise ValueError(f'{file}: {key!r} is missing or of a wrong type; {_AGAIN}')
    check_choice(f'dtype in {file}', meta['dtype'], DTYPES)
    return meta


def _why_no_store(path: Path) -> str:
    if path.is_dir():
        what = f'holds no {META}, so it is not a skeleton store'
    elif path.exists():
        what = 'is a file, not a skeleton store'
    else:
        what = 'does not exist'
    old = beside(path, 'old')
    if not path.exists() and (old / META).is_file():
        return (f'{str(path)!r} {what}: replacing it was cut short. The earlier store is {old}: '
                'rename it back, or run the same conversion again')
    if beside(path, 'partial').is_dir():
        return (f'{str(path)!r} {what}: its conversion is not finished; run the same command '
                'again, it goes on where it stopped')
    return (f'{str(path)!r} {what}; a store is the folder that python tools/data/convert.py '
            'makes, see docs/data.md')


def beside(path: Path, what: str) -> Path:
    """Hidden folder beside a store: ``'partial'`` while it is written, ``'old'`` while replaced."""
    return path.with_name(f'.{path.name}.{what}')

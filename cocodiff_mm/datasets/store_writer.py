import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cocodiff_mm.datasets.clip import UNKNOWN, Clip, StoreInfo, check_clip, check_info
from cocodiff_mm.datasets.store import CLIP_DTYPE, FORMAT, META, VERSION, beside, sha256_of
from cocodiff_mm.datasets.store_files import Journal, RowFile, lock, sync, write_json

INFO, JOURNAL, LOCK = 'info.json', 'journal.jsonl', 'lock'
_PROVENANCE = ('subject', 'camera', 'setup', 'replication')


class StoreWriter:
    """Write a store clip by clip; it appears whole or not at all.

    Clips go to ``.NAME.partial`` beside the store, and a journal tells which of them are there.
    :meth:`finish` puts the store in place of ``path``; until then an earlier store stays as it
    was. A writer that finds such a folder of the same ``info`` goes on after the last clip that
    reached it whole, and gives the same store as one that was never interrupted.

    Args:
        path (str | Path): Folder of the store to be; of a link, the folder that it points to.
        info (StoreInfo): What it says of itself.
        overwrite (bool): Whether a store at ``path`` may be replaced. Defaults to False.
        stamps (Mapping[str, str], optional): By the names of the clips to come, what changes
            with a clip. Clips are taken up only until the first that has another stamp, or none.
            Not in the store. By default, all clips are taken up.

    Attributes:
        done (dict[str, dict]): Clips that are written, in order, those of an interrupted writer
            among them: their fields in the store by name.
        forgotten (int): Clips of an interrupted writer that were not taken up because of stamps.
        partial (Path): Folder that is filled until the store is finished.
        rows (int): Rows of the arrays that are taken.

    Raises:
        FileExistsError: If there is something at ``path`` that may not be replaced, or another
            process writes the same store.
        OSError: If the disk refuses, from any method; what was written before can be taken up.
        ValueError: If ``info`` is not valid, or ``path`` has no name of its own.
    """

    def __init__(self,
                 path: str | Path,
                 info: StoreInfo,
                 overwrite: bool = False,
                 stamps: Mapping[str, str] | None = None) -> None:
        path = Path(path).expanduser()
        if path.name in ('', '..'):
            raise ValueError(f'{str(path)!r} can not become a store; give it a folder of its own, '
                             'e.g. data/ntu60')
        self.path = path.resolve() if path.is_symlink() else path
        self.info, self.joints = info, check_info(info)
        self.done: dict[str, dict] = {}
        self.rows = self.forgotten = 0
        self._stamps = stamps
        self.partial = beside(self.path, 'partial')
        self._store = self.partial / 'store'
        _put_back(self.path)
        _check_target(self.path, overwrite)
        _make_folder(self._store)
        with self._disk():
            self._lock = lock(self.partial / LOCK, self.path)
            if not self._same_info():
                self._start_afresh()
            self._arrays = {name: RowFile(self._store / f'{name}.npy', info.dtype, shape)
                            for name, shape in self._row_shapes().items()}
            self._journal = Journal(self.partial / JOURNAL)
            self._take_up()

    def __enter__(self) -> 'StoreWriter':
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(self, clip: Clip) -> None:
        """Append a clip.

        Raises:
            ValueError: If the clip does not fit the store or its name is taken; nothing is
                written then.
        """
        keypoint, score = check_clip(clip, self.info, self.joints)
        if clip.name in self.done:
            raise ValueError(f'{clip.name}: a clip of this name is there already')
        persons, frames = keypoint.shape[:2]
        height, width = clip.img_shape or (UNKNOWN, UNKNOWN)
        valid = clip.valid
        if valid is None:
            valid = keypoint.any(axis=(0, 2, 3)).sum()
        record = dict(
            offset=self.rows, frames=frames, persons=persons, label=int(clip.label),
            valid=int(valid), **{key: int(getattr(clip, key)) for key in _PROVENANCE},
            height=int(height), width=int(width))
        values = dict(keypoint=keypoint) if score is None else dict(
            keypoint=keypoint, keypoint_score=score)
        with self._disk():
            for name, rows in values.items():
                self._arrays[name].write(self.rows, rows)
            self._journal.append(dict(
                name=clip.name, **record, stamp=(self._stamps or {}).get(clip.name),
                crc32=[zlib.crc32(rows) for rows in values.values()]))
        self.done[clip.name] = record
        self.rows += persons * frames

    def flush(self) -> None:
        """Bring what was added to the disk, where it survives even a power cut."""
        with self._disk():
            for file in (*self._arrays.values(), self._journal):
                file.sync()

    def finish(self, splits: Mapping[str, Iterable[str]],
               extra: Mapping[str, Any] | None = None) -> Path:
        """Complete the store and put it in place.

        Args:
            splits (Mapping[str, Iterable[str]]): Names of clips by split; names that are not in
                the store are ignored.
            extra (Mapping, optional): More entries of ``meta.json``, e.g. a report.

        Returns:
            Path: The store.

        Raises:
            ValueError: If no clip was added.
        """
        if not self.done:
            raise ValueError(f'{self.path}: not one usable clip, so no store was made')
        with self._disk():
            for array in self._arrays.values():
                array.finish(self.rows)
            self._write_index(splits)
            meta = dict(
                format=FORMAT, version=VERSION, **asdict(self.info), joints=self.joints,
                splits=list(splits), clips=len(self.done), rows=self.rows, **(extra or {}))
            meta['sha256'] = {file.name: sha256_of(file)
                              for file in sorted(self._store.glob('*.npy'))}
            write_json(self._store / META, meta)
            sync(self._store)
            _swap(self._store, self.path)
        self.close()
        # What can't be removed is cleared away by the next writer.
        shutil.rmtree(self.partial, ignore_errors=True)
        return self.path

    def close(self) -> None:
        """Close the files; an unfinished store can be taken up again."""
        for file in (*self._arrays.values(), self._journal, self._lock):
            file.close()

    def _write_index(self, splits: Mapping[str, Iterable[str]]) -> None:
        clips = np.zeros(len(self.done), CLIP_DTYPE)
        for key in CLIP_DTYPE.names:
            clips[key] = [record[key] for record in self.done.values()]
        place = {name: i for i, name in enumerate(self.done)}
        table = np.zeros((len(splits), len(clips)), bool)
        for row, members in zip(table, splits.values(), strict=True):
            row[[place[name] for name in members if name in place]] = True
        names = np.array([name.encode() for name in self.done])
        for key, array in (('clips', clips), ('names', names), ('splits', table)):
            np.save(self._store / f'{key}.npy', array, allow_pickle=False)
            sync(self._store / f'{key}.npy')

    def _row_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = dict(keypoint=(self.joints, len(self.info.coordinates)))
        return dict(shapes, keypoint_score=(self.joints, )) if self.info.has_score else shapes

    def _same_info(self) -> bool:
        """Whether the folder holds an unfinished store of the same info."""
        try:
            info = json.loads((self.partial / INFO).read_bytes())
        except (FileNotFoundError, ValueError):
            return False
        return info == json.loads(json.dumps(asdict(self.info)))

    def _start_afresh(self) -> None:
        for entry in self.partial.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()
        self._store.mkdir()
        write_json(self.partial / INFO, asdict(self.info))

    def _take_up(self) -> None:
        """Keep the clips that reached both journal and arrays whole, and forget what follows."""
        records = self._journal.records()
        for record in records:
            rows, checksums = record['frames'] * record['persons'], record.pop('crc32')
            if record['offset'] != self.rows or checksums != [
                    zlib.crc32(array.read(self.rows, rows)) for array in self._arrays.values()]:
                break
            name, stamp = record.pop('name'), record.pop('stamp', None)
            if self._stamps is not None and (stamp is None or self._stamps.get(name) != stamp):
                # Rows are only ever appended, so what follows goes as well.
                self.forgotten = 1 + sum(1 for _ in records)
                break
            self._journal.keep()
            self.rows += rows
            self.done[name] = record
        self._journal.cut()
        for array in self._arrays.values():
            array.cut(self.rows)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Say what is lost, and what not, when the disk refuses."""
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            raise OSError(
                error.errno, f'{error.strerror or error} while writing {self.partial}, after '
                f'{len(self.done)} clips. {self.path} is as it was before; once the disk takes '
                'more, the same command goes on from here') from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f'{error.strerror}: the folder {path.parent} can not '
                      'be made; choose another place for the store') from error


def _check_target(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not path.is_dir() or (any(path.iterdir()) and not (path / META).is_file()):
        raise FileExistsError(f'{path} is there and is not a skeleton store; choose another name')
    if (path / META).is_file() and not overwrite:
        raise FileExistsError(f'{path} is a store already; choose another name, or replace it '
                              'with --overwrite')


def _put_back(path: Path) -> None:
    """Undo a swap that was killed between its two steps."""
    old = beside(path, 'old')
    if not path.exists() and (old / META).is_file():
        os.rename(old, path)


def _swap(new: Path, path: Path) -> None:
    old = beside(path, 'old')
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(path, old)
    try:
        os.rename(new, path)
    except OSError:
        _put_back(path)
        raise
    sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)

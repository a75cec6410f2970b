import fcntl
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cocodiff_mm.text.corpus import Prompt

_FORMAT = 'cocodiff_mm corpus generation 1'
# Answers under other ones of these would not go together.
_MUST_MATCH = ('labels', 'prompts', 'language')


def partial_path(out: str | Path) -> Path:
    """Where the answers are kept until a corpus is complete."""
    out = Path(out)
    return out.with_name(f'{out.name}.partial')


def journal_header(labels: Sequence[str], prompts: Mapping[str, Prompt],
                   language: str) -> dict[str, Any]:
    """What all answers have in common, whichever model gives them.

    Args:
        labels (Sequence[str]): Classes in label order.
        prompts (Mapping[str, Prompt]): Prompts by kind.
        language (str): Language code of the texts.

    Returns:
        dict: First record of a journal.
    """
    return dict(
        format=_FORMAT,
        labels=hashlib.sha256('\n'.join(labels).encode()).hexdigest(),
        prompts={kind: dict(id=prompt.id, sha256=prompt.sha256)
                 for kind, prompt in prompts.items()},
        language=language)


def kept_records(path: Path, header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answers in a journal that is only looked at.

    Args:
        path (Path): The file; it need not be there.
        header (Mapping): See :func:`journal_header`.

    Returns:
        list[dict]: Its records.

    Raises:
        ValueError: If it is another file, or of another run.
    """
    return _read(path, path.read_bytes(), header)[0] if path.is_file() else []


class Journal:
    """Answers as they come, on the disk as soon as :meth:`append` returns.

    Args:
        path (Path): JSON lines; made if missing, with its folder. A last line that was cut off is
            forgotten.
        header (Mapping): See :func:`journal_header`.

    Attributes:
        records (list[dict]): Answers of earlier runs.

    Raises:
        ValueError: If the file is another one, of another run, in use or not writable.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path, self._any = path, False
        self._file = _open(path)
        try:
            self.records, whole = _read(path, self._file.readall(), header)
            self._file.truncate(whole)
            self._file.seek(whole)
            if not whole:
                self._write(header)
            self._any = bool(self.records)
        except BaseException:
            self._file.close()
            raise

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a record and bring it to the disk.

        Raises:
            ValueError: If the disk refuses.
        """
        self._write(record)
        self._any = True

    def close(self) -> None:
        """Close the file; it stays if there are answers in it."""
        if not self._any and not self._file.closed:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def remove(self) -> None:
        """Remove the file: the corpus is written."""
        self._any = False
        self.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        line = memoryview(_line(record))
        try:
            while line:  # a disk that is nearly full takes a part
                line = line[self._file.write(line):]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise ValueError(f'{self.path} can not be written ({error.strerror}); make room and '
                             'give the same command again') from error


def _open(path: Path) -> io.FileIO:
    """Open and lock; a file that its last user has just removed would be lost with its answers."""
    file = _lock(path)
    while not _is_at(file, path):
        file.close()
        file = _lock(path)
    return file


def _is_at(file: io.FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(path: Path) -> io.FileIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), 'r+')
    except OSError as error:
        raise ValueError(f'{path} can not be written ({error.strerror}); give another '
                         '--out') from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise ValueError(f'another process is writing {path}; wait for it, or give another '
                         '--out') from error
    return file


def _read(path: Path, data: bytes, header: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Records behind the header, and the number of bytes that are whole lines."""
    whole = data.rfind(b'\n') + 1
    records = [_record(path, number, line)
               for number, line in enumerate(data[:whole].split(b'\n')[:-1], 1)]
    if not records:
        # A new file, or one that was cut off within its header.
        if _line(header).startswith(data):
            return [], 0
        raise ValueError(_foreign(path))
    if records[0].get('format') != _FORMAT:
        raise ValueError(_foreign(path))
    if len(records) == 1:  # holds nothing that could be lost
        return [], 0
    _check_header(path, records[0], header)
    return records[1:], whole


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b'\n'


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        if number == 1:
            raise ValueError(_foreign(path)) from error
        raise ValueError(f'{path}: line {number} is broken; delete that line, or the file to '
                         'begin anew') from error
    if not isinstance(record, dict):
        raise ValueError(_foreign(path))
    return record


def _check_header(path: Path, found: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    other = [key for key in _MUST_MATCH if found.get(key) != header[key]]
    if other:
        raise ValueError(f'{path} holds answers of a run with other {", ".join(other)}; give '
                         'another --out, or delete that file to begin anew')


def _foreign(path: Path) -> str:
    return (f'{path} is in the way: it is no partial work of this tool; move it, or give another '
            '--out')

from collections.abc import Iterable
from pathlib import Path

from cocodiff_mm.datasets.store_files import Journal


class NoteJournal:
    """What was repaired in which clip, kept in a file for a conversion that is interrupted.

    Args:
        path (Path): The file; made if missing.

    Attributes:
        notes (dict[str, list[str]]): Notes by clip, those of earlier runs among them.

    Raises:
        OSError: If the disk refuses, from any method.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal = Journal(path)
        self.notes: dict[str, list[str]] = {}
        for record in self._journal.records():
            self._journal.keep()
            self.notes[record['name']] = record['notes']
        self._journal.cut()

    def add(self, name: str, notes: Iterable[str]) -> None:
        """Note what was repaired in a clip that is about to be written."""
        notes = list(notes)
        try:
            self._journal.append(dict(name=name, notes=notes))
        except OSError as error:
            raise OSError(error.errno, f'{error.strerror} while writing {self._path}; once the '
                          'disk takes more, the same command goes on from here') from error
        self.notes[name] = notes

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

import csv
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from cocodiff_mm.datasets.clip import Clip
from cocodiff_mm.datasets.converters.clip_files import clip_name
from cocodiff_mm.datasets.converters.clip_form import ClipForm
from cocodiff_mm.datasets.converters.hold_out import check_fraction, held_out_remarks, hold_out
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source

_NUMBERS = ('subject', 'camera', 'setup', 'replication')
_COLUMNS = ('path', 'label', 'split', *_NUMBERS)
_MOST_CLASSES = 10_000
_LARGEST = 2**15 - 1


class _Row(NamedTuple):
    """A row of the table, or what is wrong with it."""

    file: str
    label: int
    provenance: dict[str, int]
    problem: str


class ClipTableSource(Source):
    """Anybody's own clips, listed in a table.

    Without a column ``split``, clips are held out at random: whole subjects where there is a
    column ``subject``, else a part of each class.

    Args:
        table (str | Path): ``.csv`` file with titles: ``path`` (of a ``.npy``, ``.csv`` or
            ``.json`` file, from the folder of the table), ``label`` (name of a class, or its
            number from 0) and optionally ``split`` (any names), ``subject``, ``camera``,
            ``setup``, ``replication`` (numbers).
        form (ClipForm): Layout and coordinates of all clips.
        classes (Sequence[str], optional): Class names in label order; those of the table, sorted,
            by default.
        val_fraction (float, optional): Part of the clips that is held out; 0.2 by default.
        seed (int): Of what is held out. Defaults to 0.

    Raises:
        FileNotFoundError: If there is no such table.
        ValueError: If it is no such table, or splits are given twice or are not valid.
    """

    def __init__(self,
                 table: str | Path,
                 form: ClipForm,
                 classes: Sequence[str] | None = None,
                 val_fraction: float | None = None,
                 seed: int = 0) -> None:
        self.table, self.form = Path(table).expanduser(), form
        titles, self._lines = _read_table(self.table)
        if val_fraction is not None and 'split' in titles:
            raise ValueError(f'{self.table}: splits by its column split and by val_fraction; '
                             'choose one')
        self.fraction, self.seed = check_fraction(val_fraction), seed
        self.titles = titles
        self._numbered = False
        self._split_remarks: list[str] = []
        self.classes = list(classes or self._own_classes())
        how = dict(by='table') if 'split' in titles else dict(
            by='random', val_fraction=self.fraction, seed=seed)
        self.info = form.info(self.table.stem, self.classes, f'own clips, {self.table.resolve()}',
                              how)

    def items(self) -> list[tuple[str, _Row]]:
        """Clips in the order of the table, each with its row."""
        return [self._item(number, cells) for number, cells in self._lines]

    def read(self, name: str, handle: _Row) -> Clip:
        """Read the file of a row."""
        if handle.problem:
            raise BadClip(handle.problem)
        return self.form.read(name, handle.file, handle.label, handle.provenance)

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """As the column says, or at random."""
        if 'split' not in self.titles:
            split = hold_out(clips, self.fraction, self.seed)
            self._split_remarks = held_out_remarks(split)
            return split
        split_of: dict[str, str] = {}
        for number, cells in self._lines:
            row = dict(zip(self.titles, cells, strict=False))
            # Of two rows of one name the first is the clip.
            split_of.setdefault(self._name(number, row), row.get('split', ''))
        return {split: [clip.name for clip in clips if split_of[clip.name] == split]
                for split in sorted(set(split_of.values()) - {''})}

    def remarks(self) -> list[str]:
        """Whether classes have no names, and whether nothing was held out."""
        unnamed = ["class names unknown, so they are 'class 0' and so on; give --classes"]
        return (unnamed if self._numbered else []) + self._split_remarks

    def _item(self, number: int, cells: list[str]) -> tuple[str, _Row]:
        row, where = dict(zip(self.titles, cells, strict=False)), f'{self.table}, line {number}'
        name = self._name(number, row)
        if len(cells) != len(self.titles):
            return name, _Row('', 0, {}, f'{where}: {len(cells)} columns, the titles are '
                                         f'{len(self.titles)}: {", ".join(self.titles)}')
        if not row['path']:
            return name, _Row('', 0, {}, f'{where}: path is empty')
        file = str(self.table.parent / row['path'])
        label = self._label(row['label'])
        if label is None:
            return name, _Row(file, 0, {}, f'{where}: label {row["label"]!r:.60} is none of the '
                                           f'{len(self.classes)} classes')
        given = {key: row[key] for key in _NUMBERS if row.get(key)}
        wrong = [f'{key} {value!r:.40}' for key, value in given.items()
                 if not (value.isdecimal() and len(value) < 6 and int(value) <= _LARGEST)]
        if wrong:
            return name, _Row(file, 0, {}, f'{where}: {", ".join(wrong)}, expected a number from 0 '
                                           f'to {_LARGEST}, or nothing where it is unknown')
        return name, _Row(file, label, {key: int(value) for key, value in given.items()}, '')

    @staticmethod
    def _name(number: int, row: dict[str, str]) -> str:
        return clip_name(PurePath(row.get('path') or f'line {number}').as_posix())

    def _label(self, text: str) -> int | None:
        if text in self.classes:
            return self.classes.index(text)
        known = text.isdecimal() and len(text) < 6 and int(text) < len(self.classes)
        return int(text) if known else None

    def _own_classes(self) -> list[str]:
        place = self.titles.index('label')
        labels = {cells[place] for _, cells in self._lines if len(cells) == len(self.titles)}
        labels.discard('')
        if not labels or not all(label.isdecimal() for label in labels):
            return sorted(labels)
        self._numbered = True
        most = max(int(label) for label in labels)
        if most > _MOST_CLASSES:
            raise ValueError(f'{self.table}: label {most}; give the class names if there are so '
                             'many')
        return [f'class {label}' for label in range(most + 1)]


def _read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Titles, and number and cells of every row that is not empty."""
    if not path.is_file():
        raise FileNotFoundError(f'no such file: {str(path)!r}; expected a table with the columns '
                                f'{", ".join(_COLUMNS)}')
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{path} is no table of text in UTF-8: {error}') from error
    titles = rows[0][1] if rows else []
    unknown = [title for title in titles if title not in _COLUMNS]
    if unknown or not {'path', 'label'} <= set(titles) or len(set(titles)) < len(titles):
        raise ValueError(f'{path}: the titles are {", ".join(titles)[:80] or "missing"}; expected '
                         f'path, label and any of {", ".join(_COLUMNS[2:])}, once each')
    if len(rows) < 2:
        raise ValueError(f'{path} lists no clips')
    return titles, rows[1:]

from collections.abc import Sequence
from pathlib import Path

from cocodiff_mm.datasets.clip import Clip
from cocodiff_mm.datasets.converters.clip_files import SUFFIXES, clip_name
from cocodiff_mm.datasets.converters.clip_form import ClipForm
from cocodiff_mm.datasets.converters.hold_out import check_fraction, held_out_remarks, hold_out
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source

_PARTS = ('train', 'val', 'test')


class ClipFolderSource(Source):
    """Anybody's own clips: a folder of folders, one per class, named like the class.

    Labels are the places of the class names, sorted unless given. Folders ``train/`` and ``val/``
    (and ``test/``) that hold the folders of the classes are the splits; otherwise clips are held
    out by a list or at random.

    Args:
        folder (str | Path): Folder of ``CLASS/NAME.npy``, ``.csv`` or ``.json``, or of
            ``train/CLASS/NAME.npy`` and so on.
        form (ClipForm): Layout and coordinates of all clips.
        classes (Sequence[str], optional): Class names in label order.
        val_fraction (float, optional): Part of each class that is held out; 0.2 by default.
        val_list (str | Path, optional): Text file of the clips that are held out, one a line, as
            in ``CLASS/NAME``.
        seed (int): Of what is held out at random. Defaults to 0.

    Raises:
        FileNotFoundError: If the folder or a list is not there, or no folder is in it.
        ValueError: If splits are given twice or are not valid.
    """

    def __init__(self,
                 folder: str | Path,
                 form: ClipForm,
                 classes: Sequence[str] | None = None,
                 val_fraction: float | None = None,
                 val_list: str | Path | None = None,
                 seed: int = 0) -> None:
        self.folder, self.form = Path(folder).expanduser(), form
        inside = _folders(self.folder)
        self.parts = _parts(self.folder, {path.name for path in inside})
        given = [name for name, value in (('val_fraction', val_fraction), ('val_list', val_list))
                 if value is not None]
        if len(given) + bool(self.parts) > 1:
            there = [f'folders {", ".join(self.parts)}'] if self.parts else []
            raise ValueError(f'{self.folder}: splits by {" and by ".join(there + given)}; choose '
                             'one')
        self.fraction, self.seed = check_fraction(val_fraction), seed
        self.val_list = None if val_list is None else _read_names(Path(val_list).expanduser())
        if self.parts:
            inside = [path for part in self.parts for path in _folders(self.folder / part)]
        self.classes = list(classes or sorted({path.name for path in inside}))
        self._class_folders = inside
        self._others: list[str] = []
        self._split_remarks: list[str] = []
        self.info = form.info(
            self.folder.resolve().name, self.classes, f'own clips, {self.folder.resolve()}',
            self._how())

    def items(self) -> list[tuple[str, tuple[str, str]]]:
        """Clips by folder and name, each with its file and its class."""
        found, self._others = [], []
        for class_folder in self._class_folders:
            for path in sorted(class_folder.rglob('*')):
                inner = path.relative_to(self.folder)
                if path.is_dir() or any(part.startswith('.') for part in inner.parts):
                    continue
                if path.suffix in SUFFIXES:
                    found.append((clip_name(inner.as_posix()), (str(path), class_folder.name)))
                else:
                    self._others.append(inner.as_posix())
        if not found:
            raise FileNotFoundError(f'{self.folder}: no file {", ".join(SUFFIXES)} in its folders; '
                                    'expected CLASS/NAME.npy')
        return found

    def read(self, name: str, handle: tuple[str, str]) -> Clip:
        """Read a file."""
        path, label = handle
        if label not in self.classes:
            raise BadClip(f'{path}: its folder {label!r} is none of the {len(self.classes)} '
                          'classes; add it to the list of classes, or take it away')
        return self.form.read(name, path, self.classes.index(label), {})

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """As the folders or the list say, or at random."""
        if self.parts:
            return {part: [clip.name for clip in clips if clip.name.startswith(f'{part}/')]
                    for part in self.parts}
        if self.val_list is None:
            split = hold_out(clips, self.fraction, self.seed)
            self._split_remarks = held_out_remarks(split)
            return split
        held = set(self.val_list)
        return dict(train=[clip.name for clip in clips if clip.name not in held],
                    val=[clip.name for clip in clips if clip.name in held])

    def skipped(self) -> dict[str, list[str]]:
        """Files that are no clips."""
        return {f'not {", ".join(SUFFIXES)}': list(self._others)} if self._others else {}

    def remarks(self) -> list[str]:
        """Names in the list that no clip has, and whether nothing was held out."""
        names = {name for name, _ in self.items()}
        lacking = [name for name in self.val_list or () if name not in names]
        return self._split_remarks + (
            [f'the list of held-out clips names {len(lacking)} that are not there, e.g. '
             f'{lacking[0]!r}'] if lacking else [])

    def _how(self) -> dict:
        if self.parts:
            return dict(by='folders')
        if self.val_list is not None:
            return dict(by='list')
        return dict(by='random', val_fraction=self.fraction, seed=self.seed)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f'no such folder: {str(folder)!r}')
    found = sorted(path for path in folder.iterdir()
                   if path.is_dir() and not path.name.startswith('.'))
    if not found:
        raise FileNotFoundError(f'{folder} holds no folders; expected one per class')
    return found


def _parts(folder: Path, names: set[str]) -> list[str]:
    """Which of the folders are splits, if all of them are."""
    if not names <= set(_PARTS):
        return []
    if 'train' not in names or len(names) < 2:
        raise ValueError(f'{folder} holds only {", ".join(sorted(names))}; expected train with val '
                         'or test, or one folder per class')
    return [part for part in _PARTS if part in names]


def _read_names(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(f'no such file: {str(path)!r}; expected names of clips, one a line')
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is no text in UTF-8: {error}') from error
    names = [clip_name(line.strip()) for line in lines if line.strip()]
    if not names:
        raise ValueError(f'{path} names no clip; expected CLASS/NAME, one a line')
    return names

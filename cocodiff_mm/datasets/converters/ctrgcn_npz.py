import re
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.npz_rows import NpzRows
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source
from cocodiff_mm.utils.choices import check_choice

_LABEL_SETS = {60: 'ntu60', 120: 'ntu120'}
_PROTOCOLS = {'cs': 'xsub', 'csub': 'xsub', 'xsub': 'xsub', 'cv': 'xview', 'xview': 'xview',
              'cset': 'xset', 'xset': 'xset'}
_PARTS = dict(train='train', test='val')
_PERSONS, _JOINTS, _COORDS = 2, 25, 3


class CTRGCNSource(Source):
    """NTU RGB+D as CTR-GCN's own preparation leaves it, e.g. ``NTU60_CS.npz``.

    The file has lost the clips' names: they are called ``train_000000``, ``test_000000`` and so on
    in its order, and one file, which is one protocol, makes one store. Frames after the last pose
    are padding and dropped. Where a clip shows one person, the files of NTU RGB+D 60 hold zeros for
    the second and those of NTU RGB+D 120 a copy of the first: that second person is dropped as
    well. Zeros in the latter are a second body without a pose, and stay.

    Args:
        path (str | Path): The .npz file, arrays ``x_train`` (N, T, 150), ``y_train`` (N, classes)
            one-hot, ``x_test`` and ``y_test``.
        protocol (str, optional): ``'xsub'``, ``'xview'`` or ``'xset'``; by default as the file's
            name says: ``CS``, ``CSub``, ``CV`` or ``CSet``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken or of another kind, or its name tells no protocol.
    """

    # Rows are read one after another from one file; other processes would only wait for it.
    parallel = False

    def __init__(self, path: str | Path, protocol: str | None = None) -> None:
        self.path = Path(path).expanduser()
        self.protocol = _protocol_of(self.path) if protocol is None else protocol
        check_choice('protocol', self.protocol, ('xsub', 'xview', 'xset'))
        self._rows = {part: self._open(part) for part in _PARTS}
        self._labels = {part: self._one_hot(part) for part in _PARTS}
        label_set = self._label_set()
        self._zeros_are_none = label_set == 'ntu60'
        self.info = StoreInfo(
            name=label_set, layout='nturgb+d', classes=CLASSES[label_set],
            coordinates=('x', 'y', 'z'),
            units="metres, camera axes of Kinect v2; origin: the first person's middle of the "
            'spine in the first frame',
            source=f'arrays of CTR-GCN, {self.path.resolve()}',
            licence='Research use, terms of the ROSE Lab at NTU Singapore',
            citation='A. Shahroudy et al. NTU RGB+D. CVPR 2016; J. Liu et al. NTU RGB+D 120. '
            'TPAMI 2020',
            options=dict(protocol=self.protocol, names='made up, in the order of the file'))

    def items(self) -> list[tuple[str, tuple[str, int]]]:
        """Rows of the training part, then of the test part."""
        return [(f'{part}_{index:06d}', (part, index))
                for part, rows in self._rows.items() for index in range(rows.shape[0])]

    def files(self, name: str, handle: tuple[str, int]) -> list[Path]:
        """One file holds all clips."""
        return [self.path]

    def read(self, name: str, handle: tuple[str, int]) -> Clip:
        """Read a row."""
        part, index = handle
        where = f'{self.path}, row {index} of x_{part}'
        hot = np.flatnonzero(self._labels[part][index])
        if len(hot) != 1:
            raise BadClip(f'{where}: {len(hot)} classes are set in y_{part}, expected one')
        row = self._rows[part][index]
        posed = np.flatnonzero(row.any(axis=1))  # NaN counts as a pose here and is refused later
        if not len(posed):
            raise BadClip(f'{where}: no frame holds a pose')
        row = row[:posed[-1] + 1].reshape(-1, _PERSONS, _JOINTS, _COORDS)
        keypoint, notes = _persons(row.transpose(1, 0, 2, 3), zeros_are_none=self._zeros_are_none)
        return Clip(name=name, keypoint=keypoint, label=int(hot[0]), valid=len(posed), notes=notes)

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """The file's two parts."""
        return {f'{self.protocol}_{split}': [
            clip.name for clip in clips if clip.name.startswith(f'{part}_')]
            for part, split in _PARTS.items()}

    def _open(self, part: str) -> NpzRows:
        rows = NpzRows(self.path, f'x_{part}')
        if len(rows.shape) != 3 or rows.shape[2] != _PERSONS * _JOINTS * _COORDS:
            raise ValueError(f'{self.path}: x_{part} is {rows.shape}, expected (clips, frames, '
                             '150), which is 2 persons x 25 joints x 3 coordinates')
        return rows

    def _one_hot(self, part: str) -> np.ndarray:
        labels, clips = NpzRows(self.path, f'y_{part}'), self._rows[part].shape[0]
        if len(labels.shape) != 2 or labels.shape[0] != clips:
            raise ValueError(f'{self.path}: y_{part} is {labels.shape}, expected ({clips}, '
                             f'classes), a row for each of x_{part}')
        return labels.all()

    def _label_set(self) -> str:
        columns = {part: labels.shape[1] for part, labels in self._labels.items()}
        if columns['train'] not in _LABEL_SETS or columns['train'] != columns['test']:
            raise ValueError(f'{self.path}: y_train has {columns["train"]} classes and y_test '
                             f'{columns["test"]}, expected 60 or 120 in both')
        return _LABEL_SETS[columns['train']]


def _persons(keypoint: np.ndarray,
             zeros_are_none: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """Leave out a second person who is none."""
    first, second = keypoint
    if zeros_are_none and not second.any():
        return keypoint[:1], ()
    if np.array_equal(first, second):
        return keypoint[:1], ('second person is a copy of the first, dropped', )
    return keypoint, ()


def _protocol_of(path: Path) -> str:
    for word in re.split(r'[^a-z]+', path.stem.lower()):
        if word in _PROTOCOLS:
            return _PROTOCOLS[word]
    raise ValueError(f"{path}: the name tells no protocol (NTU60_CS.npz, NTU60_CV.npz, "
                     'NTU120_CSub.npz, NTU120_CSet.npz); give --protocol xsub, xview or xset')

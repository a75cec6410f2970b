from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_names import parse_name
from cocodiff_mm.datasets.converters.reading import as_floats, read_text
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source

_FILE = 'skeleton_pos.txt'
_PERSONS, _JOINTS = 2, 15
_NUMBERS = 1 + _PERSONS * _JOINTS * 3
# Pairs of actors that each of the five published folds tests on.
_FOLDS = (
    ('s01s02', 's03s04', 's05s02', 's06s04'),
    ('s02s03', 's02s07', 's03s05', 's05s03'),
    ('s01s03', 's01s07', 's07s01', 's07s03'),
    ('s02s01', 's02s06', 's03s02', 's03s06'),
    ('s04s02', 's04s03', 's04s06', 's06s02', 's06s03'),
)  # fmt: skip
_PAIRS = {pair for fold in _FOLDS for pair in fold}


class SBUSource(Source):
    """SBU Kinect Interaction, clean version: one text file per clip, two persons.

    The folds are those of the published five-fold cross-validation, by pairs of actors; no pair is
    on both sides of a fold, single actors are. ``xsub`` is fold 1.

    Args:
        folder (str | Path): Folder of ``s01s02/01/001/skeleton_pos.txt``: pair, action 01 to 08,
            repetition. Folders in between do not matter.

    Raises:
        FileNotFoundError: If there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise FileNotFoundError(f'no such folder: {str(self.folder)!r}; expected SBU Kinect '
                                    'Interaction unpacked, see docs/data.md')
        self.info = StoreInfo(
            name='sbu', layout='sbu', classes=CLASSES['sbu'], coordinates=('x', 'y', 'z'),
            units='normalised: x and y (down) in the image, z in depth; the recorded ones are '
            '1280 - 2560 x, 960 - 1920 y, 1280 z',
            source=f'SBU Kinect Interaction, {self.folder.resolve()}',
            licence='Research use; no terms come with the files',
            citation='K. Yun, J. Honorio, D. Chattopadhyay, T. L. Berg, D. Samaras. Two-person '
            'Interaction Detection Using Body-Pose Features and Multiple Instance Learning. '
            'CVPRW 2012')

    def items(self) -> list[tuple[str, str]]:
        """Clips by name, each with its file."""
        files = sorted(self.folder.rglob(_FILE))
        if not files:
            raise FileNotFoundError(f'{self.folder} holds no {_FILE}; expected '
                                    f's01s02/01/001/{_FILE} ...')
        return [('_'.join(file.parts[-4:-1]), str(file)) for file in files]

    def read(self, name: str, handle: str) -> Clip:
        """Read a text file."""
        path, known = Path(handle), parse_name(name, 'sbu')
        if known is None or not 0 <= known['label'] < len(CLASSES['sbu']) \
                or _pair(name) not in _PAIRS:
            raise BadClip(f'{path}: expected one of the {len(_PAIRS)} pairs of actors, an action '
                          f'01 to 08 and a repetition, as in s01s02/01/001/{_FILE}')
        rows = _rows(path)
        keypoint = as_floats(rows[:, 1:], path, 'coordinates')
        keypoint = keypoint.reshape(-1, _PERSONS, _JOINTS, 3).transpose(1, 0, 2, 3)
        return Clip(name=name, keypoint=np.ascontiguousarray(keypoint), **known)

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """The five folds, and ``xsub``."""
        splits = {}
        for number, pairs in enumerate(_FOLDS, start=1):
            splits[f'fold{number}_train'] = [c.name for c in clips if _pair(c.name) not in pairs]
            splits[f'fold{number}_val'] = [c.name for c in clips if _pair(c.name) in pairs]
        return dict(splits, xsub_train=splits['fold1_train'], xsub_val=splits['fold1_val'])


def _pair(name: str) -> str:
    return name.partition('_')[0]


def _rows(path: Path) -> np.ndarray:
    """Numbers of all lines, shape (T, 91)."""
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        cells = line.split(',')
        if len(cells) != _NUMBERS:
            raise BadClip(f'{path}, line {number}: {len(cells)} numbers, expected {_NUMBERS}: the '
                          f'frame and {_PERSONS} persons x {_JOINTS} joints x 3')
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError as error:
            raise BadClip(f'{path}, line {number}: {error}; expected numbers') from error
        if len(rows) > 1 and not rows[-1][0] > rows[-2][0]:
            raise BadClip(f'{path}, line {number}: frame {rows[-1][0]:g} after {rows[-2][0]:g}, '
                          'expected rising numbers')
    if not rows:
        raise BadClip(f'{path} has no lines of numbers, expected one per frame')
    return np.array(rows)

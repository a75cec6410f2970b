import reprlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.persons import rank_in_frame
from cocodiff_mm.datasets.converters.reading import as_floats
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source
from cocodiff_mm.utils.safe_pickle import load_arrays

_COCO_JOINTS = 17
_SHOULDERS = [5, 6]
# The COCO joint that stands at each place of 'openpose', but for the neck at place 1.
_FROM_COCO = [0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
_PERSONS_KEPT = 2
_FORM = ('dict(split={name: [frame_dir]}, annotations=[dict(frame_dir, label, total_frames, '
         'img_shape, frame_inds, box_score, raw_file), ...])')


@dataclass(frozen=True)
class _Entry:
    """An annotation, without printing its arrays."""

    place: str
    fields: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return self.place


class KineticsHRNetSource(Source):
    """Kinetics-400 with the 2-D poses of HRNet, as PYSKL (arXiv 2205.09443) and MMAction2 have it.

    A table of contents and files of poses; every skeleton of a file is 17 COCO joints (x, y,
    score) of one person in one frame. The neck is added as the midpoint of the shoulders, as sure
    as the less sure of them, and the joints are put in the order of ``'openpose'``. The two
    persons with the highest box scores are kept in every frame, and frames without a person are
    left out, as PYSKL trains.

    Args:
        ann_file (str | Path): ``k400_hrnet.pkl``.
        folder (str | Path): Folder ``kpfiles``.
        box_thr (float): Persons of a lower box score are left out. Defaults to 0.5.

    Raises:
        FileNotFoundError: If the file or the folder is not there.
        ValueError: If ``box_thr`` is not between 0 and 1.
    """

    def __init__(self, ann_file: str | Path, folder: str | Path, box_thr: float = 0.5) -> None:
        self.ann_file, self.folder = Path(ann_file).expanduser(), Path(folder).expanduser()
        if not self.ann_file.is_file() or not self.folder.is_dir():
            lacking = self.folder if self.ann_file.is_file() else self.ann_file
            raise FileNotFoundError(f'no such file or folder: {str(lacking)!r}; expected '
                                    'k400_hrnet.pkl and the folder kpfiles of PYSKL, see '
                                    'docs/data.md')
        if not 0 <= box_thr <= 1:
            raise ValueError(f'box_thr is {box_thr}, expected a box score from 0 to 1')
        self.box_thr = box_thr
        self.info = StoreInfo(
            name='kinetics_hrnet', layout='openpose', classes=CLASSES['kinetics400'],
            coordinates=('x', 'y'), units='pixels, x right, y down',
            source=f'HRNet poses of PYSKL, {self.ann_file.resolve()}',
            licence='Kinetics is CC BY 4.0; the poses come without terms of their own',
            citation='W. Kay et al. The Kinetics Human Action Video Dataset. arXiv 1705.06950; '
            'H. Duan, Y. Zhao, K. Chen, D. Lin, B. Dai. Revisiting Skeleton-based Action '
            'Recognition. CVPR 2022',
            options=dict(box_thr=box_thr, persons_kept=_PERSONS_KEPT, empty_frames='left out',
                         neck='midpoint of the shoulders, the lower score of both'),
            has_score=True, dtype='float16')
        self._split: dict[str, list[str]] = {}
        self._skipped: list[str] = []
        self._opened: tuple[Path | None, Any] = (None, None)

    def __getstate__(self) -> dict[str, Any]:
        """Other processes open files themselves, and do not make splits."""
        return dict(self.__dict__, _opened=(None, None), _split={}, _skipped=[])

    def items(self) -> list[tuple[str, _Entry]]:
        """Clips with a person, those of a file together; each with its annotation."""
        annotations, self._split = _content(self.ann_file)
        self._skipped = []
        found = []
        for index, annotation in enumerate(annotations):
            name = annotation.get('frame_dir', annotation.get('filename'))
            name = name if isinstance(name, str) and name else f'annotation {index}'
            box_score = annotation.get('box_score')
            if _is_numbers(box_score) and not (box_score >= self.box_thr).any():
                self._skipped.append(name)
            else:
                place = f'{self.ann_file}, annotation {index + 1}'
                found.append((name, _Entry(place, annotation)))
        # Files of poses hold many clips; the order within one is kept.
        return sorted(found, key=lambda item: str(_raw_file(item[0], item[1].fields)))

    def files(self, name: str, handle: _Entry) -> list[Path]:
        """The table of contents, and the file of a clip's skeletons."""
        return [self.ann_file, self._pose_file(name, handle.fields)]

    def read(self, name: str, handle: _Entry) -> Clip:
        """Take a clip's skeletons from its file."""
        where, fields = f'{handle}, {name}', handle.fields
        label = fields.get('label')
        if isinstance(label, bool) or not isinstance(label, int | np.integer) \
                or not 0 <= label < len(self.info.classes):
            raise BadClip(f'{where}: label {reprlib.repr(label)}, expected 0 to '
                          f'{len(self.info.classes) - 1}')
        img_shape = _img_shape(fields.get('img_shape'), where)
        path, skeletons = self._skeletons(name, fields)
        frames, box_score = _indices(fields, where, len(skeletons))
        sure = box_score >= self.box_thr
        if not sure.any():
            raise BadClip(f'{where}: no person with a box score of {self.box_thr} or more')
        frames, box_score = np.unique(frames[sure], return_inverse=True)[1], box_score[sure]
        joints = as_floats(_with_neck(skeletons[sure]), path, f'joints of {name}', 'float16')
        ranks = rank_in_frame(frames, box_score)
        kept = ranks < _PERSONS_KEPT
        placed = np.zeros((ranks[kept].max() + 1, frames.max() + 1, *joints.shape[1:]), np.float16)
        placed[ranks[kept], frames[kept]] = joints[kept]
        return Clip(name=name, keypoint=placed[..., :2], score=placed[..., 2], label=int(label),
                    img_shape=img_shape)

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """The splits of the table of contents."""
        return dict(self._split)

    def skipped(self) -> dict[str, list[str]]:
        """Clips without a person."""
        reason = f'no person with a box score of {self.box_thr} or more'
        return {reason: list(self._skipped)} if self._skipped else {}

    def _pose_file(self, name: str, annotation: dict) -> Path:
        return self.folder / _raw_file(name, annotation).name

    def _skeletons(self, name: str, annotation: dict) -> tuple[Path, np.ndarray]:
        """File of a clip and its skeletons, shape (N, 17, 3)."""
        path = self._pose_file(name, annotation)
        if self._opened[0] != path:
            try:
                self._opened = path, load_arrays(path)
            except FileNotFoundError as error:
                raise BadClip(f'{path} is not there; is it the folder kpfiles?') from error
            except ValueError as error:
                raise BadClip(f'{path} is damaged: {error.__cause__ or error}; fetch it '
                              'again') from error
        content = self._opened[1]
        if isinstance(content, dict) and name in content:
            content = content[name]
        if isinstance(content, dict):
            content = content.get('keypoint')
        if not _is_numbers(content) or content.shape[1:] != (_COCO_JOINTS, 3) or not len(content):
            got = (f'{content.dtype} {content.shape}' if isinstance(content, np.ndarray)
                   else f'{type(content).__name__}')
            raise BadClip(f'{path}: the joints of {name} are {got}, expected numbers of shape '
                          f'(skeletons, {_COCO_JOINTS} joints, 3: x, y, score)')
        return path, content


def _content(path: Path) -> tuple[list[dict], dict[str, list[str]]]:
    data = load_arrays(path)
    parts = (data.get('annotations'), data.get('split')) if isinstance(data, dict) else (None, None)
    annotations, split = parts
    if not isinstance(annotations, list) or not annotations \
            or not all(isinstance(annotation, dict) for annotation in annotations) \
            or not isinstance(split, dict) or not all(
                isinstance(name, str) and isinstance(members, list)
                for name, members in split.items()):
        raise ValueError(f'{path} is not PYSKL\'s table of contents; expected {_FORM}')
    return annotations, split


def _raw_file(name: str, annotation: dict) -> Path:
    """File of a clip's skeletons: one that it shares, or its own."""
    raw = annotation.get('raw_file')
    return Path(raw if isinstance(raw, str) and raw else f'{name}.pkl')


def _is_numbers(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in 'fiu' and values.ndim > 0


def _img_shape(shape: Any, where: str) -> tuple[int, int]:
    if not isinstance(shape, tuple | list) or len(shape) != 2 or not all(
            isinstance(size, int | np.integer) and size > 0 for size in shape):
        raise BadClip(f'{where}: img_shape {reprlib.repr(shape)}, expected (height, width) in '
                      'pixels')
    return int(shape[0]), int(shape[1])


def _indices(annotation: dict, where: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Frame and box score of every skeleton."""
    frames, box_score = annotation.get('frame_inds'), annotation.get('box_score')
    for key, values in (('frame_inds', frames), ('box_score', box_score)):
        if not _is_numbers(values) or values.shape != (count, ):
            got = (f'{values.dtype} {values.shape}' if isinstance(values, np.ndarray)
                   else type(values).__name__)
            raise BadClip(f'{where}: {key} is {got}, expected one number for each of the {count} '
                          'skeletons of its file')
    # Some count frames from 0 and some from 1; without the empty ones it makes no difference.
    total = annotation.get('total_frames')
    if frames.dtype.kind not in 'iu' or not isinstance(total, int | np.integer) \
            or frames.min() < 0 or frames.max() > total:
        raise BadClip(f'{where}: frame_inds from {frames.min()} to {frames.max()}, expected whole '
                      f'numbers within total_frames, {reprlib.repr(total)}')
    if not np.isfinite(box_score).all():
        raise BadClip(f'{where}: box_score is not finite everywhere')
    return frames, box_score


def _with_neck(skeletons: np.ndarray) -> np.ndarray:
    """COCO joints (N, 17, 3) as those of 'openpose' (N, 18, 3), float32."""
    skeletons = skeletons.astype(np.float32)
    neck = skeletons[:, _SHOULDERS].mean(axis=1)
    neck[:, 2] = skeletons[:, _SHOULDERS, 2].min(axis=1)
    return np.insert(skeletons[:, _FROM_COCO], 1, neck, axis=1)

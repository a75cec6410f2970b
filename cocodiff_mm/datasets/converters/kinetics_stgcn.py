import re
import reprlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.persons import rank_in_frame
from cocodiff_mm.datasets.converters.reading import as_floats, as_numbers, read_json
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source

_PARTS = ('train', 'val')
_JOINTS = 18
_PERSONS_READ, _PERSONS_KEPT = 5, 2
# Clips have 300 frames; a number far beyond is damage, and would fill the memory with zeros.
_MOST_FRAMES = 10_000
_FORM = ('{"data": [{"frame_index": 1, "skeleton": [{"pose": 36 numbers, "score": 18 numbers}, '
         '...]}, ...], "label": ..., "label_index": ...}')
_LABEL_FORM = '{"NAME": {"has_skeleton": true, "label": ..., "label_index": ...}, ...}'


class _Skeletons(NamedTuple):
    """Those of a clip that are looked at: their frames from 0, and how many frames there are."""

    frames: np.ndarray
    poses: list[list]
    scores: list[list]
    length: int


class KineticsSTGCNSource(Source):
    """Kinetics-Skeleton as the authors of ST-GCN (arXiv 1801.07455) distribute it.

    As their feeder does, the first five persons of a frame are looked at, the two with the highest
    sums of joint scores are kept, and a joint of score 0 is at (0, 0). Coordinates stay
    fractions of the image: the image is 1 x 1, so ``PreNormalize2D`` maps them to [-1, 1]. Frames
    without a person stay, as zeros.

    Args:
        folder (str | Path): Folder of ``kinetics_train/``, ``kinetics_val/`` and their
            ``kinetics_train_label.json`` and ``kinetics_val_label.json``.

    Raises:
        FileNotFoundError: If one of these is not there.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        wanted = [path for part in _PARTS for path in (self._clips(part), self._labels(part))]
        lacking = [str(path) for path in wanted if not path.exists()]
        if lacking:
            raise FileNotFoundError(f'no such file or folder: {", ".join(lacking)}; expected '
                                    'Kinetics-Skeleton unpacked, see docs/data.md')
        self.info = StoreInfo(
            name='kinetics', layout='openpose', classes=CLASSES['kinetics400'],
            coordinates=('x', 'y'), units='fractions of the image, x right, y down',
            source=f'Kinetics-Skeleton of ST-GCN, {self.folder.resolve()}',
            licence='Kinetics is CC BY 4.0; the skeletons come without terms of their own',
            citation='W. Kay et al. The Kinetics Human Action Video Dataset. arXiv 1705.06950; '
            'S. Yan, Y. Xiong, D. Lin. Spatial Temporal Graph Convolutional Networks for '
            'Skeleton-Based Action Recognition. AAAI 2018',
            options=dict(persons_read=_PERSONS_READ, persons_kept=_PERSONS_KEPT), has_score=True)
        self._part_of: dict[str, str] = {}
        self._skipped: list[str] = []

    def items(self) -> list[tuple[str, tuple[str, Any]]]:
        """Clips with a skeleton, in the order of the label files, each with file and label."""
        found = []
        self._part_of, self._skipped = {}, []
        for part in _PARTS:
            for name, entry in self._read_labels(part).items():
                if not entry['has_skeleton']:
                    self._skipped.append(name)
                    continue
                self._part_of[name] = part
                found.append((name, (str(self._clips(part) / f'{name}.json'),
                                     entry.get('label_index'))))
        if not found:
            raise ValueError(f'{self.folder}: the label files name no clip with a skeleton')
        return found

    def read(self, name: str, handle: tuple[str, Any]) -> Clip:
        """Read a JSON file."""
        path, expected = Path(handle[0]), handle[1]
        content = read_json(path)
        if not isinstance(content, dict):
            raise BadClip(f'{path} holds a {type(content).__name__}, expected {_FORM}')
        label = _label(content, path, expected)
        found = _skeletons(content.get('data'), path)
        score = as_floats(as_numbers(found.scores, path, 'scores', ndim=2), path, 'scores')
        keypoint = as_floats(as_numbers(found.poses, path, 'poses', ndim=2), path, 'poses')
        keypoint = keypoint.reshape(-1, _JOINTS, 2)
        keypoint[score == 0] = 0
        if np.abs(keypoint - 0.5).max() > 1.5:
            raise BadClip(f'{path}: coordinates from {keypoint.min():.6g} to {keypoint.max():.6g}, '
                          'expected fractions of the image; divide by its width and height')
        keypoint, score = _place(found, keypoint, score)
        return Clip(name=name, keypoint=keypoint, score=score, label=label, img_shape=(1, 1))

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """Train and val, as the folders say."""
        return {part: [clip.name for clip in clips if self._part_of.get(clip.name) == part]
                for part in _PARTS}

    def skipped(self) -> dict[str, list[str]]:
        """Clips in which nobody was found."""
        reason = 'no skeleton found in the video (has_skeleton is false)'
        return {reason: list(self._skipped)} if self._skipped else {}

    def _clips(self, part: str) -> Path:
        return self.folder / f'kinetics_{part}'

    def _labels(self, part: str) -> Path:
        return self.folder / f'kinetics_{part}_label.json'

    def _read_labels(self, part: str) -> dict[str, dict[str, Any]]:
        path = self._labels(part)
        content = read_json(path)
        if not isinstance(content, dict):
            raise ValueError(f'{path} holds a {type(content).__name__}, expected {_LABEL_FORM}')
        for name, entry in content.items():
            if not isinstance(entry, dict) or not isinstance(entry.get('has_skeleton'), bool):
                raise ValueError(f'{path}: entry {reprlib.repr(name)} is {reprlib.repr(entry)}, '
                                 f'expected {_LABEL_FORM}')
        return content


def _label(content: dict, path: Path, expected: Any) -> int:
    label, name = content.get('label_index'), content.get('label')
    classes = CLASSES['kinetics400']
    if type(label) is not int or not 0 <= label < len(classes):
        raise BadClip(f'{path}: label_index {reprlib.repr(label)}, expected 0 to '
                      f'{len(classes) - 1}')
    if label != expected:
        raise BadClip(f'{path}: label_index {label}, but {reprlib.repr(expected)} in the file of '
                      'labels')
    if not isinstance(name, str) or _letters(name) != _letters(classes[label]):
        raise BadClip(f'{path}: label {reprlib.repr(name)}, but class {label} of Kinetics is '
                      f'{classes[label]!r}; own classes go by the clips verb')
    return label


def _letters(name: str) -> str:
    return re.sub('[^a-z]', '', name.lower())


def _skeletons(data: Any, path: Path) -> _Skeletons:
    if not isinstance(data, list) or not data:
        raise BadClip(f'{path} has no list of frames; expected {_FORM}')
    frames, poses, scores, seen = [], [], [], set()
    for entry in data:
        index = entry.get('frame_index') if isinstance(entry, dict) else None
        if type(index) is not int or not 0 <= index <= _MOST_FRAMES or index in seen:
            raise BadClip(f'{path}: frame_index {reprlib.repr(index)} after {len(seen)} frames, '
                          f'expected each number from 1 to at most {_MOST_FRAMES} once')
        seen.add(index)
        persons = entry.get('skeleton')
        if not isinstance(persons, list):
            raise BadClip(f'{path}: frame {index} has no list of skeletons; expected {_FORM}')
        for person in persons[:_PERSONS_READ]:
            pose, score = _person(person, path, index)
            frames.append(index)
            poses.append(pose)
            scores.append(score)
    if not frames:
        raise BadClip(f'{path}: no skeleton in any of its {len(data)} frames')
    first = 0 if 0 in seen else 1
    return _Skeletons(np.array(frames) - first, poses, scores, max(seen) + 1 - first)


def _person(person: Any, path: Path, frame: int) -> tuple[list, list]:
    found = (person.get('pose'), person.get('score')) if isinstance(person, dict) else (None, None)
    for values, count, what in zip(found, (2 * _JOINTS, _JOINTS), ('pose', 'score'), strict=True):
        if not isinstance(values, list) or len(values) != count:
            got = f'{len(values)} numbers' if isinstance(values, list) else 'none'
            raise BadClip(f'{path}: frame {frame} has a skeleton with a {what} of {got}, expected '
                          f'{count} numbers for {_JOINTS} joints')
    return found


def _place(found: _Skeletons, keypoint: np.ndarray,
           score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the kept skeletons into arrays (M, T, V, C) and (M, T, V)."""
    ranks = rank_in_frame(found.frames, score.sum(axis=1))
    kept = ranks < _PERSONS_KEPT
    where = ranks[kept], found.frames[kept]
    persons = int(where[0].max()) + 1
    placed = np.zeros((persons, found.length, _JOINTS, 2), np.float32)
    sure = np.zeros((persons, found.length, _JOINTS), np.float32)
    placed[where], sure[where] = keypoint[kept], score[kept]
    return placed, sure

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_names import parse_name
from cocodiff_mm.datasets.converters.pickle_guess import guess_label_set, guess_layout, units_of
from cocodiff_mm.datasets.converters.source import BadClip, ClipKey, Source
from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.safe_pickle import load_arrays

_MOST_CLASSES = 10_000
_AXES = ('x', 'y', 'z')
_PROVENANCE = dict(subject='subject', view='camera', camera='camera', setup='setup',
                   trial='replication', replication='replication')


class PickleSource(Source):
    """A skeleton pickle of MMAction2 or PYSKL, 2-D or 3-D.

    Read by an unpickler that builds arrays and containers and calls nothing else.

    Args:
        path (str | Path): Pickle ``dict(split={name: [clip]}, annotations=[...])`` or a list of
            annotations, each ``dict(frame_dir or filename, label, keypoint (M, T, V, C))`` and
            optionally ``total_frames``, ``keypoint_score`` (M, T, V) and ``img_shape`` (height,
            width).
        label_set (str, optional): Whose class names the labels index; by default as the file's
            name says, if it does.
        classes (Sequence[str], optional): Own class names instead.
        layout (str | dict, optional): Skeleton; by default that of the label set, or the one with
            so many joints.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such pickle, its layout can't be told, or there is no such label
            set.
    """

    # Everything is in this process's memory already.
    parallel = False

    def __init__(self,
                 path: str | Path,
                 label_set: str | None = None,
                 classes: Sequence[str] | None = None,
                 layout: str | dict | None = None) -> None:
        if label_set is not None:
            check_choice('label_set', label_set, tuple(CLASSES))
        self.path = Path(path).expanduser()
        self._annotations, self._split = _content(self.path)
        joints, coords = self._common_shape()
        self._remarks = []
        if label_set is None and classes is None:
            label_set, remark = guess_label_set(self.path)
            self._remarks.append(remark)
        if layout is None:
            layout, remark = guess_layout(self.path, label_set, joints, coords)
            self._remarks.append(remark)
        self.label_set = label_set
        self.info = StoreInfo(
            name=label_set or self.path.stem, layout=layout,
            classes=tuple(classes or CLASSES.get(label_set) or self._numbered()),
            coordinates=_AXES[:coords], units=units_of(layout, coords),
            source=f'pickle, {self.path.resolve()}', dtype=self._dtype(),
            has_score=any(a.get('keypoint_score') is not None for a in self._annotations))

    def items(self) -> list[tuple[str, int]]:
        """Clips in the order of the file."""
        return [(_name_of(annotation) or f'annotation {index}', index)
                for index, annotation in enumerate(self._annotations)]

    def files(self, name: str, handle: int) -> list[Path]:
        """The pickle holds all clips."""
        return [self.path]

    def read(self, name: str, handle: int) -> Clip:
        """Check an annotation."""
        annotation, where = self._annotations[handle], f'{self.path}, {name}'
        if _name_of(annotation) is None:
            raise BadClip(f'{where} has no name, neither frame_dir nor filename')
        label = annotation.get('label')
        if isinstance(label, bool) or not isinstance(label, int | np.integer):
            raise BadClip(f'{where}: label {label!r:.40}, expected a number from 0')
        keypoint = _array(annotation, 'keypoint', where)
        frames = annotation.get('total_frames')
        if frames is not None and (not isinstance(frames, int | np.integer) or keypoint.ndim != 4
                                   or frames != keypoint.shape[1]):
            raise BadClip(f'{where}: a frame count that lies: total_frames is {frames!r:.40}, the '
                          f'joints are {keypoint.shape} (persons, frames, joints, coordinates)')
        score = annotation.get('keypoint_score')
        return Clip(
            name=name, keypoint=keypoint, label=int(label),
            score=None if score is None else _array(annotation, 'keypoint_score', where),
            img_shape=_img_shape(annotation, where),
            **self._provenance(annotation, name, int(label), where))

    def splits(self, clips: list[ClipKey]) -> dict[str, list[str]]:
        """The splits of the file."""
        return dict(self._split)

    def remarks(self) -> list[str]:
        """What was guessed, and names of splits that have no annotation."""
        names = {name for name, _ in self.items()}
        lacking = {split: sum(name not in names for name in members)
                   for split, members in self._split.items()}
        return self._remarks + [f'split {split} names {count} clips that the file does not hold'
                                for split, count in lacking.items() if count]

    def _common_shape(self) -> tuple[int, int]:
        """Joints and coordinates of most clips; others are bad clips."""
        shapes = Counter(
            a['keypoint'].shape[2:] for a in self._annotations
            if isinstance(a.get('keypoint'), np.ndarray) and a['keypoint'].ndim == 4)
        if not shapes:
            raw = any('raw_file' in a for a in self._annotations)
            raise ValueError(f'{self.path}: no annotation has a keypoint array of shape (persons, '
                             'frames, joints, coordinates)' + (
                                 '; the joints are in files of their own, as in PYSKL\'s Kinetics: '
                                 'use the verb kinetics-hrnet' if raw else ''))
        joints, coords = shapes.most_common(1)[0][0]
        if coords not in (2, 3):
            raise ValueError(f'{self.path}: {coords} coordinates per joint, expected 2 or 3')
        return joints, coords

    def _numbered(self) -> list[str]:
        labels = [a['label'] for a in self._annotations
                  if isinstance(a.get('label'), int | np.integer)]
        if max(labels, default=0) > _MOST_CLASSES:
            raise ValueError(f'{self.path}: label {max(labels)}; give the class names with --set '
                             'or --classes if there are so many')
        return [f'class {label}' for label in range(max(labels, default=0) + 1)]

    def _dtype(self) -> str:
        """Half precision only if it loses nothing."""
        kinds = {a['keypoint'].dtype for a in self._annotations
                 if isinstance(a.get('keypoint'), np.ndarray)}
        return 'float16' if kinds == {np.dtype('float16')} else 'float32'

    def _provenance(self, annotation: dict, name: str, label: int, where: str) -> dict[str, int]:
        known = None if self.label_set is None else parse_name(name, self.label_set)
        if known is None:
            return {target: int(annotation[key]) for key, target in _PROVENANCE.items()
                    if isinstance(annotation.get(key), int | np.integer)}
        expected = known.pop('label')
        if label != expected:
            raise BadClip(f'{where}: label {label}, but by its name it is {expected}; is it the '
                          f'file of another data set than {self.label_set}?')
        return known


def _content(path: Path) -> tuple[list[dict], dict[str, list[str]]]:
    """Annotations and splits of a pickle of either form."""
    data = load_arrays(path)
    if isinstance(data, dict) and 'annotations' in data:
        annotations, split = data['annotations'], data.get('split') or {}
    else:
        annotations, split = data, {}
    if not isinstance(annotations, list | tuple) or not annotations \
            or not all(isinstance(annotation, dict) for annotation in annotations):
        got = sorted(map(str, data))[:8] if isinstance(data, dict) else type(data).__name__
        raise ValueError(f'{path}: expected dict(split=..., annotations=[dict(...), ...]) or a '
                         f'list of annotations, got {got}')
    if not isinstance(split, dict) or not all(
            isinstance(name, str) and isinstance(members, list | tuple | set | np.ndarray)
            and all(isinstance(member, str) for member in members)
            for name, members in split.items()):
        raise ValueError(f'{path}: split is not a dict of lists of clip names')
    return list(annotations), {name: list(members) for name, members in split.items()}


def _name_of(annotation: dict) -> str | None:
    name = annotation.get('frame_dir', annotation.get('filename'))
    return name if isinstance(name, str) and name else None


def _array(annotation: dict, key: str, where: str) -> np.ndarray:
    values = annotation.get(key)
    if not isinstance(values, np.ndarray):
        raise BadClip(f'{where}: {key} is {type(values).__name__}, expected an array')
    return values


def _img_shape(annotation: dict, where: str) -> tuple[int, int] | None:
    shape = annotation.get('img_shape')
    if shape is None:
        return None
    if not isinstance(shape, tuple | list | np.ndarray) or len(shape) != 2 or not all(
            isinstance(size, int | np.integer) and size > 0 for size in shape):
        raise BadClip(f'{where}: img_shape {shape!r:.40}, expected (height, width) in pixels')
    return int(shape[0]), int(shape[1])

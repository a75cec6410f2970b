import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmaction.registry import DATASETS
from mmengine.dataset import BaseDataset, force_full_init

from cocodiff_mm.datasets.seeded_draws import DrawSeeds, SeededDraws
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_fit import axes_conflict, check_names_fit, check_skeleton_fits

# Mapped clips count as memory of the process until they are given back.
_RELEASE_BYTES = 8 << 20
_BOX_THR = 0.5
# Sources of tools/data/convert.py by suffix.
_CONVERTERS = {'.pkl': 'pyskl', '.npz': 'ctrgcn-npz'}


@DATASETS.register_module()
class SkeletonStoreDataset(SeededDraws, BaseDataset):
    """Clips of a store, in the form of MMAction2's ``PoseDataset``.

    A recipe for ``PoseDataset`` changes ``type`` and ``ann_file``. Clips are read from the store
    when they are asked for, so that workers and processes share one copy, the system's cache.
    Every sample is a dict of ``frame_dir``, ``label``, ``total_frames``, ``keypoint`` (M, T, V, C)
    float32, its own copy, ``keypoint_score`` (M, T, V) float32 if the store has scores,
    ``img_shape`` and ``original_shape`` if it knows them, ``start_index``, ``modality``,
    ``test_mode``, ``sample_idx``, and ``pre_normalized``: whether the joints were put into the
    body's axes when the store was made.

    Labels stay as they are in the store when ``classes`` leaves some out, so that the parts of a
    one-shot or zero-shot protocol agree with each other, with one classifier and one text bank.

    Args:
        ann_file (str): Folder of the store.
        pipeline (list[dict | Callable]): Transforms.
        split (str, optional): Name of the split; all clips by default.
        label_set (str, optional): Key of ``CLASSES`` whose names the store's must equal.
        layout (str | dict, optional): Skeleton that the store must have.
        num_coords (int, optional): Coordinates of a joint that the store must have.
        classes (Sequence[str | int], optional): Names or labels of the classes to keep; all by
            default.
        remap_labels (bool): Whether the kept classes are numbered from 0 in the order of
            ``classes``, and the others forgotten: a set of its own for a classifier or a text
            bank of these classes alone. Defaults to False.
        valid_ratio (float, optional): Least part of the frames that must hold a pose.
        box_thr (float): 0.5, for recipes of ``PoseDataset``; poses were counted when the store
            was made. Defaults to 0.5.
        data_root (str): Folder that a relative ``ann_file`` is in. Defaults to ''.
        data_prefix (dict, optional): ``video`` is put before ``frame_dir``.
        num_classes (int, optional): Number of classes, to be checked.
        multi_class (bool): False, as clips of a store have one label. Defaults to False.
        start_index (int): Passed on in every sample. Defaults to 0.
        modality (str): Passed on in every sample. Defaults to ``'Pose'``.
        metainfo (Mapping, optional): Metainfo beside, or instead of, the store's ``classes``.
        indices (int | Sequence[int], optional): First or last so many, or which, of the clips.
        test_mode (bool): Whether samples are for testing. Defaults to False.
        lazy_init (bool): Whether clips are selected only when needed. Defaults to False.
        max_refetch (int): How many other clips are tried where the pipeline gives None.
            Defaults to 1000.

    Raises:
        FileNotFoundError: If there is no such store.
        ValueError: If it is a file, is damaged, lacks the split or a class, holds another skeleton
            or other classes than expected, no clip is left, or the joints were put into the
            body's axes and no step of the pipeline expects that.
    """

    def __init__(self,
                 ann_file: str,
                 pipeline: list[dict | Callable],
                 split: str | None = None,
                 label_set: str | None = None,
                 layout: str | dict | None = None,
                 num_coords: int | None = None,
                 classes: Sequence[str | int] | None = None,
                 remap_labels: bool = False,
                 valid_ratio: float | None = None,
                 box_thr: float = _BOX_THR,
                 data_root: str = '',
                 data_prefix: Mapping[str, str] | None = None,
                 num_classes: int | None = None,
                 multi_class: bool = False,
                 start_index: int = 0,
                 modality: str = 'Pose',
                 metainfo: Mapping[str, Any] | None = None,
                 indices: int | Sequence[int] | None = None,
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 max_refetch: int = 1000) -> None:
        if multi_class:
            raise ValueError('multi_class=True: clips of a store have one label each')
        if valid_ratio and box_thr != _BOX_THR:
            raise ValueError(f'box_thr={box_thr}: a store counts the frames with a pose when it '
                             f'is made, by box_thr={_BOX_THR} where there is a choice')
        if set(data_prefix or ()) - {'video'}:
            raise ValueError(f'data_prefix has {", ".join(sorted(data_prefix))}; a store holds '
                             "its clips itself, only 'video' means something beside it")
        super().__init__(
            ann_file, metainfo=metainfo, data_root=data_root, data_prefix=dict(data_prefix or {}),
            indices=indices, serialize_data=False, pipeline=pipeline, test_mode=test_mode,
            lazy_init=True, max_refetch=max_refetch)
        self.split, self.valid_ratio = split, valid_ratio
        self.start_index, self.modality = start_index, modality
        self.store = _open(self.ann_file)
        check_skeleton_fits(self.store, layout, num_coords)
        conflict = axes_conflict(
            self.store, [type(step).__name__ for step in self.pipeline.transforms])
        if conflict is not None:
            raise ValueError(conflict)
        if label_set is not None:
            check_names_fit(self.store, label_set)
        self.kept = None if classes is None else kept_labels(self.store.classes, classes)
        self._labels = np.arange(len(self.store.classes))
        if remap_labels:
            if self.kept is None:
                raise ValueError('remap_labels=True numbers the kept classes: say which in classes')
            self._labels[self.kept] = np.arange(len(self.kept))
        self._name_classes(remap_labels, num_classes)
        self.pre_normalized = bool(self.store.meta['options'].get('pre_normalized', False))
        self.draw_seeds = DrawSeeds(f'{Path(self.ann_file).name} {split}')
        self._video = os.path.join(self.data_prefix.get('video', ''), '')
        self._unreleased = 0
        if not lazy_init:
            self.full_init()

    def load_data_list(self) -> np.ndarray:
        """Indices in the store of the clips of the split and classes, int64."""
        if self.split is None:
            clips = np.arange(len(self.store))
        else:
            clips = self.store.split(self.split)
        if self.kept is not None:
            clips = clips[np.isin(self.store.clips['label'][clips], self.kept)]
        return clips

    def filter_data(self) -> np.ndarray:
        """Those with enough poses."""
        clips = self.data_list
        if self.valid_ratio:
            table = self.store.clips[clips]
            clips = clips[table['valid'] / table['frames'] >= self.valid_ratio]
        if not len(clips):
            raise ValueError(f'{self.ann_file}: {self._why_empty()}')
        return clips

    def _why_empty(self) -> str:
        store = self.store
        if self.split is not None and not len(store.split(self.split)):
            filled = [name for name in store.split_names if len(store.split(name))]
            return (f'split {self.split!r} holds no clip; take one that does '
                    f'({", ".join(filled) or "there is none"}), or convert the missing files')
        part = 'the store' if self.split is None else f'split {self.split!r}'
        filters = []
        if self.kept is not None:
            filters.append(f'classes={[store.classes[label] for label in self.kept]}')
        if self.valid_ratio:
            filters.append(f'valid_ratio={self.valid_ratio}')
        return (f'no clip of {part} is left with {" and ".join(filters)}; '
                'keep more classes or lower valid_ratio')

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Clip ``idx`` before the pipeline."""
        clip, store = self.data_list.item(idx), self.store
        keypoint, score = store.keypoint(clip), store.score(clip)
        info = dict(
            frame_dir=self._video + store.name(clip), label=self._label(clip),
            total_frames=keypoint.shape[1], keypoint=keypoint.astype(np.float32),
            start_index=self.start_index, modality=self.modality, test_mode=self.test_mode,
            pre_normalized=self.pre_normalized, sample_idx=idx % len(self.data_list))
        self._unreleased += keypoint.nbytes
        if score is not None:
            info['keypoint_score'] = score.astype(np.float32)
            self._unreleased += score.nbytes
        height = store.clips['height'].item(clip)
        if height > 0:
            info['img_shape'] = info['original_shape'] = height, store.clips['width'].item(clip)
        if self._unreleased > _RELEASE_BYTES:
            store.release()
            self._unreleased = 0
        return info

    @force_full_init
    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of clip ``idx``, for ``ClassBalancedDataset``."""
        return [self._label(self.data_list.item(idx))]

    def _label(self, clip: int) -> int:
        return self._labels.item(self.store.clips['label'].item(clip))

    def _get_unserialized_subset(self, indices: int | Sequence[int]) -> np.ndarray:
        if isinstance(indices, int):
            return self.data_list[:indices] if indices >= 0 else self.data_list[indices:]
        return self.data_list[np.asarray(indices, dtype=np.int64)]

    def _name_classes(self, remapped: bool, num_classes: int | None) -> None:
        names = self.store.classes
        if remapped:
            names = [names[label] for label in self.kept]
        self._metainfo.setdefault('classes', names)
        for what, number in (('metainfo.classes', len(self._metainfo['classes'])),
                             ('num_classes', num_classes)):
            if number not in (None, len(names)):
                raise ValueError(f'{what}: got {number} classes, but {self.ann_file} has '
                                 f'{len(names)}')


def kept_labels(names: Sequence[str], classes: Sequence[str | int]) -> list[int]:
    """Labels of the classes that are to be kept.

    Args:
        names (Sequence[str]): Class names in label order.
        classes (Sequence[str | int]): Names or labels.

    Returns:
        list[int]: Labels in the order of ``classes``.

    Raises:
        ValueError: If there is no such class, one is named twice, or none at all.
    """
    labels = []
    for kept in classes:
        if isinstance(kept, str) and kept in names:
            labels.append(names.index(kept))
        elif not isinstance(kept, str) and kept in range(len(names)):
            labels.append(int(kept))
        else:
            near = difflib.get_close_matches(str(kept), names) or names[:5]
            raise ValueError(f'classes: there is no {kept!r}; expected names, such as '
                             f'{", ".join(map(repr, near))}, or labels from 0 to {len(names) - 1}')
    if not labels or len(set(labels)) < len(labels):
        raise ValueError(f'classes={list(classes)}: expected one class or more, each once')
    return labels


def _open(ann_file: str) -> SkeletonStore:
    path = Path(ann_file).expanduser()
    if path.is_file() or path.suffix in _CONVERTERS:
        raise ValueError(f'{ann_file} is a file, SkeletonStoreDataset reads a store. Make one with '
                         f'python tools/data/convert.py {_CONVERTERS.get(path.suffix, "SOURCE")} '
                         f'{path} --to {path.with_suffix("")} and give that folder as ann_file; '
                         'see docs/data.md')
    return SkeletonStore(path)

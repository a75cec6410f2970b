"""A store of people who stand and move a little, in the skeleton and classes of NW-UCLA."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_writer import StoreWriter

# Metres; left is at smaller x.
_TRUNK = dict(hip_center=(0, 1, 0), spine=(0, 1.1, 0), shoulder_center=(0, 1.45, 0),
              head=(0, 1.7, 0))
_LIMBS = dict(shoulder=(0.18, 1.4, 0), elbow=(0.25, 1.15, 0), wrist=(0.27, 0.9, 0),
              hand=(0.27, 0.8, 0), hip=(0.1, 0.95, 0), knee=(0.11, 0.5, 0), ankle=(0.12, 0.1, 0),
              foot=(0.12, 0.05, -0.1))
HEIGHT = 1.65
Clips = list[Clip]


def standing_pose() -> np.ndarray:
    """Joints of NW-UCLA, shape (20, 3)."""
    pose = []
    for name in JOINTS['nwucla']:
        side, _, part = name.partition('_')
        x, y, z = _TRUNK.get(name) or _LIMBS[part]
        pose.append((-x if side == 'left' else x, y, z))
    return np.array(pose)


def people_clips(per_class: int = 4) -> Clips:
    """Clips of all classes in turn; the first half by subjects 1 and 2, the others by 3 and 4."""
    rng = np.random.default_rng(3)
    number = 10 * per_class
    clips = []
    for i in range(number):
        frames = int(rng.integers(10, 20))
        place = (*rng.normal(size=2), 3)
        moved = standing_pose() + place + rng.normal(scale=0.02, size=(1, frames, 20, 3))
        half = 2 * i // number
        clips.append(Clip(f'clip{i}', moved.astype(np.float32), i % 10,
                          subject=1 + 2 * half + i % 2, camera=1 + half))
    return clips


def people_store(path: Path,
                 plant: Callable[[Clips], Clips] | None = None,
                 splits: Callable[[list[str]], dict[str, list[str]]] | None = None,
                 per_class: int = 4,
                 **info) -> SkeletonStore:
    """Write the clips, halved into ``xsub_train`` and ``xsub_val``.

    Args:
        path (Path): Folder of the store.
        plant (Callable, optional): Makes faults.
        splits (Callable, optional): Other splits of the names.
        per_class (int): Clips of a class.
        **info: Changes of the store's description.
    """
    clips = people_clips(per_class)
    half = [clip.name for clip in clips][:len(clips) // 2]
    clips = clips if plant is None else plant(clips)
    names = [clip.name for clip in clips]
    chosen = splits(names) if splits is not None else dict(
        xsub_train=half, xsub_val=[name for name in names if name not in half])
    settings = dict(
        name='people', layout='nwucla', classes=CLASSES['nwucla'], coordinates=('x', 'y', 'z'),
        units='metres, y up', source='a test')
    with StoreWriter(path, StoreInfo(**{**settings, **info})) as writer:
        for clip in clips:
            writer.add(clip)
        writer.finish(chosen)
    return SkeletonStore(path)


def changed(clips: Clips, number: int, **changes) -> Clips:
    """The clips with one of them changed."""
    return [replace(clip, **changes) if i == number else clip for i, clip in enumerate(clips)]


def damage(store: SkeletonStore, row: int, value: float) -> SkeletonStore:
    """Write a number into the file, as no writer would."""
    joints = np.load(store.path / 'keypoint.npy', mmap_mode='r+')
    joints[row, 3, 1] = value
    joints.flush()
    return SkeletonStore(store.path)

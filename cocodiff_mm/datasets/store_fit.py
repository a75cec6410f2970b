"""Whether a store is what its reader takes it for."""

from collections.abc import Sequence

import torch

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.graph import build_adjacency, num_joints


def check_skeleton_fits(store: SkeletonStore, layout: str | dict | None,
                        num_coords: int | None) -> None:
    """Refuse a store of another skeleton than expected.

    Args:
        store (SkeletonStore): The store.
        layout (str | dict, optional): Skeleton that it must have.
        num_coords (int, optional): Coordinates of a joint that it must have.

    Raises:
        ValueError: If it has another one.
    """
    joints = store.num_joints if layout is None else num_joints(layout)
    coords = store.num_coords if num_coords is None else num_coords
    if (joints, coords) != (store.num_joints, store.num_coords):
        raise ValueError(f'expected {coords} coordinates of {joints} joints, got '
                         f'{store.num_coords} of {store.num_joints} in {store.path}; '
                         f'{other_skeleton_advice(store, coords)}')
    if layout is not None and not torch.equal(
            *(build_adjacency(dict(layout=each)) for each in (layout, store.layout))):
        raise ValueError(f'expected layout {layout!r}, got {store.layout!r} in {store.path}: as '
                         f'many joints, but other bones; use a store or a recipe of the other')


def check_names_fit(store: SkeletonStore, label_set: str) -> None:
    """Refuse a store of other classes than expected.

    Args:
        store (SkeletonStore): The store.
        label_set (str): Key of ``CLASSES`` whose names its classes must have.

    Raises:
        ValueError: If it has others, or there is no such label set.
    """
    check_choice('label_set', label_set, tuple(CLASSES))
    expected, names = CLASSES[label_set], store.classes
    if len(names) != len(expected):
        raise ValueError(f'{store.path} has {len(names)} classes, but label set {label_set!r} '
                         f'has {len(expected)}; is it the store of another data set?')
    for label, (name, wanted) in enumerate(zip(names, expected, strict=True)):
        if name != wanted:
            raise ValueError(f'class {label} is {name!r} in {store.path}, but {wanted!r} in label '
                             f'set {label_set!r}; is it the store of another data set?')


def axes_conflict(store: SkeletonStore, steps: Sequence[str]) -> str | None:
    """Whether a pipeline takes joints for those of the camera that are in the body's axes.

    Args:
        store (SkeletonStore): What it reads.
        steps (Sequence[str]): Names of its transforms; without any nothing is taken for granted.

    Returns:
        str, optional: What is wrong and what to do.
    """
    if (not steps or not store.meta['options'].get('pre_normalized')
            or any(step.endswith('PreNormalize3D') for step in steps)):
        return None
    return (f"{store.path} was put into the body's axes when it was made, but the pipeline has no "
            'FastPreNormalize3D; use sampling=pyskl, or convert without --pre-normalize')


def other_skeleton_advice(store: SkeletonStore, num_coords: int) -> str:
    """What to do if a recipe expects another skeleton than a store has.

    Args:
        store (SkeletonStore): The store.
        num_coords (int): Coordinates that the recipe expects.
    """
    wanted = 'of the expected kind'
    if num_coords > store.num_coords:
        wanted += (' (convert the 3-D recordings; for NTU RGB+D: ntu60_3d.pkl, ntu120_3d.pkl or '
                   'the .skeleton files)')
    return (f'use a store {wanted}, or set layout, num_coords, graph_cfg and in_channels of the '
            'recipe to those of this store')

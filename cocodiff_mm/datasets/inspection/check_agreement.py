"""Findings about a store and what reads it: joints, coordinates, classes, persons."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from cocodiff_mm.datasets.inspection.expectation import Reading
from cocodiff_mm.datasets.inspection.finding import NOTE, OK, PROBLEM, Finding, count
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_fit import axes_conflict, other_skeleton_advice
from cocodiff_mm.utils.graph import build_adjacency, num_joints


def check_classes(classes: Sequence[str], source: str, names: Mapping[str, Sequence[str]],
                  num_classes: int | None = None) -> list[Finding]:
    """Class names and their number against all that must agree with them.

    Args:
        classes (Sequence[str]): Class names in label order.
        source (str): Where they are from.
        names (Mapping[str, Sequence[str]]): Class names that must be equal, by their origin.
        num_classes (int, optional): Classes of the recipe's head.
    """
    findings = []
    if num_classes not in (None, len(classes)):
        findings.append(Finding(
            PROBLEM, 'classes', f'the head has {count(num_classes, "class")}, {source} '
            f'{len(classes)}', f'set model.cls_head.num_classes={len(classes)}, or use the store '
            'of the other data set'))
    for theirs, their_names in names.items():
        difference = _first_difference(classes, source, their_names, theirs)
        if difference is not None:
            findings.append(Finding(
                PROBLEM, 'classes', difference, 'use what belongs to this data set: the order of '
                'classes is all that ties labels, classifier and texts together'))
    return findings or [Finding(
        OK, 'classes', f'{count(len(classes), "class")}, the same in {source}'
        + ''.join(f', {theirs}' for theirs in names) + (', the head' if num_classes else ''))]


def check_skeleton(store: SkeletonStore, readings: Sequence[Reading],
                   backbone_layout: str | dict | None) -> list[Finding]:
    """Joints and coordinates against the datasets and the backbone of a recipe.

    Args:
        store (SkeletonStore): The store.
        readings (Sequence[Reading]): Those that read this store.
        backbone_layout (str | dict, optional): Skeleton of the backbone.
    """
    found = {}
    for reading in readings:
        layout = reading.config.get('layout') or backbone_layout or store.layout
        joints, coords = num_joints(layout), reading.config.get('num_coords') or store.num_coords
        if (joints, coords) != (store.num_joints, store.num_coords):
            text = (f'expected {coords} coordinates of {joints} joints ({_name(layout)}), got '
                    f'{store.num_coords} of {store.num_joints} ({_name(store.layout)}) in '
                    f'{store.path}')
            found.setdefault(text, f'{other_skeleton_advice(store, coords)}; another store is '
                             f'given as {reading.key}.ann_file=STORE')
            continue
        for layout, where in ((reading.config.get('layout'), f'{reading.key}.layout'),
                              (backbone_layout, 'model.backbone.graph_cfg.layout')):
            if layout is not None and not _same_graph(layout, store.layout):
                found[f'{where} is {_name(layout)}, the joints of the store are in the order of '
                      f'{_name(store.layout)}'] = f'set {where}={store.layout!r}: joints in ' \
                    'another order make a wrong graph, and nothing would say so'
    if found:
        return [Finding(PROBLEM, 'skeleton', text, advice) for text, advice in found.items()]
    return [Finding(OK, 'skeleton', f'{store.num_coords} coordinates of {store.num_joints} joints '
                    f'({_name(store.layout)})' + (', as the recipe expects' if readings else ''))]


def check_axes(store: SkeletonStore, readings: Sequence[Reading]) -> list[Finding]:
    """Whether pipelines know that the joints were put into the axes of the body.

    Args:
        store (SkeletonStore): The store.
        readings (Sequence[Reading]): Those that read this store.
    """
    if not store.meta['options'].get('pre_normalized'):
        return []
    if not readings:
        return [Finding(NOTE, 'axes', 'the joints were put into the axes of the body when the '
                        'store was made', 'train with sampling=pyskl')]
    conflicts = (axes_conflict(store, reading.steps) for reading in readings)
    return [Finding(PROBLEM, 'axes', text) for text in dict.fromkeys(conflicts) if text] or [
        Finding(OK, 'axes', 'those of the body, as the recipe expects')]


def check_persons(store: SkeletonStore, num_person: int | None) -> list[Finding]:
    """Persons in clips against those that a recipe takes."""
    persons = store.clips['persons']
    sizes = ', '.join(f'{count(int((persons == n).sum()), "clip")} with {n}'
                      for n in np.unique(persons))
    if num_person is None or persons.max() <= num_person:
        return [Finding(OK, 'persons', sizes)]
    more = int((persons > num_person).sum())
    return [Finding(
        NOTE, 'persons', f'{sizes}; the recipe takes the first {num_person}',
        f'{count(more, "clip")} will be cut: set model.backbone.num_person and num_person of the '
        'pipeline, or convert with fewer persons')]


def _same_graph(one: str | dict, other: str | dict) -> bool:
    return one == other or (
        num_joints(one) == num_joints(other)
        and torch.equal(*(build_adjacency(dict(layout=layout)) for layout in (one, other))))


def _first_difference(ours, source, theirs, their_source) -> str | None:
    for i, (our, their) in enumerate(zip(ours, theirs, strict=False)):
        if our != their:
            return f'class {i} is {our!r} in {source}, but {their!r} in {their_source}'
    if len(ours) != len(theirs):
        return f'{source} has {len(ours)} classes, {their_source} has {len(theirs)}'
    return None


def _name(layout: str | dict) -> str:
    return repr(layout) if isinstance(layout, str) else 'an own layout'

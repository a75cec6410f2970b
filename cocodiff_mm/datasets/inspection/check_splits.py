"""Findings about splits: what they hold, and what they must not share."""

from collections.abc import Mapping, Sequence

import numpy as np

from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.finding import (
    NOTE,
    OK,
    PROBLEM,
    Finding,
    count,
    listed,
    share,
)
from cocodiff_mm.datasets.inspection.protocol import Protocol
from cocodiff_mm.datasets.store import SkeletonStore

# A larger difference from the published numbers of clips can move accuracy by a percent.
_COUNT_SHARE = 0.01
_IMBALANCE = 10


def check_counts(store: SkeletonStore, published: Mapping[str, int],
                 splits: Sequence[str]) -> list[Finding]:
    """Numbers of clips against those of the published protocols.

    Args:
        store (SkeletonStore): The store.
        published (Mapping[str, int]): Number of clips by name of the split.
        splits (Sequence[str]): Splits to look at.
    """
    findings, agreeing = [], []
    for name in splits:
        expected, found = published.get(name), len(store.split(name))
        if expected == found:
            agreeing.append(name)
        elif expected is not None:
            large = abs(found - expected) > _COUNT_SHARE * expected
            findings.append(Finding(
                PROBLEM if large else NOTE, 'split sizes',
                f'{name} has {count(found, "clip")}, the published split has {expected:,}',
                'look for missing or spare files in the report of the conversion; results are '
                'not comparable with published ones' if large else
                'results stay comparable; the report of the conversion says which clips differ',
                protocol=_protocol_of(name) if large else None))
    if agreeing:
        sizes = [f'{name} {len(store.split(name)):,}' for name in agreeing]
        findings.append(Finding(OK, 'split sizes', f'as published: {listed(sizes, 8)}'))
    return findings


def check_protocols(pool: ClipPool, protocols: Sequence[Protocol],
                    classes: Sequence[str]) -> list[Finding]:
    """Disjoint splits, disjoint subjects or cameras, and the classes that they hold."""
    if not protocols:
        return [Finding(
            PROBLEM, 'splits', 'there is no pair of splits to train and to test on',
            'a store needs NAME_train and NAME_val; the converter makes them')]
    names = np.array(pool.names())
    findings = []
    for protocol in protocols:
        empty = _check_empty(protocol)
        if empty:
            findings += empty
            continue
        findings += _check_disjoint(pool, protocol, names)
        findings += _check_apart(pool, protocol)
        findings += _check_classes(pool, protocol, classes)
    sizes = [f'{p.name} {len(p.train):,}/{len(p.test):,}' for p in protocols]
    if not any(finding.level == PROBLEM for finding in findings):
        findings.insert(0, Finding(
            OK, 'splits', f'no clip is in both parts of a split (train/test: {listed(sizes, 8)})'))
    return findings


def _check_empty(protocol: Protocol) -> list[Finding]:
    return [Finding(
        PROBLEM, 'splits', f'{name} holds no clip',
        ('there is nothing to learn from' if name == protocol.train_name else
         'accuracy can not be measured') + ': convert the files that are missing, or use splits '
        'that hold clips', protocol=protocol.name)
        for name, members in protocol.splits.items() if not len(members)]


def _check_disjoint(pool: ClipPool, protocol: Protocol, names: np.ndarray) -> list[Finding]:
    for split, test in protocol.tests.items():
        shared = test[np.isin(names[test], names[protocol.train])]
        if len(shared):
            return [Finding(
                PROBLEM, 'splits', f'{split} shares {share(len(shared), len(test), "clip")} with '
                f'{protocol.train_name}',
                'test accuracy would mean nothing: make the splits disjoint', pool.listed(shared),
                protocol.name)]
    return []


def _check_apart(pool: ClipPool, protocol: Protocol) -> list[Finding]:
    if protocol.apart is None:
        return []
    field, word = protocol.apart
    train, test = (np.unique(pool.clips[field][part]) for part in (protocol.train, protocol.test))
    if -1 in train or -1 in test:
        return [Finding(
            NOTE, 'splits', f'some clips of {protocol.name} do not say their {word}, so it can '
            f'not be checked that training and test share none')]
    shared = np.intersect1d(train, test)
    if not len(shared):
        return [Finding(OK, 'splits', f'{protocol.name}: no {word} is in both parts '
                        f'({len(train)} and {len(test)})')]
    return [Finding(
        PROBLEM, 'splits', f'{protocol.name} promises different {word}s in training and test, '
        f'but both have {listed([f"{word} {i}" for i in shared])}',
        'convert again; splits made by hand need another name', protocol=protocol.name)]


def _check_classes(pool: ClipPool, protocol: Protocol, classes: Sequence[str]) -> list[Finding]:
    findings = []
    for name, members in protocol.splits.items():
        kept = np.array(protocol.kept.get(name, range(len(classes))))
        sizes = np.bincount(pool.clips['label'][members], minlength=len(classes))[kept]
        absent = [repr(classes[i]) for i in kept[sizes == 0]]
        training = name == protocol.train_name
        if absent:
            findings.append(Finding(
                PROBLEM if training else NOTE, 'classes',
                f'{name} has no clip of {count(len(absent), "class")}: {listed(absent)}',
                'no network learns a class that it never sees: take these classes out or convert '
                'the files that are missing' if training else
                'their accuracy can not be measured',
                protocol=protocol.name if training else None))
        elif training and sizes.max() > _IMBALANCE * sizes.min():
            most, least = (classes[kept[i]] for i in (sizes.argmax(), sizes.argmin()))
            findings.append(Finding(
                NOTE, 'class balance', f'{name}: {most!r} has {count(int(sizes.max()), "clip")}, '
                f'{least!r} has {sizes.min():,}', 'report accuracy per class as well'))
    return findings


def _protocol_of(split: str) -> str:
    return split.rsplit('_', 1)[0] if '_' in split else 'train'

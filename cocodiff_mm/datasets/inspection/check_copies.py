"""Findings about copies of clips: leaks into the test set, repeats, contradicting labels."""

from collections.abc import Sequence

import numpy as np

from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.duplicates import contradicting, copied, repeated
from cocodiff_mm.datasets.inspection.finding import (
    NOTE,
    OK,
    PROBLEM,
    Finding,
    listed,
    share,
)
from cocodiff_mm.datasets.inspection.protocol import Protocol

# A leak of fewer test clips can not move accuracy by a tenth of a percent.
_LEAK_SHARE = 0.001
_LABEL_SHARE = 0.01


def check_copies(pool: ClipPool, protocols: Sequence[Protocol], others: Sequence[Protocol],
                 exact: np.ndarray, near: np.ndarray) -> list[Finding]:
    """Copies between the parts of a protocol and within its parts.

    Args:
        pool (ClipPool): The clips.
        protocols (Sequence[Protocol]): Which clips train and which test.
        others (Sequence[Protocol]): Protocols that may be recommended in their place.
        exact (np.ndarray): As of ``duplicates.exact_groups``.
        near (np.ndarray): As of ``duplicates.near_groups``.
    """
    findings = []
    for protocol in protocols:
        findings += _check_leaks(pool, protocol, others, exact, near)
    if not findings:
        findings.append(Finding(OK, 'leaks', 'no test clip is a copy of a training clip, nor a '
                                'copy put elsewhere in space'))
    return findings + _check_repeats(protocols, near) + _check_labels(pool, protocols, near)


def _check_leaks(pool, protocol, others, exact, near) -> list[Finding]:
    findings = []
    # What is in both splits by name is reported there.
    test = np.setdiff1d(protocol.test, protocol.train)
    same = copied(exact, protocol.train, test)
    moved = np.setdiff1d(copied(near, protocol.train, test), same)
    for leaked, what in ((same, 'bit-identical to training clips'),
                         (moved, 'training clips put elsewhere in space')):
        if not len(leaked):
            continue
        serious = len(leaked) > _LEAK_SHARE * len(test)
        findings.append(Finding(
            PROBLEM if serious else NOTE, 'leaks',
            f'{protocol.name}: {share(len(leaked), len(test), "test clip")} {what}',
            _advice(protocol, others, near) if serious else
            'too few to matter; say so when you report results',
            _pairs(pool, protocol, leaked, near), protocol.name if serious else None))
    return findings


def _pairs(pool, protocol, leaked, near) -> str:
    pairs = [f'{pool.name(i)} = {pool.name(protocol.train[near[protocol.train] == near[i]][0])}'
             for i in leaked[:2]]
    return ', '.join(pairs) + (f' and {len(leaked) - 2:,} more' if len(leaked) > 2 else '')


def _advice(protocol: Protocol, others: Sequence[Protocol], near: np.ndarray) -> str:
    for other in others:
        if np.array_equal(other.test, protocol.test) and not len(
                copied(near, other.train, other.test)):
            return f'use split={other.name}: the same test clips, and no copies in training'
    return 'take the copies out of the training split'


def _check_repeats(protocols: Sequence[Protocol], near: np.ndarray) -> list[Finding]:
    found = {}
    for protocol in protocols:
        for name, members in protocol.splits.items():
            number = len(repeated(near, members))
            if number:
                found[name] = number
    if not found:
        return [Finding(OK, 'copies', 'no clip is in a split twice')]
    parts = [f'{name} {number:,}' for name, number in found.items()]
    return [Finding(NOTE, 'copies', f'clips that repeat another one of the same split: '
                    f'{listed(parts, 8)}', 'they weigh double; nothing else is wrong with them')]


def _check_labels(pool, protocols, near) -> list[Finding]:
    findings = []
    for protocol in protocols:
        everything = np.union1d(protocol.train, protocol.test)
        clips = contradicting(near, pool.clips['label'], everything)
        if len(clips):
            serious = len(clips) > _LABEL_SHARE * len(everything)
            findings.append(Finding(
                PROBLEM if serious else NOTE, 'labels',
                f'{protocol.name}: {share(len(clips), len(everything), "clip")} with a copy of '
                'another label', 'no network can learn both labels: compare with the original '
                'files', pool.listed(clips), protocol.name if serious else None))
    return findings

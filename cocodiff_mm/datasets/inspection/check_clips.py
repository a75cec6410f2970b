"""Findings about single clips: what is in them, how long they are, in which units."""

import numpy as np

from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.finding import (
    NOTE,
    OK,
    PROBLEM,
    Finding,
    count,
    share,
)
from cocodiff_mm.datasets.store import SkeletonStore

SHORT = 8
# A fault in more clips than these moves results by more than a percent.
SERIOUS = 0.01
_NEW_CLIPS = 'convert again from the original files, or leave these clips out of the splits'
_NORMALISED = 'normalised coordinates'
# Words for a unit in meta['units'], and the heights and bones of people in it.
_WORDS = (('millimetre', 'millimetres'), ('millimeter', 'millimetres'), ('metre', 'metres'),
          ('meter', 'metres'), ('pixel', 'pixels'), ('normali', _NORMALISED),
          ('fraction', _NORMALISED))
_SIZES = {
    'metres': ((0.7, 2.5), (0.05, 0.6)),
    'millimetres': ((700, 2500), (50, 600)),
    'pixels': ((10, 5000), (1, 2000)),
    _NORMALISED: ((0.01, 4), (0.001, 2)),
}


def check_values(pool: ClipPool, table: np.ndarray) -> list[Finding]:
    """NaN and infinite numbers, clips and frames without a pose, missing joints."""
    findings = [Finding(OK, 'numbers', 'all coordinates are finite')]
    bad, empty = np.flatnonzero(table['nonfinite']), np.flatnonzero(empty_clips(pool, table))
    if len(bad):
        findings = [Finding(
            PROBLEM, 'numbers', f'NaN or infinite coordinates in {count(len(bad), "clip")}, one '
            'of which is enough to make the loss NaN', _NEW_CLIPS, pool.listed(bad))]
    if len(empty):
        findings.append(Finding(
            PROBLEM if len(empty) > SERIOUS * len(pool) else NOTE, 'empty clips',
            f'no pose at all in {share(len(empty), len(pool), "clip")}', _NEW_CLIPS,
            pool.listed(empty)))
    frames = int(pool.clips['frames'].sum())
    lost = int(table['empty'].sum() - pool.clips['frames'][empty].sum())
    if lost:
        where = int((table['empty'] > 0).sum()) - len(empty)
        findings.append(Finding(
            NOTE, 'empty frames', f'no pose in {share(lost, frames, "frame")}, in '
            f'{count(where, "clip")}', 'usual where nobody was found; look at the contact sheet '
            'if there are many'))
    elif not len(empty):
        findings.append(Finding(OK, 'poses', 'every frame holds a pose'))
    joints, missing = int(table['joints'].sum()), int(table['missing'].sum())
    if missing > SERIOUS * joints:
        findings.append(Finding(
            NOTE, 'missing joints', f'{share(missing, joints, "joint")} missing (all zero)',
            'usual for poses estimated in images; a depth camera rarely loses one'))
    return findings


def check_lengths(pool: ClipPool) -> list[Finding]:
    """Number of frames: least, median, most; clips too short to show an action."""
    frames = pool.clips['frames']
    text = f'{frames.min()} to {frames.max():,} frames, median {np.median(frames):g}'
    short, single = np.flatnonzero(frames < SHORT), int((frames == 1).sum())
    if not len(short):
        return [Finding(OK, 'lengths', text)]
    return [Finding(
        NOTE, 'lengths', f'{text}; {count(len(short), "clip")} below {SHORT} frames'
        + (f' ({single} of one frame)' if single else ''),
        'they can be trained on; look at them if there are many', pool.listed(short))]


def check_units(store: SkeletonStore, table: np.ndarray) -> list[Finding]:
    """Whether bodies have the size that the declared units promise."""
    sized = table[np.isfinite(table['height']) & np.isfinite(table['bone'])]
    if not len(sized):
        return []
    height, bone = (float(np.median(sized[key])) for key in ('height', 'bone'))
    size = f'a pose is {height:.3g} tall or wide and a bone {bone:.3g} long at the median'
    declared = declared_unit(store.meta['units'])
    seems = seems_unit(height, bone, store.num_coords)
    said = f'the store says {store.meta["units"]!r}'
    if declared is None:
        return [Finding(NOTE, 'units', f'{size}, which looks like {seems}; {said}',
                        'nothing to do if you know the unit')]
    if _fits(declared, height, bone):
        return [Finding(OK, 'units', f'{declared}: {size}')]
    return [Finding(
        PROBLEM, 'units', f'{said}, but {size}, which looks like {seems}',
        f'convert again with the right scale: {declared} are what recipes and pre-trained '
        'weights were made for')]


def declared_unit(text: str) -> str | None:
    """Unit that a description names first, None if it is none we know."""
    text = text.lower()
    found = [(text.find(word), unit) for word, unit in _WORDS if word in text]
    return min(found)[1] if found else None


def seems_unit(height: float, bone: float, coords: int) -> str:
    """Unit in which a person would have this size."""
    likely = ('metres', 'millimetres', _NORMALISED) if coords == 3 else (_NORMALISED, 'pixels')
    return next((unit for unit in likely if _fits(unit, height, bone)), 'no unit of a person')


def empty_clips(pool: ClipPool, table: np.ndarray) -> np.ndarray:
    """Clips without a pose, bool, shape (N,)."""
    return (table['empty'] == pool.clips['frames']) & (table['nonfinite'] == 0)


def _fits(unit: str, height: float, bone: float) -> bool:
    (low, high), (short, long) = _SIZES[unit]
    return low <= height <= high and short <= bone <= long

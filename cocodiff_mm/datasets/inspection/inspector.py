from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cocodiff_mm.datasets.inspection.check_clips import (
    check_lengths,
    check_units,
    check_values,
    empty_clips,
)
from cocodiff_mm.datasets.inspection.check_copies import check_copies
from cocodiff_mm.datasets.inspection.check_splits import check_counts, check_protocols
from cocodiff_mm.datasets.inspection.clip_pool import ClipPool
from cocodiff_mm.datasets.inspection.duplicates import exact_groups, near_groups
from cocodiff_mm.datasets.inspection.finding import Finding
from cocodiff_mm.datasets.inspection.protocol import Protocol, store_protocols
from cocodiff_mm.datasets.inspection.statistics import measure
from cocodiff_mm.datasets.published import published_splits
from cocodiff_mm.datasets.store import SkeletonStore


@dataclass(frozen=True)
class Inspection:
    """What one pass over the data has shown.

    Args:
        findings (list[Finding]): In words.
        pool (ClipPool): The clips.
        table (np.ndarray): Rows of ``STATISTICS``, one per clip.
        protocols (list[Protocol]): Which clips train and which test.
    """

    findings: list[Finding]
    pool: ClipPool
    table: np.ndarray
    protocols: list[Protocol]


def inspect_clips(stores: Sequence[SkeletonStore],
                  protocols: Sequence[Protocol],
                  progress: Callable[[int], None] | None = None) -> Inspection:
    """Read all clips once and say what is in them.

    Args:
        stores (Sequence[SkeletonStore]): The data, of one skeleton.
        protocols (Sequence[Protocol]): Which clips train and which test, as indices into
            ``ClipPool(stores)``.
        progress (Callable[[int], None], optional): Called with the number of clips just done.

    Returns:
        Inspection: Findings about numbers, lengths, units, splits and copies.
    """
    pool = ClipPool(stores)
    tables = [measure(store, progress) for store in stores]
    table = np.concatenate(tables)
    findings = check_values(pool, table) + check_lengths(pool)
    for store, part in zip(stores, tables, strict=True):
        findings += check_units(store, part)
        used = {name for protocol in protocols for name in protocol.splits}
        findings += check_counts(
            store, published_splits(store.meta['name'], store.layout),
            [name for name in store.split_names if name in used])
    findings += check_protocols(pool, protocols, pool.classes)

    skipped = empty_clips(pool, table) | (table['nonfinite'] > 0)
    exact = exact_groups(table['digest'], skipped)
    heights = table['height'][np.isfinite(table['height'])]
    near = near_groups(pool, table['print'], exact, skipped,
                       float(np.median(heights)) if len(heights) else 0.0)
    pool.release()
    others = store_protocols(stores[0]) if len(stores) == 1 else protocols
    findings += check_copies(pool, protocols, others, exact, near)
    return Inspection(findings, pool, table, list(protocols))

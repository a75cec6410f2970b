from collections.abc import Iterator

import numpy as np

from cocodiff_mm.datasets.inspection.clip_pool import ClipPool

# Of the typical height of a pose: two tenths of a millimetre for an adult.
TOLERANCE = 1e-4
_RELEASE_EVERY = 1000


def exact_groups(digests: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Number clips so that clips of the same bytes share a number.

    Args:
        digests (np.ndarray): Digest of each clip, shape (N,).
        empty (np.ndarray): Clips without a pose, shape (N,): those are nobody's copies.

    Returns:
        np.ndarray: For each clip the first clip that is equal to it, int64, shape (N,).
    """
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    return np.where(empty, np.arange(len(digests)), first[inverse.reshape(-1)])


def near_groups(pool: ClipPool, prints: np.ndarray, exact: np.ndarray,
                skipped: np.ndarray, height: float) -> np.ndarray:
    """Join exact groups whose clips are the same movement at another place.

    Two clips are near if no coordinate differs by more than ``TOLERANCE`` of the height once the
    first joint of each is put into the origin. Prints, which a shift does not change, say which
    pairs to compare, so that the pass over the data need not be repeated.

    Args:
        pool (ClipPool): The clips.
        prints (np.ndarray): Prints, shape (N, 4).
        exact (np.ndarray): As of :func:`exact_groups`.
        skipped (np.ndarray): Clips that are not compared, shape (N,).
        height (float): Typical height of a pose, in the units of the joints.

    Returns:
        np.ndarray: For each clip the first clip of its group, int64, shape (N,).
    """
    first = np.flatnonzero((exact == np.arange(len(exact))) & ~skipped)
    groups, tolerance = np.arange(len(exact)), TOLERANCE * height
    for number, pair in enumerate(_candidates(pool.clips[first], prints[first], 2 * tolerance)):
        one, other = first[list(pair)]
        if number % _RELEASE_EVERY == 0:
            pool.release()
        if groups[one] != groups[other] and _same_movement(pool, one, other, tolerance):
            low, high = sorted((groups[one], groups[other]))
            groups[groups == high] = low
    return groups[exact]


def copied(groups: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Test clips that are in the training set too, as indices."""
    return test[np.isin(groups[test], groups[train])]


def repeated(groups: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Clips of a split that are copies of an earlier one in it, as indices."""
    _, first = np.unique(groups[members], return_index=True)
    return np.delete(members, first)


def contradicting(groups: np.ndarray, labels: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Clips of a split with a copy of another class in it, as indices."""
    _, inverse = np.unique(groups[members], return_inverse=True)
    inverse, chosen = inverse.reshape(-1), labels[members]
    low = np.full(inverse.max(initial=-1) + 1, np.iinfo(chosen.dtype).max, chosen.dtype)
    high = np.full_like(low, np.iinfo(chosen.dtype).min)
    np.minimum.at(low, inverse, chosen)
    np.maximum.at(high, inverse, chosen)
    return members[(low != high)[inverse]]


def _candidates(clips: np.ndarray, prints: np.ndarray,
                tolerance: float) -> Iterator[tuple[int, int]]:
    """Pairs of clips of one size whose prints agree."""
    order = np.lexsort((prints[:, 0], clips['frames'], clips['persons']))
    clips, prints = clips[order], prints[order]
    for step in range(1, len(order)):
        ahead, behind = prints[step:], prints[:-step]
        alike = ((clips['frames'][step:] == clips['frames'][:-step])
                 & (clips['persons'][step:] == clips['persons'][:-step])
                 & (ahead[:, 0] - behind[:, 0] <= tolerance))
        if not alike.any():
            return
        alike &= (np.abs(ahead - behind) <= tolerance).all(axis=1)
        for i in np.flatnonzero(alike):
            yield order[i], order[i + step]


def _same_movement(pool: ClipPool, one: int, other: int, tolerance: float) -> bool:
    first, second = pool.keypoint(one), pool.keypoint(other)
    if first.shape != second.shape:
        return False
    # Most pairs part here, before all of their frames are read.
    ends = [_shifted(clip[:, [0, -1]]) for clip in (first, second)]
    return _close(*ends, tolerance) and _close(_shifted(first), _shifted(second), tolerance)


def _shifted(clip: np.ndarray) -> np.ndarray:
    """A clip with its first joint in the origin; joints that are missing stay zeros."""
    joints = clip.reshape(-1, clip.shape[-1]).astype(np.float64)
    there = joints.any(axis=1)
    if there.any():
        joints[there] -= joints[there.argmax()]
    return joints


def _close(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    return bool((np.abs(one - other) <= tolerance).all())

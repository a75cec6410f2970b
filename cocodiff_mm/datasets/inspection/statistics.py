"""One pass over all clips of a store: what is in them, and fingerprints to find copies by."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from cocodiff_mm.datasets.inspection.body import links
from cocodiff_mm.datasets.store import SkeletonStore

STATISTICS = np.dtype([
    ('digest', '<i8'),          # of shape and bytes of the joints; differs between processes
    ('print', '<f4', (10, )),   # changes little if joints do, and not at all if the clip is moved
    ('nonfinite', '<i8'),       # numbers that are NaN or infinite
    ('empty', '<i4'),           # frames without a pose
    ('joints', '<i8'),          # joints of the persons and frames that hold a pose
    ('missing', '<i8'),         # those of them that are zeros
    ('height', '<f4'),          # median over frames of a pose's largest extent along an axis
    ('bone', '<f4'),            # mean length of a bone
])  # fmt: skip
# Chunks are kept small for the processor's cache.
_CHUNK_BYTES = 4 << 20
_SAMPLED = 16


def measure(store: SkeletonStore,
            progress: Callable[[int], None] | None = None) -> np.ndarray:
    """Read every clip once.

    Memory stays bounded: pages are given back chunk by chunk.

    Args:
        store (SkeletonStore): The store.
        progress (Callable[[int], None], optional): Called with the number of clips just done.

    Returns:
        np.ndarray: Structured, fields of ``STATISTICS``, one row per clip. Statistics of a clip
        with a number that is not finite are 0, sizes NaN.
    """
    edges, table = links(store.layout), np.zeros(len(store), STATISTICS)
    sizes = store.clips['frames'].astype(np.int64) * store.clips['persons']
    chunk = np.cumsum(sizes) * (store.num_joints * store.num_coords * 4) // _CHUNK_BYTES
    bounds = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(store)]
    for start, stop in zip(bounds, bounds[1:], strict=False):
        clips = [store.keypoint(i) for i in range(start, stop)]
        table[start:stop] = measure_clips(clips, edges)
        del clips
        store.release()
        if progress is not None:
            progress(stop - start)
    return table


def measure_clips(clips: list[np.ndarray], edges: np.ndarray) -> np.ndarray:
    """Statistics of some clips, all at once.

    Args:
        clips (list[np.ndarray]): Joints, shape (M, T, V, C) each, of one skeleton.
        edges (np.ndarray): Child and parent of every bone, shape (E, 2).

    Returns:
        np.ndarray: Structured, fields of ``STATISTICS``.
    """
    table = np.zeros(len(clips), STATISTICS)
    joints, coords = clips[0].shape[2:]
    frames = np.array([clip.shape[1] for clip in clips])
    sizes = np.array([clip.shape[0] * clip.shape[1] for clip in clips])
    starts = np.cumsum(sizes) - sizes
    rows = np.concatenate([clip.reshape(-1, joints, coords) for clip in clips])
    rows = rows.astype(np.float32, copy=False)
    table['digest'] = [hash((clip.shape, clip.tobytes())) for clip in clips]
    _drop_nonfinite(rows, starts, sizes, table)

    # An `any` along an axis of two or three numbers is many times slower.
    present = rows[..., 0] != 0
    for axis in range(1, coords):
        present |= rows[..., axis] != 0
    found = present.sum(axis=1, dtype=np.int16)
    held = found > 0
    poses = np.add.reduceat(held, starts, dtype=np.int64)
    table['joints'] = poses * joints
    table['missing'] = poses * joints - np.add.reduceat(found, starts, dtype=np.int64)
    position = np.arange(len(rows)) - np.repeat(starts, sizes)
    table['empty'] = frames - _held_frames(held, position, frames, sizes)
    table['print'] = _prints(rows, position, starts, sizes)
    table['height'], table['bone'] = _lengths(rows, present, held, poses, edges)
    bad = table['nonfinite'] > 0
    table['empty'][bad] = 0
    return table


def _drop_nonfinite(rows, starts, sizes, table) -> None:
    """Count numbers that are not finite, and empty the clips that have them."""
    flat, first = rows.reshape(-1), starts * rows[0].size
    low, high = np.minimum.reduceat(flat, first), np.maximum.reduceat(flat, first)
    for i in np.flatnonzero(~(np.isfinite(low) & np.isfinite(high))):
        clip = rows[starts[i]:starts[i] + sizes[i]]
        table['nonfinite'][i] = int((~np.isfinite(clip)).sum())
        clip[:] = 0


def _held_frames(held, position, frames, sizes) -> np.ndarray:
    """Number of frames of each clip in which somebody has a pose."""
    begin = np.cumsum(frames) - frames
    seen = np.zeros(int(frames.sum()), bool)
    seen[(np.repeat(begin, sizes) + position % np.repeat(frames, sizes))[held]] = True
    return np.add.reduceat(seen, begin, dtype=np.int64)


def _prints(rows, position, starts, sizes) -> np.ndarray:
    traces = (rows.reshape(len(rows), -1) @ _weights(*rows.shape[1:])).astype(np.float64)
    # First, middle and last pose, and means of all: noise that a mean hides sets clips apart too.
    poses = [traces[starts + step, :2] for step in (0 * sizes, sizes // 2, sizes - 1)]
    # Weights that rise over the clip tell it from the same poses in another order.
    traces[:, 2:] *= (position / np.repeat(sizes, sizes))[:, None]
    return np.hstack([*poses, np.add.reduceat(traces, starts) / sizes[:, None]])


@lru_cache(maxsize=4)
def _weights(joints: int, coords: int) -> np.ndarray:
    """Weights of joints that sum to 0 along each axis, so that no shift is seen.

    Absolute weights sum to 1: moving every joint by less than e moves a print by less than e.
    """
    drawn = np.random.default_rng(0).normal(size=(joints, coords, 4))
    drawn -= drawn.mean(axis=0)
    drawn = drawn.reshape(joints * coords, 4)
    return (drawn / np.abs(drawn).sum(axis=0)).astype(np.float32)


def _lengths(rows, present, held, poses, edges) -> tuple[np.ndarray, np.ndarray]:
    """Height and length of a bone, from some poses spread over each clip."""
    height, bone = np.full((2, len(poses)), np.nan, np.float32)
    some = poses > 0
    if not some.any():
        return height, bone
    counts = poses[some]
    spread = (np.linspace(0, 1, _SAMPLED) * (counts[:, None] - 1)).round().astype(int)
    chosen = np.flatnonzero(held)[(np.cumsum(counts) - counts)[:, None] + spread]
    sampled, there = rows[chosen], present[chosen]
    high = np.where(there[..., None], sampled, -np.inf).max(axis=2)
    low = np.where(there[..., None], sampled, np.inf).min(axis=2)
    height[some] = np.median((high - low).max(axis=2), axis=1)
    child, parent = edges.T
    both = there[..., child] & there[..., parent]
    vectors = sampled[:, :, child] - sampled[:, :, parent]
    lengths = np.sqrt((vectors * vectors).sum(axis=-1)) * both
    number = both.sum(axis=(1, 2))
    bone[some] = np.where(number > 0, lengths.sum(axis=(1, 2)) / np.maximum(number, 1), np.nan)
    return height, bone

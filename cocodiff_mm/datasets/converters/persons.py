import numpy as np


def rank_in_frame(frames: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Place of every skeleton among those of its frame, the most confident one first.

    Args:
        frames (np.ndarray): Frame of each skeleton, shape (N,).
        confidence (np.ndarray): How sure each is, shape (N,); equal ones keep their order.

    Returns:
        np.ndarray: Places from 0, int64, shape (N,).
    """
    # The last key counts most; the sort is stable.
    order = np.lexsort((-confidence.astype(np.float64), frames))
    ordered = frames[order]
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    lengths = np.diff(first, append=len(ordered))
    ranks = np.empty(len(frames), np.int64)
    ranks[order] = np.arange(len(frames)) - np.repeat(first, lengths)
    return ranks

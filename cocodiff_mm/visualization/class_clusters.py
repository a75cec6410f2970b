"""Order of classes in which similar ones are side by side."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Clusters:
    """Hierarchical clustering of K classes.

    Args:
        order (np.ndarray): Classes from one end to the other, int64, shape (K,).
        brackets (np.ndarray): Outline of each merge, shape (K - 1, 4, 2): positions in the order
            and distances of its four corners.
    """

    order: np.ndarray
    brackets: np.ndarray

    @property
    def position(self) -> np.ndarray:
        """np.ndarray: Where each class is in the order, int64, shape (K,)."""
        return np.argsort(self.order)


def cluster(similarity: np.ndarray) -> Clusters:
    """Cluster classes by average linkage, leaves ordered so that neighbours are most similar.

    Optimal leaf ordering: Bar-Joseph et al., Bioinformatics 17 (2001).

    Args:
        similarity (np.ndarray): Cosines of K >= 2 classes, symmetric, shape (K, K).

    Returns:
        Clusters: Their order and tree, over the distance 1 minus cosine.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = np.clip(1 - similarity, 0, None)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0)
    merges = linkage(squareform(distance), method='average', optimal_ordering=True)
    order = leaves_list(merges).astype(np.int64)
    return Clusters(order, _brackets(merges, np.argsort(order)))


def _brackets(merges: np.ndarray, position: np.ndarray) -> np.ndarray:
    tops = [(float(at), 0.) for at in position]  # of each class, then of each merge
    brackets = []
    for left, right, distance, _ in merges:
        (x, low), (other_x, other_low) = tops[int(left)], tops[int(right)]
        brackets.append([(x, low), (x, distance), (other_x, distance), (other_x, other_low)])
        tops.append(((x + other_x) / 2, float(distance)))
    return np.array(brackets)

from collections.abc import Sequence

import numpy as np

from cocodiff_mm.datasets.store import SkeletonStore


class ClipPool:
    """Clips of one or several stores under one numbering, in the order of the stores.

    Args:
        stores (Sequence[SkeletonStore]): The stores, at least one.

    Attributes:
        clips (np.ndarray): Rows of ``clips.npy`` of all stores, shape (N,).
        store_of (np.ndarray): Position of the store of each clip, shape (N,).
    """

    def __init__(self, stores: Sequence[SkeletonStore]) -> None:
        self.stores = list(stores)
        self.clips = np.concatenate([store.clips for store in stores])
        sizes = [len(store) for store in stores]
        self.store_of = np.repeat(np.arange(len(stores)), sizes)
        self._starts = np.cumsum([0, *sizes[:-1]])

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def classes(self) -> list[str]:
        """Class names of the store that has most."""
        return max((store.classes for store in self.stores), key=len)

    def name(self, index: int) -> str:
        """Name of a clip."""
        store, row = self._find(index)
        return store.name(row)

    def names(self) -> list[str]:
        """Names of all clips."""
        return [name for store in self.stores for name in store.names()]

    def listed(self, indices: Sequence[int], limit: int = 4) -> str:
        """Names of the first of some clips and how many more there are."""
        names = ', '.join(self.name(i) for i in indices[:limit])
        return names + (f' and {len(indices) - limit:,} more' if len(indices) > limit else '')

    def keypoint(self, index: int) -> np.ndarray:
        """Joints of a clip, shape (M, T, V, C)."""
        store, row = self._find(index)
        return store.keypoint(row)

    def of_store(self, store: int) -> np.ndarray:
        """Indices of the clips of the store at a position."""
        return np.flatnonzero(self.store_of == store)

    def release(self) -> None:
        """Give mapped pages back to the system."""
        for store in self.stores:
            store.release()

    def _find(self, index: int) -> tuple[SkeletonStore, int]:
        position = int(self.store_of[index])
        return self.stores[position], int(index - self._starts[position])

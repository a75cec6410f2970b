from dataclasses import dataclass, field

import numpy as np

from cocodiff_mm.datasets.store import SkeletonStore

_TESTS = ('val', 'test')
# What a protocol of this name keeps apart, as a field of the clips and as a word.
_APART = {'xsub': ('subject', 'subject'), 'xview': ('camera', 'camera'),
          'xset': ('setup', 'camera set-up')}


@dataclass(frozen=True)
class Protocol:
    """Clips to train on and clips to test on.

    Args:
        name (str): Value of a recipe's ``split``, e.g. ``'xsub'``.
        train (np.ndarray): Indices into a pool.
        tests (dict[str, np.ndarray]): Indices by name of the split.
        train_name (str): Name of the training split.
        kept (dict[str, list[int]]): Labels that a split may hold, by its name; all by default.
    """

    name: str
    train: np.ndarray
    tests: dict[str, np.ndarray]
    train_name: str
    kept: dict[str, list[int]] = field(default_factory=dict)

    @property
    def test(self) -> np.ndarray:
        """Clips of all test splits."""
        return np.unique(np.concatenate(list(self.tests.values())))

    @property
    def splits(self) -> dict[str, np.ndarray]:
        """Clips by name of the split, training first."""
        return {self.train_name: self.train, **self.tests}

    @property
    def apart(self) -> tuple[str, str] | None:
        """Field of the clips in which training and test differ by protocol, and its word."""
        return next((what for prefix, what in _APART.items() if self.name.startswith(prefix)),
                    None)


def store_protocols(store: SkeletonStore) -> list[Protocol]:
    """Protocols of a store: its splits ``NAME_train`` with ``NAME_val`` and ``NAME_test``.

    Splits without a prefix, ``train`` with ``val`` or ``test``, are the protocol ``'train'``.
    """
    found = []
    for train in store.split_names:
        if train != 'train' and not train.endswith('_train'):
            continue
        prefix = train[:-len('train')]
        tests = {prefix + part: store.split(prefix + part) for part in _TESTS
                 if prefix + part in store.split_names}
        if tests:
            found.append(Protocol(prefix[:-1] or 'train', store.split(train), tests, train))
    return found

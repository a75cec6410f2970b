import os
import random
import zlib

import numpy as np
import torch
from torch.utils.data import get_worker_info

_TOLD = 4  # seed, step, rank, part
_NOTHING = -1
_MAX_WORKERS = 1024


class DrawSeeds:
    """Where the random draws of a dataset start, seen by the workers that serve it.

    Lies in shared memory: a worker that lives on from epoch to epoch sees what the main process
    says later on.

    Args:
        name (str): Of the data; other data draws other numbers.
    """

    def __init__(self, name: str) -> None:
        self._name = zlib.crc32(name.encode())
        # What was told, then how often the main process and each worker started since.
        self._shared = torch.zeros(_TOLD + 1 + _MAX_WORKERS, dtype=torch.int64)
        self._shared[:_TOLD] = _NOTHING
        self._share()

    def __getstate__(self) -> dict:
        return dict(_name=self._name, _shared=self._shared)

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._share()  # a copied tensor is not shared

    def tell(self, seed: int, step: int, rank: int, part: int) -> None:
        """See :meth:`SeededDraws.seed_draws`."""
        self._starts[:] = 0
        self._told[:] = seed, step, rank, part

    def follow(self) -> None:
        """Seed NumPy and Python in this process if something else was told, or it is a new one."""
        state = (os.getpid(), self._told.tobytes())
        if state == self._followed:
            return
        self._followed = state
        worker = get_worker_info()
        place = 0 if worker is None else 1 + worker.id % _MAX_WORKERS
        start = int(self._starts[place])
        self._starts[place] += 1
        told = self._told.tolist()
        if told[0] == _NOTHING:
            if start == 0:
                return  # MMEngine has seeded this worker
            # It seeds one that is started again as it did before.
            told = [int(np.random.randint(2**32, dtype=np.uint32))]
        words = np.random.SeedSequence((*told, place, start, self._name)).generate_state(8)
        np.random.seed(words)
        random.seed(words.tobytes())

    def _share(self) -> None:
        array = self._shared.share_memory_().numpy()
        self._told, self._starts = array[:_TOLD], array[_TOLD:]
        self._followed: tuple[int, bytes] | None = None


class SeededDraws:
    """Of a dataset: random draws that no two epochs, workers or processes have in common.

    MMEngine seeds the workers of a dataloader when they start. Workers that are started for each
    epoch draw the same numbers in all of them, and a resumed run draws those of its first epochs
    once more. Datasets with this mixin, put before their other base, follow
    :class:`~cocodiff_mm.engine.hooks.augmentation_seed_hook.AugmentationSeedHook` instead: a
    resumed run goes on exactly as if it had not been interrupted, given as many workers.
    Without the hook, the first epoch keeps MMEngine's seeds.

    Attributes:
        draw_seeds (DrawSeeds): Set by the dataset before it is first asked for a sample.
    """

    draw_seeds: DrawSeeds

    def seed_draws(self, seed: int, step: int, rank: int, part: int = 0) -> None:
        """Say where the draws start from the next sample on, in all processes.

        Args:
            seed (int): Seed of the run, 0 or more.
            step (int): Training step at which the epoch starts.
            rank (int): Rank of this process.
            part (int): Place of the dataset among several under one wrapper. Defaults to 0.
        """
        self.draw_seeds.tell(seed, step, rank, part)

    def __getitem__(self, index: int) -> dict:
        """Sample ``index`` after the pipeline."""
        if not self.test_mode:
            self.draw_seeds.follow()
        return super().__getitem__(index)

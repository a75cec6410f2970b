from collections.abc import Iterator
from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner


@HOOKS.register_module()
class AugmentationSeedHook(Hook):
    """Seed the augmentation by seed, training step, process and worker before every epoch.

    No two epochs, workers or processes then repeat each other's random draws, and a resumed run
    goes on as if it had not been interrupted, given as many workers. It concerns training
    datasets with :class:`~cocodiff_mm.datasets.seeded_draws.SeededDraws`, through any wrappers;
    others stay as they are. ``tools/train.py`` adds it to every recipe.

    A loop by iterations starts its workers before any hook and, when resumed, reads again all
    batches that it skips: its draws are kept apart by the datasets alone.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Tell the datasets."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            for part, dataset in enumerate(seeded_datasets(runner.train_dataloader.dataset)):
                dataset.seed_draws(
                    seed=runner.seed, step=runner.iter, rank=runner.rank, part=part)


def seeded_datasets(dataset: Any) -> Iterator[Any]:
    """Innermost datasets that have ``seed_draws``, through any wrappers, in order.

    Args:
        dataset (Dataset): With ``dataset`` or ``datasets`` if it is a wrapper.
    """
    if hasattr(dataset, 'seed_draws'):
        yield dataset
    elif hasattr(dataset, 'dataset'):
        yield from seeded_datasets(dataset.dataset)
    else:
        for inner in getattr(dataset, 'datasets', ()):
            yield from seeded_datasets(inner)

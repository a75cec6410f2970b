"""A store of random clips for the data set that a recipe is for."""

from pathlib import Path

import numpy as np
from mmengine.config import Config

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.store_writer import StoreWriter
from cocodiff_mm.utils.graph import num_joints
from cocodiff_mm.utils.recipe import innermost_datasets


def recipe_store(path: Path, cfg: Config) -> None:
    """Six clips in two of the classes, of one and two persons and of 1 to 90 frames."""
    ((_, dataset), ) = innermost_datasets(cfg.train_dataloader.dataset, 'train')
    flat = dataset.num_coords == 2
    info = StoreInfo(
        path.name, dataset.layout, CLASSES[dataset.label_set], ('x', 'y', 'z')[:dataset.num_coords],
        'metres', 'random numbers', has_score=flat)
    rng = np.random.default_rng(0)
    with StoreWriter(path, info) as writer:
        for i, frames in enumerate((1, 7, 30, 64, 65, 90)):
            persons = 1 + i % 2 if cfg.get('num_person', 2) > 1 else 1
            shape = (persons, frames, num_joints(dataset.layout))
            writer.add(Clip(f'clip{i}', rng.normal(size=(*shape, dataset.num_coords)), i % 2,
                            score=rng.random(shape) if flat else None, img_shape=(256, 340)))
        names = [f'clip{i}' for i in range(6)]
        writer.finish({dataset.split: names, cfg.val_dataloader.dataset.split: names[:3]})

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from cocodiff_mm.utils.recipe import innermost_datasets, type_name

ROLES = ('train', 'val', 'test')


@dataclass(frozen=True)
class Reading:
    """What a dataloader of a recipe reads.

    Args:
        key (str): Config key of the dataset.
        role (str): ``'train'``, ``'val'`` or ``'test'``.
        config (dict): Config of the dataset, without its pipeline.
        steps (tuple[str]): Names of the transforms of its pipeline. Defaults to ().
    """

    key: str
    role: str
    config: dict[str, Any]
    steps: tuple[str, ...] = ()

    @property
    def path(self) -> Path | None:
        """File or folder of the dataset; None if it makes its clips itself."""
        file = self.config.get('ann_file')
        return Path(self.config.get('data_root') or '', file).expanduser() if file else None


@dataclass(frozen=True)
class Expectation:
    """What a recipe takes for granted about its data.

    Args:
        readings (tuple[Reading]): What its dataloaders read.
        layout (str | dict, optional): Skeleton of the backbone.
        num_classes (int, optional): Classes of the head.
        num_person (int, optional): Persons of the backbone.
        text_bank (str, optional): Text bank of the neck.
        bank_classes (tuple[str], optional): Those of its classes that the neck uses.
    """

    readings: tuple[Reading, ...]
    layout: str | dict | None = None
    num_classes: int | None = None
    num_person: int | None = None
    text_bank: str | None = None
    bank_classes: tuple[str, ...] | None = None


def read_recipe(cfg: Config) -> Expectation:
    """What a recipe expects, from its config alone."""
    cfg = cfg.to_dict()
    readings = []
    for role in ROLES:
        dataset = (cfg.get(f'{role}_dataloader') or {}).get('dataset')
        for key, config in innermost_datasets(dataset, f'{role}_dataloader.dataset'):
            steps = tuple(type_name(step) for step in config.get('pipeline') or ())
            readings.append(Reading(key, role, dict(config, pipeline=[]), steps))
    model = cfg.get('model') or {}
    backbone, head, neck = (model.get(part) or {} for part in ('backbone', 'cls_head', 'neck'))
    classes = neck.get('classes')
    return Expectation(
        tuple(readings), (backbone.get('graph_cfg') or {}).get('layout'),
        head.get('num_classes'), backbone.get('num_person'), neck.get('text_bank'),
        None if classes is None else tuple(classes))


def kind_of(reading: Reading) -> str:
    """Registered name of the dataset's type."""
    return type_name(reading.config)

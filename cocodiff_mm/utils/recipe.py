"""A CoCoDiff recipe is a host and a guest: take the guest out, or check that both fit."""

import copy
import difflib
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

# The plain counterparts: same parameters, same keys, same scores.
PLAIN_TYPES = {'CoCoDiffRecognizer': 'RecognizerGCN', 'CoCoDiffHead': 'GCNHead'}
GUEST_HOOK = 'TwoStageRunner'


def type_name(cfg: dict) -> str:
    """Registered name of a config's type, without scope or module path."""
    kind = cfg.get('type', '')
    return kind.rsplit('.', 1)[-1] if isinstance(kind, str) else kind.__name__


def plain_recipe(cfg: Config) -> Config:
    """The host alone: no neck, no two stages, the plain recognizer and head.

    Args:
        cfg (Config): A recipe; it is not changed.

    Returns:
        Config: The recipe as it would be without CoCoDiff; a plain recipe comes back equal.
    """
    cfg = copy.deepcopy(cfg)
    if 'model' in cfg:
        cfg.model.pop('neck', None)
        for part in (cfg.model, cfg.model.get('cls_head') or {}):
            if type_name(part) in PLAIN_TYPES:
                part['type'] = PLAIN_TYPES[type_name(part)]
    if cfg.get('custom_hooks'):
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if type_name(hook) != GUEST_HOOK]
    return cfg


def check_files(cfg: Config, modes: tuple[str, ...] = ('train', 'val', 'test')) -> None:
    """Refuse a recipe whose stores or annotation files are missing, before anything is built.

    Args:
        cfg (Config): The recipe.
        modes (tuple[str]): Which dataloaders will be used.

    Raises:
        FileNotFoundError: Naming the path, the config key and how to get what is missing.
        ValueError: If a field of a dataset was set on the wrapper around it.
    """
    for mode in modes:
        loader = cfg.get(f'{mode}_dataloader') or {}
        _check_wrapper(loader.get('dataset'), f'{mode}_dataloader.dataset')
        for key, dataset in innermost_datasets(loader.get('dataset'), f'{mode}_dataloader.dataset'):
            if not dataset.get('ann_file'):
                continue
            path = Path(dataset.get('data_root') or '', dataset['ann_file']).expanduser()
            if path.exists():
                continue
            raise FileNotFoundError(
                f'{key}.ann_file: no such store or file: {str(path)!r}{_near(path)}. Make a store '
                'there with python tools/data/convert.py (docs/data.md says of what), point to '
                f'yours with --cfg-options {key}.ann_file=PATH, or set the environment variable '
                'COCODIFF_DATA_ROOT to the folder that your stores are in; data that needs no '
                'download: configs/ctrgcn_cocodiff_demo.py')


def innermost_datasets(dataset: dict | None, key: str) -> Iterator[tuple[str, dict]]:
    """Innermost dataset configs with their keys, through any wrappers."""
    if not isinstance(dataset, dict):
        return
    if 'dataset' in dataset:
        yield from innermost_datasets(dataset['dataset'], f'{key}.dataset')
    elif 'datasets' in dataset:
        for i, inner in enumerate(dataset['datasets']):
            yield from innermost_datasets(inner, f'{key}.datasets.{i}')
    else:
        yield key, dataset


def _check_wrapper(dataset: dict | None, key: str) -> None:
    while isinstance(dataset, dict) and isinstance(dataset.get('dataset'), dict):
        misplaced = {'ann_file', 'split', 'pipeline'} & set(dataset)
        if misplaced:
            raise ValueError(f'{key}.{min(misplaced)}: {key} is a {type_name(dataset)} around the '
                             f'dataset; set {key}.dataset.{min(misplaced)}')
        dataset, key = dataset['dataset'], f'{key}.dataset'


def _near(path: Path) -> str:
    """A hint at files of a like name in the folder, or at a missing folder."""
    if not path.parent.is_dir():
        return f' (the folder {str(path.parent)!r} does not exist either)'
    names = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()])
    return f' (near it: {", ".join(names)})' if names else ''

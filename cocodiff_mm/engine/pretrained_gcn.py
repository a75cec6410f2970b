"""The fixed GCN whose features stage 1 learns from."""

import copy
import hashlib
import json
from pathlib import Path

import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import barrier, is_main_process
from mmengine.runner import Runner
from torch import nn

from cocodiff_mm.datasets.store import META
from cocodiff_mm.engine.nested import isolated_run
from cocodiff_mm.engine.runner_state import unwrap
from cocodiff_mm.utils.checkpoint import (
    load_checkpoint,
    save_checkpoint_atomic,
    without_guest,
)
from cocodiff_mm.utils.recipe import innermost_datasets, plain_recipe
from cocodiff_mm.utils.weight_fit import check_fit
from cocodiff_mm.utils.weight_origin import check_settings


class PretrainedGCN:
    """The plain recognizer of a recipe: trained first, from a checkpoint, or untrained.

    Args:
        runner (Runner): The two-stage run.
        strategy (str): ``'train_first'``, ``'checkpoint'`` or ``'untrained'``.
        checkpoint (str, optional): Weights for ``'checkpoint'``; a CoCoDiff checkpoint will do,
            its neck is left out.
    """

    def __init__(self, runner: Runner, strategy: str, checkpoint: str | None) -> None:
        self.runner, self.strategy = runner, strategy
        self.cfg = plain_recipe(runner.cfg)
        self.path: Path | None = None
        if strategy == 'checkpoint':
            self.path = Path(checkpoint).expanduser()
        elif strategy == 'train_first':
            # The recipe's digest is in the name: other settings never reuse these weights.
            self.path = Path(runner.work_dir) / f'pretrain-{self._recipe_digest()}' / 'plain.pth'

    def prepare(self) -> None:
        """Make sure the weights are there and fit; trains them if they are to be trained first.

        Raises:
            FileNotFoundError: If the checkpoint does not exist.
            ValueError: If it is of another model.
        """
        if self.strategy == 'train_first':
            if self.path.is_file():
                self.runner.logger.info(f'pre-trained GCN is there: {self.path}')
            else:
                self._train()
        self.build()

    def build(self) -> nn.Module:
        """The recognizer with its weights, in eval mode, on the run's device."""
        with isolated_run():
            torch.manual_seed(self.runner.seed)
            model = MODELS.build(copy.deepcopy(self.cfg.model))
            model.init_weights()
        if self.path is not None:
            checkpoint = load_checkpoint(str(self.path))
            state = without_guest(checkpoint.get('state_dict', checkpoint))
            check_fit(model, state, str(self.path))
            check_settings(self.cfg.model.backbone, checkpoint, self.path)
            model.load_state_dict(state)
        return model.to(get_device()).eval()

    def fingerprint(self, views: int, *settings: dict) -> str:
        """Digest of all that the features (and with ``settings``, stage 1) depend on."""
        weights = hashlib.sha256(self.path.read_bytes()).hexdigest() if self.path else 'untrained'
        dataset = self.cfg.train_dataloader.dataset
        stamps = [_stamp(Path(inner.get('data_root') or '', inner['ann_file']).expanduser())
                  for _, inner in innermost_datasets(dataset, '') if inner.get('ann_file')]
        return _digest(weights, self.cfg.model, dataset, stamps, views, self._seed, *settings)

    @property
    def _seed(self) -> int | None:
        # As configured: a seed that is drawn anew at each start must not make results strangers.
        return (self.cfg.get('randomness') or {}).get('seed')

    def _recipe_digest(self) -> str:
        keys = ('model', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'load_from')
        loader = [self.cfg.train_dataloader.get(key) for key in (
            'dataset', 'batch_size', 'sampler', 'drop_last')]
        return _digest(*(self.cfg.get(key) for key in keys), loader, self._seed)[:8]

    def _train(self) -> None:
        """A plain run of the same recipe; goes on where an earlier one was interrupted."""
        folder = self.path.parent
        cfg: Config = copy.deepcopy(self.cfg)
        cfg.work_dir, cfg.resume = str(folder), (folder / 'last_checkpoint').is_file()
        if cfg.resume or self.runner._resume:
            cfg.load_from = None  # of a resumed run it names the checkpoint to resume
        cfg.experiment_name = f'{self.runner.experiment_name}_pretrain'
        cfg.randomness = dict(cfg.get('randomness') or {}, seed=self.runner.seed)
        self.runner.logger.info(f'training the plain recipe first, in {folder}')
        with isolated_run():
            inner = Runner.from_cfg(cfg)
            inner.train()
            if is_main_process():
                save_checkpoint_atomic(dict(state_dict=unwrap(inner).state_dict()), self.path)
            barrier()


def _stamp(data: Path) -> object:
    """What changes when a store, or a file of annotations, is replaced."""
    meta = data / META
    if meta.is_file():
        return meta.read_text()  # it has the checksum of every array
    return (data.stat().st_size, data.stat().st_mtime_ns) if data.is_file() else None


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

import random
import time
from pathlib import Path

import numpy as np
import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cocodiff_mm.engine.checks import check_recipe
from cocodiff_mm.engine.diffusion_pretrainer import DiffusionPretrainer
from cocodiff_mm.engine.feature_cache import FeatureCache, load_or_extract
from cocodiff_mm.engine.guest_optim import rebuild_with_guest_group
from cocodiff_mm.engine.hooks.recipe_check_hook import RecipeCheckHook
from cocodiff_mm.engine.pretrained_gcn import PretrainedGCN
from cocodiff_mm.engine.runner_state import is_training, unwrap
from cocodiff_mm.engine.timing import forget_run, record_stage
from cocodiff_mm.models.necks.latent_diffusion_neck import LatentDiffusionNeck
from cocodiff_mm.utils.choices import check_choice

STRATEGIES = ('train_first', 'checkpoint', 'untrained', 'joint_only')


@HOOKS.register_module()
class TwoStageRunner(Hook):
    """Diffusion pre-training, then joint training, in one run.

    Before the ordinary loop (stage 2) starts, a fixed GCN turns the training set into features,
    and the diffusion model learns on them (stage 1). CoCoDiff (arXiv 2504.21266), two-stage
    training and Table V. Stage 1 keeps its state in ``work_dir/stage1``; resuming goes on
    in whichever stage was interrupted.

    Args:
        strategy (str): The GCN of stage 1: ``'train_first'`` (a plain run of the same recipe in
            ``work_dir/pretrain-*``, skipped when it is there), ``'checkpoint'``, ``'untrained'``
            (random weights), or ``'joint_only'`` (no stage 1). Defaults to ``'train_first'``.
        checkpoint (str, optional): Weights for ``strategy='checkpoint'``.
        epochs (int): Epochs of stage 1 over the features. Defaults to 30.
        batch_size (int): Features per step of stage 1, over all processes. Defaults to 256.
        lr (float): Peak learning rate of stage 1 (AdamW, cosine). Defaults to 1e-3.
        weight_decay (float): Of stage 1. Defaults to 1e-2.
        views (int): Augmented passes over the training set that are cached. Defaults to 1.
        neck_lr_mult (float): The neck's learning rate in stage 2 over the recipe's.
            Defaults to 0.1.
        max_cache_mb (int): Features beyond this stay on disk. Defaults to 2048.
        checkpoint_seconds (float): Least time between two saved states of stage 1.

    Raises:
        ValueError: If a value is not among the allowed ones, or checkpoint and strategy differ.

    Example:
        >>> custom_hooks = [dict(type='TwoStageRunner', strategy='checkpoint',
        ...                      checkpoint='work_dirs/ctrgcn_ntu120/epoch_90.pth')]
    """

    # After the model's weights exist, before anything that looks at the first iteration.
    priority = 'VERY_HIGH'

    def __init__(self,
                 strategy: str = 'train_first',
                 checkpoint: str | None = None,
                 epochs: int = 30,
                 batch_size: int = 256,
                 lr: float = 1e-3,
                 weight_decay: float = 1e-2,
                 views: int = 1,
                 neck_lr_mult: float = 0.1,
                 max_cache_mb: int = 2048,
                 checkpoint_seconds: float = 15.0) -> None:
        check_choice('strategy', strategy, STRATEGIES)
        if (strategy == 'checkpoint') != (checkpoint is not None):
            raise ValueError(f'strategy={strategy!r} and checkpoint={checkpoint!r} do not go '
                             "together: strategy='checkpoint' needs a path, the others take none")
        for name, value in (('epochs', epochs), ('batch_size', batch_size), ('views', views)):
            if value < 1:
                raise ValueError(f'TwoStageRunner.{name} must be >= 1, got {value}')
        self.strategy, self.checkpoint = strategy, checkpoint
        self.views, self.neck_lr_mult, self.max_cache_mb = views, neck_lr_mult, max_cache_mb
        self.stage1 = dict(epochs=epochs, batch_size=batch_size, lr=lr, weight_decay=weight_decay)
        self.checkpoint_seconds = checkpoint_seconds
        self.stage = 1

    def before_run(self, runner: Runner) -> None:
        """Check the recipe and give the neck its own learning rate; training only."""
        if not is_training(runner):
            return
        model = unwrap(runner)
        neck = getattr(model, 'neck', None)
        if not isinstance(neck, LatentDiffusionNeck):
            raise ValueError('TwoStageRunner needs model.neck=dict(type="LatentDiffusionNeck", '
                             f'...), got {type(neck).__name__}; a plain recipe has no such hook')
        if not any(isinstance(hook, RecipeCheckHook) for hook in runner.hooks):
            check_recipe(model, runner.train_dataloader.dataset)
        rebuild_with_guest_group(runner, neck, self.neck_lr_mult)

    def before_train(self, runner: Runner) -> None:
        """Stage 1, unless it is done or not wanted."""
        if not runner._resume:
            # Killed in stage 1, this run must not be resumed from an earlier run's stage 2.
            forget_run(runner)
        if self.strategy == 'joint_only':
            runner.logger.info("stage 1 is left out (strategy='joint_only')")
        elif self.stage == 1:
            self._run_stage1(runner)
        self.stage = 2
        self._stage2_started = time.monotonic()
        runner.logger.info(f'stage 2 of 2: joint training from epoch {runner.epoch + 1} '
                           f'to {runner.max_epochs}')

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed by epoch: a resumed run draws what an uninterrupted one would have drawn."""
        seed = runner.seed + 7919 * (runner.epoch + 1)
        if runner._randomness_cfg.get('diff_rank_seed'):
            seed += runner.rank
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)

    def after_train(self, runner: Runner) -> None:
        """Keep how long stage 2 took, beside stage 1's figures."""
        record_stage(runner, 'stage 2', time.monotonic() - self._stage2_started)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """The stage travels in the checkpoint."""
        checkpoint['two_stage'] = dict(stage=self.stage, strategy=self.strategy)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """A resumed stage 2 has no stage 1 before it; loading weights alone changes nothing."""
        if runner._resume:
            self.stage = checkpoint.get('two_stage', dict(stage=1))['stage']

    def _run_stage1(self, runner: Runner) -> None:
        started = time.monotonic()
        runner.logger.info(f'stage 1 of 2: diffusion pre-training (strategy={self.strategy!r})')
        neck = unwrap(runner).neck
        gcn = PretrainedGCN(runner, self.strategy, self.checkpoint)
        gcn.prepare()
        prepared = time.monotonic()
        folder = Path(runner.work_dir) / 'stage1'
        cache = FeatureCache(folder, gcn.fingerprint(self.views), self.max_cache_mb)
        feats, labels = load_or_extract(
            cache, gcn.build, runner.cfg.train_dataloader, self.views, runner.seed, runner.logger)
        extracted = time.monotonic()
        DiffusionPretrainer(
            neck, feats, labels, folder, runner.logger, **self.stage1, seed=runner.seed,
            checkpoint_seconds=self.checkpoint_seconds,
            fingerprint=gcn.fingerprint(self.views, self.stage1, runner.cfg.model.neck),
        ).run(resume=runner._resume)
        # The new backbone's features have a scale of their own.
        neck.scale.reset()
        record_stage(runner, 'pre-trained GCN', prepared - started)
        record_stage(runner, 'features', extracted - prepared)
        record_stage(runner, 'stage 1', time.monotonic() - extracted)

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cocodiff_mm.engine.checks import check_guest_hook, check_recipe
from cocodiff_mm.engine.runner_state import is_training, unwrap
from cocodiff_mm.models.recognizers.cocodiff_recognizer import check_finite
from cocodiff_mm.utils.backbone_weights import backbone_state
from cocodiff_mm.utils.weight_fit import check_fit


@HOOKS.register_module()
class RecipeCheckHook(Hook):
    """Stop a training run, plain or CoCoDiff, where going on would waste it.

    Before the first step: data, backbone, head, neck and bank must agree. While training: no NaN
    loss goes unnoticed and no checkpoint with non-finite weights replaces a good one. On loading:
    the weights must be those of the model. ``tools/train.py`` adds it to every recipe.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Check the recipe; training only.

        Raises:
            ValueError: Naming what does not agree.
        """
        if is_training(runner):
            model = unwrap(runner)
            check_guest_hook(model, runner.hooks)
            check_recipe(model, runner.train_dataloader.dataset)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Stop at a loss that is NaN or infinite.

        Raises:
            FloatingPointError: Naming the terms.
        """
        check_finite({name: torch.as_tensor(value) for name, value in (outputs or {}).items()})

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the last good checkpoint rather than write a bad one.

        Raises:
            FloatingPointError: Naming the first weights that are not finite.
        """
        for name, value in checkpoint['state_dict'].items():
            if value.is_floating_point() and not torch.isfinite(value).all():
                raise FloatingPointError(
                    f'{name} is not finite after epoch {runner.epoch + 1}: this checkpoint is not '
                    'written, the earlier one is kept; lower the learning rate or clip gradients, '
                    'then go on with --resume')

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse weights of another model.

        ``load_from`` may bring another classifier, as fine-tuning on other classes does;
        resuming may not.

        Raises:
            ValueError: With the number and names of missing, unexpected and mis-shaped keys, or
                with the setting of the backbone that is not as the weights need it.
        """
        model, source = unwrap(runner), str(runner._load_from or runner.work_dir)
        if runner._resume and not {'state_dict', 'meta', 'optimizer'} <= set(checkpoint):
            raise ValueError(f'{source} cannot be resumed: expected a checkpoint of a run with '
                             f'state_dict, meta and optimizer, got {sorted(checkpoint)}. To go on '
                             'in stage 1, give --resume without a path')
        if runner._resume:
            check_fit(model, checkpoint['state_dict'], source)
        elif is_training(runner):
            backbone_state(model.backbone, runner.cfg.model.backbone, checkpoint, source)

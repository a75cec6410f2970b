"""Train a recipe: python tools/train.py CONFIG [options]."""

import argparse
import sys
import time
from pathlib import Path

import cocodiff_mm  # noqa: F401  (first: it says what is missing, and registers the modules)

# isort: split
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from cocodiff_mm.engine.launch import (
    add_common_arguments,
    close_launcher,
    run_tool,
    set_launcher,
    set_work_dir,
    use_amp,
)
from cocodiff_mm.engine.timing import forget_run, record_stage
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.recipe import check_files


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a recognizer, plain or with CoCoDiff')
    parser.add_argument('config', help='recipe, e.g. configs/ctrgcn_cocodiff_ntu120.py')
    parser.add_argument('--resume', nargs='?', const='auto',
                        help='go on from this checkpoint, or without a path from the latest in '
                        'the work dir, in whichever stage it stopped')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--no-validate', action='store_true', help='no evaluation while training')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the actual batch size')
    parser.add_argument('--seed', type=int, help='random seed; overrides the recipe')
    parser.add_argument('--diff-rank-seed', action='store_true',
                        help='another seed on every process')
    parser.add_argument('--deterministic', action='store_true', help='deterministic CUDA kernels')
    add_common_arguments(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    cfg = load_config(args.config, args.cfg_options)
    set_work_dir(cfg, args.config, args.work_dir, args.cfg_options)
    check_files(cfg, ('train',) if args.no_validate else ('train', 'val'))
    set_launcher(cfg, args.launcher, args.local_rank)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        use_amp(cfg)
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        if 'auto_scale_lr' not in cfg:
            raise ValueError(f'--auto-scale-lr: {args.config} does not say for which batch size '
                             'its learning rate is; add auto_scale_lr=dict(base_batch_size=64)')
        cfg.auto_scale_lr.enable = True
    cfg.randomness = dict(dict(seed=None), **(cfg.get('randomness') or {}))
    seed_file = Path(cfg.work_dir, 'seed.txt')
    if args.seed is not None:
        cfg.randomness.seed = args.seed
    elif args.resume is not None and seed_file.is_file():
        cfg.randomness.seed = int(seed_file.read_text())  # that of the run which goes on
    if args.diff_rank_seed:
        cfg.randomness.diff_rank_seed = True
    if args.deterministic:
        cfg.randomness.deterministic = True
    cfg.default_hooks = {'augmentation_seed': dict(type='AugmentationSeedHook'),
                         **(cfg.get('default_hooks') or {})}
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='RecipeCheckHook')]
    runner = Runner.from_cfg(cfg)
    if args.resume is None:
        forget_run(runner)
    if is_main_process() and cfg.randomness.seed is not None:
        seed_file.write_text(str(cfg.randomness.seed))
    started = time.monotonic()
    runner.train()
    record_stage(runner, 'total', time.monotonic() - started)
    close_launcher()


if __name__ == '__main__':
    sys.exit(run_tool(main))

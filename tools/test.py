"""Test a checkpoint: python tools/test.py CONFIG CHECKPOINT [options].

What is tested is the plain network: no neck is built, no text bank read, no diffusion imported.
"""

import argparse
import sys

import cocodiff_mm  # noqa: F401  (first: it says what is missing, and registers the modules)

# isort: split
from mmengine.runner import Runner

from cocodiff_mm.engine.launch import (
    add_common_arguments,
    close_launcher,
    run_tool,
    set_launcher,
    set_work_dir,
)
from cocodiff_mm.engine.runner_state import unwrap
from cocodiff_mm.utils.checkpoint import load_checkpoint, without_guest
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.recipe import check_files, plain_recipe
from cocodiff_mm.utils.weight_fit import check_fit
from cocodiff_mm.utils.weight_origin import check_settings


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a checkpoint of a plain or CoCoDiff recipe')
    parser.add_argument('config', help='recipe that the checkpoint was trained with')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--dump', metavar='FILE.pkl', help='write scores to this file')
    add_common_arguments(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    cfg = plain_recipe(load_config(args.config, args.cfg_options))
    set_work_dir(cfg, args.config, args.work_dir, args.cfg_options)
    check_files(cfg, ('test',))
    set_launcher(cfg, args.launcher, args.local_rank)
    cfg.load_from, cfg.resume = None, False
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler',
                'val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg[key] = None
    if args.dump is not None:
        if not args.dump.endswith(('.pkl', '.pickle')):
            raise ValueError(f'--dump: expected a name that ends in .pkl, got {args.dump!r}')
        evaluators = cfg.test_evaluator
        evaluators = list(evaluators) if isinstance(evaluators, (list, tuple)) else [evaluators]
        cfg.test_evaluator = [*evaluators, dict(type='DumpResults', out_file_path=args.dump)]
    checkpoint = load_checkpoint(args.checkpoint)
    state = without_guest(checkpoint.get('state_dict', checkpoint))
    runner = Runner.from_cfg(cfg)
    model = unwrap(runner)
    check_fit(model, state, args.checkpoint)
    check_settings(cfg.model.backbone, checkpoint, args.checkpoint)
    model.load_state_dict(state)
    runner.test()
    close_launcher()


if __name__ == '__main__':
    sys.exit(run_tool(main))

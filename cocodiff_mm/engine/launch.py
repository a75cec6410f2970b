"""What the command-line tools share: overrides of a recipe and processes without a GPU."""

import os
import sys
import traceback
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import is_distributed

from cocodiff_mm.utils.config import recipe_variables

PACKAGE = Path(__file__).resolve().parents[1]


def add_common_arguments(parser: ArgumentParser) -> None:
    """Arguments that training and testing share, spelt as in MMAction2."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results '
                        '(default: work_dirs/NAME_OF_CONFIG, with the values of variables, as in '
                        'work_dirs/hdgcn_ntu60_xview)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={},
                        metavar='KEY=VALUE', help='overrides of the config, e.g. stream=b '
                        'train_cfg.max_epochs=30 key="[a,b]"')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='how processes are launched')
    # torch.distributed.launch passes it; torch.distributed.run sets the environment instead.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def at_least(least: int) -> Callable[[str], int]:
    """Type of an argument that is a whole number.

    Args:
        least (int): The least that is accepted, 0 or more.

    Returns:
        Callable: For ``type`` of ``ArgumentParser.add_argument``.
    """
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f'expected a number from {least}, got {text!r}')
        return int(text)
    return number


def run_tool(main: Callable[[], None]) -> int:
    """Run a tool; wrong input ends in its sentence alone, a fault of the program in a traceback.

    Wrong input is what this package or the tool refuses, however many libraries are in between.

    Args:
        main (Callable): The tool.

    Returns:
        int: Exit status.
    """
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sentence = _own_sentence(error, main)
        if sentence is None:
            raise
        print(f'error: {sentence}', file=sys.stderr)
        return 1
    return 0


def _own_sentence(error: BaseException | None, main: Callable[[], None]) -> str | None:
    """Message of the error of this package or tool that led to an error, if there is one."""
    tool = Path(main.__code__.co_filename)
    while error is not None:
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        if raised_in.is_relative_to(PACKAGE) or raised_in == tool:
            return str(error)
        error = error.__cause__ or error.__context__
    return None


def set_work_dir(cfg: Config, config_path: str, work_dir: str | None,
                 options: Mapping[str, Any]) -> None:
    """Command line over config over the config's file name and the variables that are set.

    Args:
        cfg (Config): The recipe; its ``work_dir`` is set.
        config_path (str): Its file.
        work_dir (str | None): From the command line.
        options (Mapping): Overrides from the command line.
    """
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        # Runs on other data or streams must not overwrite each other's checkpoints.
        name = '_'.join([Path(config_path).stem, *recipe_variables(options).values()])
        cfg.work_dir = str(Path('work_dirs') / name)


def set_launcher(cfg: Config, launcher: str, local_rank: int) -> None:
    """Choose the launcher and, where there is no GPU, make processes talk over gloo.

    MMEngine selects a CUDA device whenever it starts processes itself, so without one the
    process group has to be there before its runner is.

    Raises:
        ValueError: If the launcher needs GPUs and there are none.
    """
    cfg.launcher = launcher
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    if launcher == 'none' or torch.cuda.is_available():
        return
    if launcher != 'pytorch':
        raise ValueError(f'--launcher {launcher} needs GPUs, none is visible; without GPUs use '
                         'tools/dist_train.sh (--launcher pytorch)')
    if 'RANK' not in os.environ:
        raise ValueError('--launcher pytorch needs torch.distributed.run around this program: '
                         'use tools/dist_train.sh CONFIG PROCESSES')
    if not is_distributed():
        torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)


def close_launcher() -> None:
    """Part from the other processes in order: one that just exits may abort in gloo's threads."""
    if is_distributed():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def use_amp(cfg: Config) -> None:
    """Mixed precision: MMEngine's wrapper on CUDA, bfloat16 autocast elsewhere.

    Raises:
        ValueError: If the recipe's optimizer wrapper is neither plain nor AMP.
    """
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper'):
        raise ValueError(f'--amp does not go with optim_wrapper.type={kind!r}; expected '
                         'OptimWrapper or AmpOptimWrapper')
    if torch.cuda.is_available():
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    else:
        cfg.optim_wrapper.type = 'AutocastOptimWrapper'

import torch
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner


def is_training(runner: Runner) -> bool:
    """Whether the runner was started to train: its loop is then built."""
    return runner._train_loop is not None and not isinstance(runner._train_loop, dict)


def unwrap(runner: Runner) -> torch.nn.Module:
    """The recognizer itself."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model

"""Run one MMEngine runner inside another."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer


@contextmanager
def isolated_run() -> Iterator[None]:
    """Keep the outer run untouched by an inner one.

    MMEngine's "current" logger, message hub, visualizer and scope are whichever was made last,
    and a runner seeds the global random generators. Both are put back, so that the outer run is
    the same whether or not the inner one had to run.
    """
    managers = (MMLogger, MessageHub, Visualizer, DefaultScope)
    before = [set(manager._instance_dict) for manager in managers]
    numpy_state, python_state = np.random.get_state(), random.getstate()
    # This process's device alone: touching the others would open a context on each.
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        for manager, names in zip(managers, before, strict=True):
            for name in set(manager._instance_dict) - names:
                del manager._instance_dict[name]

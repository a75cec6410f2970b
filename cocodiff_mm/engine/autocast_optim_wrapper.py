from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import nn


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """bfloat16 autocast without loss scaling, on any device.

    MMEngine's ``AmpOptimWrapper`` refuses the CPU; bfloat16 has float32's range and needs no
    loss scale.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Forward passes run under autocast."""
        with super().optim_context(model), \
                torch.autocast(get_device().split(':')[0], dtype=torch.bfloat16):
            yield

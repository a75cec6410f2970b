"""What the machine can do at best, and what that leaves of a backbone's time."""

import time
from collections.abc import Callable

import torch
from interleaved import synchronize
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

_REPEATS = 15


def matmul_peak(dtype: torch.dtype, device: str, size: int) -> float:
    """FLOP/s of a product of two big square matrices, the best of some."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / _best(lambda: a @ b)


def bandwidth(device: str, megabytes: int) -> float:
    """Bytes/s that a big copy reads and writes, the best of some."""
    source = torch.ones(megabytes * 2**18, device=device)
    target = torch.empty_like(source)
    return 2 * 4 * source.numel() / _best(lambda: target.copy_(source))


def products(model: nn.Module, clips: Tensor) -> int:
    """FLOPs of the convolutions and matrix products of a forward pass; a multiply-add is two.

    Training has three times as many: each product is made once more for the gradient of either
    factor.
    """
    with FlopCounterMode(display=False) as counter:
        model.eval()(clips)
    return counter.get_total_flops()


def traffic(run: Callable[[], object]) -> int:
    """Bytes of all operands and results of the kernels that ``run`` runs.

    That is the traffic with memory if no cache held anything from one kernel to the next.
    """
    with _BytesMoved() as moved:
        run()
    return moved.total


class _BytesMoved(TorchDispatchMode):

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.total += sum(leaf.numel() * leaf.element_size()
                              for leaf in tree_leaves((args, kwargs, out))
                              if isinstance(leaf, Tensor))
        return out


def _best(run: Callable[[], object]) -> float:
    found = []
    for _ in range(_REPEATS):
        synchronize()
        start = time.perf_counter()
        run()
        synchronize()
        found.append(time.perf_counter() - start)
    return min(found)

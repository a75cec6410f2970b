"""Collective operations that training needs beyond what MMEngine offers."""

import torch
import torch.distributed as torch_dist
from mmengine.dist import get_dist_info, is_distributed
from torch import Tensor


class _GatherWithGrad(torch.autograd.Function):
    """Concatenate a tensor over processes; every process's loss reaches the tensor it came from."""

    @staticmethod
    def forward(ctx, local: Tensor) -> Tensor:
        ctx.rank, world_size = get_dist_info()
        ctx.batch = local.shape[0]
        parts = [torch.empty_like(local) for _ in range(world_size)]
        torch_dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        grad = grad.clone(memory_format=torch.contiguous_format)
        torch_dist.all_reduce(grad)
        start = ctx.rank * ctx.batch
        return grad[start:start + ctx.batch]


def gather_with_grad(local: Tensor) -> Tensor:
    """Concatenate equally large batches of all processes along the first dimension.

    The backward pass sums the gradients that all processes send to a sample. Together with the
    averaging of DistributedDataParallel, a loss that every process computes on the whole gathered
    batch gives the parameters the gradient of one process with the whole batch.

    Args:
        local (Tensor): This process's part, shape (B, ...), B the same everywhere.

    Returns:
        Tensor: Shape (world_size * B, ...), process 0 first; ``local`` itself on one process.
    """
    if not is_distributed() or get_dist_info()[1] == 1:
        return local
    return _GatherWithGrad.apply(local)


def draw_for_rank(draw, batch: int) -> Tensor:
    """Draw random values for the global batch and keep this process's rows.

    MMEngine seeds all processes alike, so a plain draw would give every process the same noise.
    Rows are dealt as ``DefaultSampler`` deals samples (process r owns rows r, r + W, ...): two
    processes draw what one process with the doubled batch draws.

    Args:
        draw (Callable[[int], Tensor]): Draws the given number of rows.
        batch (int): Rows of this process.

    Returns:
        Tensor: Shape (batch, ...).
    """
    rank, world_size = get_dist_info()
    return draw(batch * world_size)[rank::world_size]

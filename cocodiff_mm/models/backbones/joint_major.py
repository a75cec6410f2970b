"""Layers on features of shape (C, V, N, T) or (C, N, V, T), channels before all others.

A pointwise convolution is one matrix product, channels are concatenated and split without copies,
and statistics run along contiguous rows.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d)
# Numbers that are normalised at a time on a CPU.
_STRETCH = 2**18


def norm_mode(norms: Sequence[nn.Module]) -> str:
    """How to apply batch norms: ``'fold'`` into weights, ``'batch'`` in one, or ``'each'``."""
    if not any(norm.training for norm in norms):
        return 'fold'
    together = all(norm.training and type(norm) in _PLAIN and norm.momentum == norms[0].momentum
                   and norm.momentum is not None for norm in norms)
    return 'batch' if together else 'each'


def fold(norms: Sequence[nn.Module], offset: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift, each (C,), that ``norm(x + offset)`` amounts to with running statistics."""
    weight, bias, mean, var = (torch.cat([getattr(norm, name) for norm in norms])
                               for name in ('weight', 'bias', 'running_mean', 'running_var'))
    scale = weight * torch.rsqrt(var + norms[0].eps)
    return scale, bias + (offset - mean) * scale


def batch_norm(parts: Sequence[Tensor], offset: Tensor, norms: Sequence[nn.Module],
               residual: Tensor | None = None, relu: bool = False) -> Tensor:
    """Batch norms of ``parts + offset``, all concatenated along the channels.

    Args:
        parts (Sequence[Tensor]): Features, each (C_i, ...), contiguous.
        offset (Tensor): What the layer before adds to each channel, (C,). A batch norm takes it
            out again; only the running mean sees it.
        norms (Sequence[nn.Module]): Batch norms of all C channels in order.
        residual (Tensor | None): What is added to them, (C, ...). Defaults to None.
        relu (bool): Whether a ReLU follows. Defaults to False.

    Returns:
        Tensor: Shape (C, ...).
    """
    widths = [norm.num_features for norm in norms]
    if norm_mode(norms) != 'batch':
        x = torch.cat(list(parts))
        x = x + offset.to(x.dtype).view(-1, *[1] * (x.dim() - 1))
        rows = (x.flatten(1, 2) if x.dim() == 4 else x).split(widths)
        y = torch.cat([norm(row[None])[0] for norm, row in zip(norms, rows, strict=True)]
                      ).view_as(x)
        y = y if residual is None else y + residual
        return y.relu_() if relu else y
    weight = torch.cat([norm.weight for norm in norms])
    bias = torch.cat([norm.bias for norm in norms])
    out, mean, var = _BatchNorm.apply(norms[0].eps, relu, weight, bias, offset, residual, *parts)
    track(norms, mean + offset.detach(), var, parts[0][0].numel())
    return out


@torch.no_grad()
def track(norms: Sequence[nn.Module], mean: Tensor, var: Tensor, count: int) -> None:
    """Move the running statistics towards those of ``count`` values per channel."""
    widths = [norm.num_features for norm in norms]
    var = var * (count / (count - 1))
    for norm, new_mean, new_var in zip(norms, mean.split(widths), var.split(widths), strict=True):
        norm.running_mean.lerp_(new_mean.to(norm.running_mean), norm.momentum)
        norm.running_var.lerp_(new_var.to(norm.running_var), norm.momentum)
        norm.num_batches_tracked += 1


def max_pool(x: Tensor, stride: int) -> Tensor:
    """Largest of three frames around each ``stride``-th, (C, V, N, T) to (C, V, N, T')."""
    if x.is_cuda:
        return F.max_pool2d(x.flatten(1, 2), (1, 3), (1, stride), (0, 1)).unflatten(1, x.shape[1:3])
    return _MaxPool.apply(x, stride)


def temporal_conv(x: Tensor, conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolution over the frames of (C, V, N, T) with the settings of ``conv``."""
    y = F.conv2d(x.flatten(1, 2)[None], weight.to(x.dtype).transpose(2, 3),
                 None if bias is None else bias.to(x.dtype),
                 conv.stride[::-1], conv.padding[::-1], conv.dilation[::-1])
    return y[0].unflatten(1, x.shape[1:3])


def pointwise(x: Tensor, convs: Sequence[nn.Conv2d], norms: Sequence[nn.Module]) -> Tensor:
    """Pointwise convolutions side by side, each with its batch norm; strides are not applied."""
    weight = torch.cat([conv.weight.flatten(1) for conv in convs])
    bias = torch.cat([conv.bias for conv in convs])
    if norm_mode(norms) == 'fold':
        scale, shift = fold(norms, bias)
        return affine(x, weight * scale[:, None], shift)
    return batch_norm([matmul(weight, x)], bias, norms)


def matmul(weight: Tensor, x: Tensor) -> Tensor:
    """Product of a matrix (C', C) and features (C, ...)."""
    return (weight.to(x.dtype) @ x.flatten(1)).view(-1, *x.shape[1:])


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Product of a matrix (C', C) and features (C, ...), plus a value for each row."""
    y = torch.addmm(bias.to(x.dtype)[:, None], weight.to(x.dtype), x.flatten(1))
    return y.view(-1, *x.shape[1:])


class _BatchNorm(torch.autograd.Function):
    """Batch norm of rows, a residual and ReLU; the constant ``offset`` has no gradient but zero."""

    @staticmethod
    def forward(ctx, eps, relu, weight, bias, offset, residual, *parts):
        out = parts[0].new_empty(len(weight), *parts[0].shape[1:])
        mean, invstd = torch.empty_like(weight), torch.empty_like(weight)
        for part, row, rows in stretches(parts):
            mean[rows], invstd[rows] = _normalise(part[row], weight[rows], bias[rows], eps,
                                                  out[rows])
            if residual is not None:
                out[rows] += residual[rows]
            if relu:
                out[rows].relu_()
        ctx.save_for_backward(weight, mean, invstd, out if relu else None, *parts)
        ctx.eps, ctx.residual = eps, residual is not None
        var = invstd.double().pow(-2).sub_(eps).to(mean.dtype)
        ctx.mark_non_differentiable(mean, var)
        ctx.set_materialize_grads(False)
        return out, mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, _mean, _var):
        weight, mean, invstd, out, *parts = ctx.saved_tensors
        grad = grad.contiguous()
        grads = [torch.empty_like(part) for part in parts]
        of_weight, of_bias = torch.empty_like(weight), torch.empty_like(weight)
        masked = torch.empty_like(grad) if ctx.residual and out is not None else None
        for (part, row, rows), (of_part, _, _) in zip(stretches(parts), stretches(grads),
                                                      strict=True):
            of_out = grad[rows]
            if out is not None:
                of_out = torch.ops.aten.threshold_backward(of_out, out[rows], 0)
            if masked is not None:
                masked[rows] = of_out
            found, of_weight[rows], of_bias[rows] = torch.ops.aten.native_batch_norm_backward(
                of_out.flatten(1)[None], part[row].flatten(1)[None], weight[rows], None, None,
                mean[rows], invstd[rows], True, ctx.eps, [True] * 3)
            of_part[row] = found.view_as(of_part[row])
        of_residual = grad if ctx.residual and masked is None else masked
        return None, None, of_weight, of_bias, torch.zeros_like(weight), of_residual, *grads


def stretches(parts: Sequence[Tensor]) -> Iterator[tuple[Tensor, slice, slice]]:
    """Parts, a few rows of each, and which rows of all these are.

    On a CPU they are so few that what is done to them one after the other stays in its cache.
    """
    start = 0
    for part in parts:
        step = len(part) if part.is_cuda else max(1, _STRETCH // part[0].numel())
        for row in range(0, len(part), step):
            stop = min(row + step, len(part))
            yield part, slice(row, stop), slice(start + row, start + stop)
        start += len(part)


def _normalise(part, weight, bias, eps, out):
    """Batch norm of a part (C, ...) into ``out``; its mean and inverse deviation."""
    x = part.flatten(1)[None]
    if x.is_cuda:
        y, mean, invstd = torch.native_batch_norm(x, weight, bias, None, None, True, 0., eps)
        out.copy_(y.view_as(out))
        return mean, invstd
    mean, var = _statistics(part)
    invstd = (var + eps).rsqrt_().to(weight.dtype)
    mean = mean.to(weight.dtype)
    torch.ops.aten.native_batch_norm.out(
        x, weight, bias, mean, var.to(weight.dtype), False, 0., eps, out=out.flatten(1)[None],
        save_mean=mean.new_empty(0), save_invstd=mean.new_empty(0))
    return mean, invstd


def _statistics(part):
    """Mean and variance of the rows of (C, ...) in float64."""
    if part.dim() == 2:
        return part.double().mean(1), part.double().var(1, correction=0)
    # Sums of stretches of a row keep their digits in float32; the totals are in float64.
    stretches, count = part.flatten(2), part[0].numel()
    dtype = torch.promote_types(part.dtype, torch.float32)
    mean = stretches.sum(2, dtype=dtype).double().sum(1) / count
    squares = torch.linalg.vector_norm(stretches, dim=2, dtype=dtype).double().square_().sum(1)
    return mean, (squares / count - mean.square()).clamp_(min=0)


class _MaxPool(torch.autograd.Function):
    """Of equal frames the first is the largest, as in torch's own pooling."""

    @staticmethod
    def forward(ctx, x, stride):
        before, at, after = _window(F.pad(x, (1, 1), value=-torch.inf), stride)
        larger = torch.maximum(before, at)
        out = torch.maximum(larger, after)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(before == out, larger == out)
        ctx.shape, ctx.stride = x.shape, stride
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        is_before, is_not_after = ctx.saved_tensors
        padded = grad.new_zeros(*ctx.shape[:3], ctx.shape[3] + 2)
        before, at, after = _window(padded, ctx.stride)
        early = grad * is_before
        not_after = grad * is_not_after
        at += not_after - early
        before += early
        after += grad - not_after
        return padded[..., 1:-1], None


def _window(padded: Tensor, stride: int) -> list[Tensor]:
    frames = padded.shape[-1] - 2
    return [padded[..., k:k + frames:stride] for k in range(3)]

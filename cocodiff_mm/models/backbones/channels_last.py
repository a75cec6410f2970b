"""The convolutions of the skeleton networks on (N, C, V, T) with the channels last in memory."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .joint_major import norm_mode
from .temporal_conv import MultiScaleTemporalConv


class ChannelsLastTemporalConv(MultiScaleTemporalConv):
    """:class:`MultiScaleTemporalConv` with the branches side by side where they do the same.

    One pointwise convolution, batch norm and ReLU before the kernels and the max-pooling, and one
    batch norm behind all branches. Parameters and results are the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, V, T) to (N, C, V, ceil(T / stride)), channels last in memory."""
        *branches, last = self.branches
        y = torch.relu_(pointwise_norm([branch[:2] for branch in branches], x))
        *parts, pooled = y.split([branch[0].out_channels for branch in branches], dim=1)
        *convs, pool = (branch[3] for branch in branches)
        pooled = F.max_pool2d(pooled, *(
            size[::-1] for size in (pool.kernel_size, pool.stride, pool.padding)))
        pairs = [*((conv.conv, conv.bn) for conv in convs), (None, branches[-1][4]), tuple(last)]
        if norm_mode([norm for _, norm in pairs]) == 'fold':
            parts = [_conv(conv.conv, part, *_folded(conv.conv, conv.bn))
                     for conv, part in zip(convs, parts, strict=True)]
            parts += [branches[-1][4](pooled), pointwise_norm([last], x)]
            y = torch.cat(parts, 1)
        else:
            parts = [_conv(conv.conv, part, conv.conv.weight, None)
                     for conv, part in zip(convs, parts, strict=True)]
            parts += [pooled, _pointwise(x, last[0].weight.flatten(1), None, last[0].stride[0])]
            y = _norm(pairs, torch.cat(parts, 1))
        return self.drop(self.act(y))


def pointwise_norm(pairs: Sequence[Sequence[nn.Module]], x: Tensor) -> Tensor:
    """Pointwise convolutions, each with batch norm, of x (N, C, V, T), side by side.

    Args:
        pairs (Sequence[Sequence[nn.Module]]): Convolution with a bias and batch norm; all with
            the same stride.
        x (Tensor): Shape (N, C, V, T), fastest with the channels last in memory.

    Returns:
        Tensor: Shape (N, C', V, ceil(T / stride)), channels last in memory.
    """
    pairs = [tuple(pair) for pair in pairs]
    stride = pairs[0][0].stride[0]
    if norm_mode([norm for _, norm in pairs]) == 'fold':
        weights, biases = zip(*(_folded(*pair) for pair in pairs), strict=True)
        return _pointwise(x, torch.cat(weights).flatten(1), torch.cat(biases), stride)
    weight = torch.cat([conv.weight.flatten(1) for conv, _ in pairs])
    return _norm(pairs, _pointwise(x, weight, None, stride))


@torch.no_grad()
def track(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor, count: int) -> None:
    """Let running statistics follow the mean and the biased variance of ``count`` samples."""
    norm.num_batches_tracked += 1
    norm.running_mean.lerp_(mean.to(norm.running_mean), norm.momentum)
    norm.running_var.lerp_((var * (count / (count - 1))).to(norm.running_var), norm.momentum)


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias that do what convolution and batch norm do in evaluation."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return (conv.weight * scale[:, None, None, None],
            norm.bias + (conv.bias - norm.running_mean) * scale)


def _norm(pairs: Sequence[tuple[nn.Conv2d | None, nn.BatchNorm2d]], x: Tensor) -> Tensor:
    """Batch norms, not all of them frozen, of convolutions without their biases; in one sweep
    where they all see this batch alone.

    A bias changes the mean of a batch, which is subtracted, and nothing else; its gradient is 0.
    """
    norms = [norm for _, norm in pairs]
    biases = [torch.zeros_like(norm.bias) if conv is None else conv.bias for conv, norm in pairs]
    if norm_mode(norms) == 'each':
        x = x + torch.cat(biases).to(x.dtype)[:, None, None]
        parts = x.split([norm.num_features for norm in norms], dim=1)
        return torch.cat([norm(part) for norm, part in zip(norms, parts, strict=True)], 1)
    bias = torch.cat([norm.bias for norm in norms]) + 0 * torch.cat(biases)
    y, mean, scale = torch.native_batch_norm(x, torch.cat([norm.weight for norm in norms]), bias,
                                             None, None, True, 0., norms[0].eps)
    widths = [norm.num_features for norm in norms]
    var = scale.detach().double().pow(-2) - norms[0].eps
    for norm, own, part, of_var in zip(norms, biases, mean.detach().split(widths),
                                       var.split(widths), strict=True):
        track(norm, part + own, of_var, x.numel() // x.shape[1])
    return y


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    if stride > 1:
        x = x[..., ::stride]
    return F.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


def _conv(conv: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv2d(x, weight.transpose(2, 3), bias, conv.stride[::-1], conv.padding[::-1],
                    conv.dilation[::-1])

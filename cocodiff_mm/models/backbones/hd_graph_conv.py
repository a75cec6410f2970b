from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cocodiff_mm.utils.hierarchy import hierarchy_adjacency

from .channels_last import pointwise_norm, track
from .edge_conv import EdgeConv
from .hd_layers import InputNorm, layer_features, sum_layers
from .hierarchy_attention import HierarchyAttention
from .joint_major import norm_mode


class HDGraphConv(nn.Module):
    """Graph convolutions over the layers of a hierarchy of joints, weighted and summed.

    In each layer a reduced input goes through three graphs, a pointwise convolution behind each,
    and through an edge convolution over its nearest joints; the four make a quarter of the
    channels each. HD-GCN (arXiv 2208.10741), Sec. 3.2 and 3.3.

    Parameters of the layers (and, for ``conv``, of the three graphs in each) lie behind each
    other in one tensor, and the layers are computed together. Batch norm behind ``conv`` and the
    weighted sum are one linear function of the features, which needs their largest values over
    time and, in training, their mean and variance first.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output, a multiple of 4.
        groups (Sequence[Sequence[int]]): Hierarchy of joints, see
            :func:`~cocodiff_mm.utils.hierarchy.joint_groups`.
        attention (bool): Whether the layers are weighted (A-HA), else they are summed.
    """

    def __init__(self, in_channels: int, out_channels: int, groups: Sequence[Sequence[int]],
                 attention: bool) -> None:
        super().__init__()
        self.PA = nn.Parameter(hierarchy_adjacency(groups))
        layers, subsets = self.PA.shape[:2]
        self.width = out_channels // (subsets + 1)
        reduced, wide = layers * self.width, layers * subsets * self.width
        self.conv_down = nn.Sequential(
            nn.Conv2d(in_channels, reduced, 1), nn.BatchNorm2d(reduced), nn.ReLU(inplace=True))
        self.conv = nn.Sequential(
            nn.Conv2d(wide, wide, 1, groups=layers * subsets), nn.BatchNorm2d(wide))
        self.edge_conv = EdgeConv(self.width, 5, layers)
        self.aha = HierarchyAttention(out_channels, groups) if attention else None
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, V, T) to (N, C', V, T), fastest with the channels last in memory."""
        if norm_mode([self.conv[1]]) == 'each':
            y = self.bn(self._sum_step_by_step(self._reduce(x)))
        else:
            y = self._sum(x).permute(0, 3, 1, 2)
            if self.bn.training:
                y = self.bn(y)
        if not isinstance(self.down, nn.Identity):
            x = pointwise_norm([self.down], x)
        return torch.relu_(y.add_(x))

    def _reduce(self, x: Tensor) -> Tensor:
        """Inputs of the layers before the ReLU, (N, V, T, L * C)."""
        return pointwise_norm([self.conv_down[:2]], x).permute(0, 2, 3, 1)

    def _inputs(self, x: Tensor) -> tuple[Tensor, InputNorm | None]:
        """The same, where it can before the batch norm, which comes with it then."""
        conv, norm, _ = self.conv_down
        if norm_mode([norm]) != 'batch':
            return self._reduce(x), None
        reduced = F.linear(x.permute(0, 2, 3, 1), conv.weight.flatten(1))
        if reduced.dtype != norm.weight.dtype:
            return self._reduce(x), None
        # The bias changes the mean, which is subtracted, and nothing else; its gradient is 0.
        return reduced, InputNorm(norm.weight, norm.bias + 0 * conv.bias, norm.eps)

    def _sum(self, x: Tensor) -> Tensor:
        """Weighted sum of the layers (N, V, T, C').

        Where ``bn`` has its running statistics it is in the sum.
        """
        reduced, norm = self._inputs(x)
        moments = self.conv[1].training
        # Where batch norm turns signs, turn them before: the largest feature stays the largest.
        signs = torch.where(self.conv[1].weight < 0, -1., 1.).to(reduced.dtype)
        weight = self.conv[0].weight.flatten(1).to(reduced.dtype) * signs[:, None]
        weight = weight.view(*self.PA.shape[:2], self.width, self.width).mT
        layers, token, average, largest, sums, squares, mean, var = layer_features(
            reduced, norm, self.PA.to(reduced.dtype), weight, moments)
        count = reduced[..., 0].numel()
        if norm is not None:
            track(self.conv_down[1], mean + self.conv_down[0].bias.detach(), var, count)
        scale, shift = self._normalisation(sums, squares, signs, count)
        parts = self._gates(average, largest, scale, shift)
        if not self.bn.training:
            parts = self._with_norm(*parts)
        return sum_layers(layers, token, *(part.to(reduced.dtype) for part in parts))

    def _sum_step_by_step(self, reduced: Tensor) -> Tensor:
        """The same as (N, C', V, T), for a batch norm behind ``conv`` that does more than to
        follow the moments of this batch, as one that sees those of other processes.
        """
        layers, subsets = self.PA.shape[:2]
        x = torch.relu_(reduced).unflatten(3, (layers, -1))
        taken = torch.einsum('lkuv,nvtlc->nlkcut', self.PA.to(x.dtype), x)
        features = self.conv(taken.flatten(1, 3)).unflatten(1, (layers, subsets, self.width))
        largest = features.max(5).values.mT.flatten(1, 2)
        ones = features.new_ones(layers, subsets, self.width)
        gain, _, edges = self._gates(x.mean(2).transpose(1, 2), largest, ones, 0 * ones)
        total = (features * gain[..., None, None]).sum(1).flatten(1, 2)
        edges = edges.mT[..., None].expand(-1, -1, -1, total.shape[3])
        return torch.cat([total, edges.to(total.dtype)], 1)

    def _gates(self, average: Tensor, largest: Tensor, scale: Tensor,
               shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Factor of each feature, what they add, and the sum of the edge features."""
        edges = self.edge_conv(average)
        if self.aha is None:
            n = len(edges)
            return scale.expand(n, -1, -1, -1), shift.sum(0).expand(n, -1, -1), edges.sum(1)
        subsets = len(scale[0])
        largest = largest.unflatten(1, scale.shape[:2]).transpose(2, 3)
        largest = (largest * scale[:, None] + shift[:, None]).flatten(3)
        gates = self.aha(torch.cat([largest, edges], 3)).unflatten(2, (subsets + 1, -1))
        gates, of_edges = gates.split([subsets, 1], 2)
        return gates * scale, (gates * shift).sum(1), (of_edges * edges).sum(1)

    def _with_norm(self, gain: Tensor, constant: Tensor,
                   edges: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same with the batch norm behind them, in evaluation."""
        scale = self.bn.weight * torch.rsqrt(self.bn.running_var + self.bn.eps)
        shift = self.bn.bias - self.bn.running_mean * scale
        (scale, of_edges), (shift, edge_shift) = (
            (x[:-self.width].view(-1, self.width), x[-self.width:]) for x in (scale, shift))
        return gain * scale, constant * scale + shift, edges * of_edges + edge_shift

    def _normalisation(self, sums: Tensor, squares: Tensor, signs: Tensor,
                       count: int) -> tuple[Tensor, Tensor]:
        """Batch norm behind ``conv`` as factor, at least 0, and summand of signed features."""
        conv, norm = self.conv
        if norm.training:
            mean = sums.sum(0).flatten() / count
            var = (squares.sum(0).flatten() / count - mean.square()).clamp(min=0)
            mean = mean * signs + conv.bias
            track(norm, mean, var, count)
        else:
            mean, var = norm.running_mean, norm.running_var
        scale = norm.weight * torch.rsqrt(var + norm.eps)
        shift = norm.bias + (conv.bias - mean) * scale
        shape = *self.PA.shape[:2], self.width
        return (scale * signs).view(shape), shift.view(shape)

import torch
from torch import Tensor, nn

from .ctr_topology import refined_graph_conv
from .joint_major import batch_norm, fold, norm_mode, pointwise


class ChannelTopology(nn.Module):
    """Weights of one subset of :class:`RefinedGraphConv`.

    ``conv1`` and ``conv2`` see the joints, ``conv4`` makes the topology of a channel of what is
    between them, and ``conv3`` gives the features that go through it.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        relations = 8 if in_channels <= 16 else in_channels // 8
        self.conv1 = nn.Conv2d(in_channels, relations, 1)
        self.conv2 = nn.Conv2d(in_channels, relations, 1)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv4 = nn.Conv2d(relations, out_channels, 1)


class RefinedGraphConv(nn.Module):
    """Sum of graph convolutions whose topology is refined for each channel and sample (CTR-GC).

    Topology of a channel: the shared one plus ``alpha * conv4(tanh(conv1(x)_u - conv2(x)_v))``,
    x averaged over time. A residual connection joins the sum of all subsets.
    CTR-GCN (arXiv 2107.12213), Sec. 3.2.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        adjacency (Tensor): Where the shared topologies start, shape (K, V, V).
    """

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        self.PA = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList(ChannelTopology(in_channels, out_channels) for _ in adjacency)
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (C, N, V, T) to (C', N, V, T)."""
        residual = x
        if not isinstance(self.down, nn.Identity):
            residual = pointwise(x, self.down[:1], self.down[1:])
        mixing = self._mixing()
        if norm_mode([self.bn]) == 'fold':
            scale, shift = fold([self.bn], torch.zeros_like(self.bn.bias))
            y = self._convolve(x, mixing * scale[:, None])
            y += shift.to(y.dtype)[:, None, None, None]
            y += residual
            return y.relu_()
        offset = torch.zeros_like(self.bn.bias)
        return batch_norm([self._convolve(x, mixing)], offset, [self.bn], residual, relu=True)

    def _convolve(self, x: Tensor, mixing: Tensor) -> Tensor:
        ends = [*(conv.conv1 for conv in self.convs), *(conv.conv2 for conv in self.convs)]
        transforms = [conv.conv3 for conv in self.convs]
        return refined_graph_conv(
            x, torch.cat([conv.weight.flatten(1) for conv in ends]),
            torch.cat([conv.bias for conv in ends]), mixing, self.PA,
            torch.stack([conv.weight.flatten(1) for conv in transforms]),
            torch.stack([conv.bias for conv in transforms]))

    def _mixing(self) -> Tensor:
        """From relations, a constant and the shared topology to a channel's, (K, C', R + 2)."""
        weight = torch.stack([conv.conv4.weight.flatten(1) for conv in self.convs])
        bias = torch.stack([conv.conv4.bias for conv in self.convs])[..., None]
        return torch.cat([self.alpha * weight, self.alpha * bias, torch.ones_like(bias)], 2)

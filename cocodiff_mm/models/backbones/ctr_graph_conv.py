import torch
from torch import Tensor, nn

from .ctr_topology import average_frames, refined_graph_conv, relate
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

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (C, N, V, T) to (C', N, V, T); and x again, for whatever else takes it."""
        average, inner, residual, x = average_frames(x)
        if not isinstance(self.down, nn.Identity):
            residual = pointwise(residual, self.down[:1], self.down[1:])
        # What is small is computed as exactly as its weights are given.
        relations, mixing = self._relations(average.to(self.PA.dtype)), self._mixing()
        if norm_mode([self.bn]) == 'fold':
            scale, shift = fold([self.bn], torch.zeros_like(self.bn.bias))
            mixing = mixing * scale[:, None]
            return self._convolve(inner, relations, mixing, shift, residual), x
        offset = torch.zeros_like(self.bn.bias)
        y = self._convolve(inner, relations, mixing, offset, None)
        return batch_norm([y], offset, [self.bn], residual, relu=True), x

    def _relations(self, average: Tensor) -> Tensor:
        ends = *(conv.conv1 for conv in self.convs), *(conv.conv2 for conv in self.convs)
        weight = torch.cat([conv.weight.flatten(1) for conv in ends])
        bias = torch.cat([conv.bias for conv in ends])
        pairs = torch.addmm(bias[:, None], weight, average.flatten(1))
        target, source = pairs.view(2, len(self.convs), -1, *average.shape[1:]).unbind()
        return relate(target, source, self.PA)

    def _mixing(self) -> Tensor:
        """From relations to the topology of a channel, (K, C', R + 2)."""
        weight = torch.stack([conv.conv4.weight.flatten(1) for conv in self.convs])
        bias = torch.stack([conv.conv4.bias for conv in self.convs])[..., None]
        return torch.cat([self.alpha * weight, self.alpha * bias, torch.ones_like(bias)], 2)

    def _convolve(self, x: Tensor, relations: Tensor, mixing: Tensor, shift: Tensor,
                  residual: Tensor | None) -> Tensor:
        transform = torch.stack([conv.conv3.weight.flatten(1) for conv in self.convs])
        bias = torch.stack([conv.conv3.bias for conv in self.convs])
        # The bias of conv3 goes through the topology: it adds the same in all frames.
        weight = (mixing * bias[..., None]).transpose(0, 1).flatten(1)
        constant = weight @ relations.sum(3).flatten(0, 1).flatten(1) + shift[:, None]
        tensors = relations, mixing, transform, constant.view(-1, *x.shape[1:3])
        return refined_graph_conv(x, *(tensor.to(x.dtype) for tensor in tensors), residual)

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cocodiff_mm.utils.hierarchy import layer_members

from .channels_last import pointwise_norm
from .edge_conv import EdgeConv


class HierarchyAttention(nn.Module):
    """Weight between 0 and 1 of every channel of every layer (A-HA).

    HD-GCN (arXiv 2208.10741), Sec. 3.3: the features of a layer are averaged over its joints, and
    an edge convolution over the layers compares them.

    Args:
        channels (int): Channels of a layer.
        groups (Sequence[Sequence[int]]): Hierarchy of joints.
    """

    def __init__(self, channels: int, groups: Sequence[Sequence[int]]) -> None:
        super().__init__()
        width = channels // 4
        self.conv_down = nn.Sequential(
            nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.edge_conv = EdgeConv(width, 3)
        self.aggregate = nn.Conv1d(width, channels, 1)
        self.register_buffer('members', layer_members(groups), persistent=False)

    def forward(self, peaks: Tensor) -> Tensor:
        """Map the largest features over time (N, L, V, C) to weights (N, L, C)."""
        reduced = torch.relu_(pointwise_norm([self.conv_down[:2]], peaks.permute(0, 3, 1, 2)))
        points = (reduced * self.members).sum(3) / self.members.sum(1)
        features = self.edge_conv(points.mT[:, None])[:, 0]
        weight, bias = self.aggregate.weight.flatten(1), self.aggregate.bias
        return torch.sigmoid(F.linear(features, weight, bias))

from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from cocodiff_mm.utils.graph import build_adjacency

from .skeleton_backbone import SkeletonBackbone, stages
from .temporal_conv import MultiScaleTemporalConv, TemporalConv


class ChannelTopology(nn.Module):
    """Graph convolution over a topology that is refined for each channel and sample (CTR-GC).

    Topology of a channel: the shared one plus ``alpha * conv4(tanh(conv1(x)_u - conv2(x)_v))``,
    x averaged over time. CTR-GCN (arXiv 2107.12213), Sec. 3.2.

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

    def forward(self, x: Tensor, average: Tensor, shared: Tensor, alpha: Tensor) -> Tensor:
        """Map x (N, C, T, V), its average (N, C, 1, V) and a topology (V, V) to (N, C', T, V)."""
        relation = torch.tanh(self.conv1(average).mT - self.conv2(average))
        topology = alpha * self.conv4(relation) + shared
        return self.conv3(x) @ topology.mT


class SpatialGraphConv(nn.Module):
    """Sum of the refined graph convolutions of all subsets, with a residual connection.

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
        """Map (N, C, T, V) to (N, C', T, V)."""
        # conv1 and conv2 are linear: averaging their input saves averaging their output.
        average = x.mean(2, keepdim=True)
        first, *others = (conv(x, average, shared, self.alpha)
                          for conv, shared in zip(self.convs, self.PA.unbind(), strict=True))
        return torch.relu_(self.bn(sum(others, start=first)) + self.down(x))


class CTRGCNBlock(nn.Module):
    """Graph convolution over joints, then temporal convolution, around a residual connection.

    Args:
        gcn (nn.Module): Spatial part.
        tcn (nn.Module): Temporal part.
        residual (nn.Module | None): What joins their output, None for nothing.
    """

    def __init__(self, gcn: nn.Module, tcn: nn.Module, residual: nn.Module | None) -> None:
        super().__init__()
        self.gcn1, self.tcn1, self.residual = gcn, tcn, residual

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, V) to (N, C', ceil(T / stride), V)."""
        y = self.tcn1(self.gcn1(x))
        return torch.relu(y) if self.residual is None else torch.relu_(y + self.residual(x))


@MODELS.register_module()
class CTRGCN(SkeletonBackbone):
    """Channel-wise topology refinement graph convolutional network (arXiv 2107.12213).

    The network is the authors': joint u takes ``topology[u, v]`` of joint v, and no ReLU follows
    the temporal branches. Their weights fit by name (``l1.`` is ``net.0.``). MMAction2's and
    PYSKL's version has that ReLU (``tcn_relu=True``) and the transposed topology; the learned
    topology is called ``PA`` here and ``A`` there, so that theirs never load unconverted.

    Args:
        graph_cfg (dict): Skeleton, see :func:`~cocodiff_mm.utils.graph.build_adjacency`.
        in_channels (int): Coordinates C of a joint. Defaults to 3.
        base_channels (int): Channels of the first block. Defaults to 64.
        num_stages (int): Number of blocks. Defaults to 10.
        inflate_stages (Sequence[int]): Blocks, from 2, that double the channels.
            Defaults to (5, 8).
        down_stages (Sequence[int]): Blocks, from 2, that halve the frames. Defaults to (5, 8).
        data_bn_type (str): What the input is normalised over time by: ``'MVC'`` person, joint and
            coordinate, or ``'VC'`` joint and coordinate. Defaults to ``'MVC'``.
        num_person (int): Persons M of a clip, for ``'MVC'``. Defaults to 2.
        kernel_size (int | Sequence[int]): Frames under the temporal kernels, odd. Defaults to 5.
        dilations (Sequence[int]): Dilations of the temporal convolutions. Defaults to (1, 2).
        tcn_dropout (float): Dropout probability of the temporal part, after the first block.
            Defaults to 0.
        tcn_relu (bool): Whether a ReLU follows the temporal branches, as in MMAction2.
            Defaults to False.
        pretrained (str, optional): Checkpoint to start from, short for
            ``init_cfg=dict(type='Pretrained', checkpoint=...)``.
        init_cfg (dict | list[dict], optional): What ``init_weights`` applies on top of the
            published initialisation, which the constructor draws.

    Raises:
        ValueError: If a setting is not valid.
    """

    def __init__(self,
                 graph_cfg: dict,
                 in_channels: int = 3,
                 base_channels: int = 64,
                 num_stages: int = 10,
                 inflate_stages: Sequence[int] = (5, 8),
                 down_stages: Sequence[int] = (5, 8),
                 data_bn_type: str = 'MVC',
                 num_person: int = 2,
                 kernel_size: int | Sequence[int] = 5,
                 dilations: Sequence[int] = (1, 2),
                 tcn_dropout: float = 0.,
                 tcn_relu: bool = False,
                 pretrained: str | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        adjacency = build_adjacency(graph_cfg)
        super().__init__(adjacency.shape[-1], in_channels, 0, in_channels, num_stages, down_stages,
                         data_bn_type, num_person, pretrained, init_cfg)
        self.net = nn.ModuleList()
        for inputs, outputs, stride in stages(base_channels, num_stages, inflate_stages,
                                              down_stages):
            first = len(self.net) == 0
            residual = None if first else nn.Identity()
            if not first and (inputs != outputs or stride > 1):
                residual = TemporalConv(inputs, outputs, 1, stride)
            self.net.append(
                CTRGCNBlock(
                    SpatialGraphConv(in_channels if first else inputs, outputs, adjacency),
                    MultiScaleTemporalConv(outputs, stride, kernel_size, dilations,
                                           0. if first else tcn_dropout, tcn_relu), residual))
        # Scalars and topologies have their start already.
        self.draw_convolutions()
        self.draw_norms(self.net)

    def forward(self, x: Tensor) -> Tensor:
        """Features of every person, frame and joint.

        Args:
            x (Tensor): Skeletons, shape (N, M, T, V, C).

        Returns:
            Tensor: Shape (N, M, C', T', V), T' = T halved, rounding up, in each of
            ``down_stages``.

        Raises:
            ValueError: If the shape does not fit the settings.
        """
        self.check_clips(x)
        n, m, t, v, c = x.shape
        x = x.permute(0, 1, 3, 4, 2).reshape(n * m // (self.num_person or 1), -1, t)
        x = self.data_bn(x).view(n * m, v, c, t).permute(0, 2, 3, 1).contiguous()
        for block in self.net:
            x = block(x)
        return x.unflatten(0, (n, m))

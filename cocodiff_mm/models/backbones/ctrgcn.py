from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.graph import build_adjacency

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
class CTRGCN(BaseModule):
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
        if pretrained is not None and init_cfg is not None:
            raise ValueError(f'got both pretrained={pretrained!r} and init_cfg={init_cfg}; give '
                             "init_cfg=dict(type='Pretrained', checkpoint=...) alone")
        if pretrained is not None:
            init_cfg = dict(type='Pretrained', checkpoint=pretrained)
        super().__init__(init_cfg=init_cfg)
        check_choice('data_bn_type', data_bn_type, ('MVC', 'VC'))
        if num_stages < 1 or num_person < 1:
            raise ValueError(f'num_stages={num_stages}, num_person={num_person}, expected at '
                             'least 1')
        adjacency = build_adjacency(graph_cfg)
        self.in_channels, self.num_joints = in_channels, adjacency.shape[-1]
        # None: batch norm sees persons as samples, however many there are.
        self.num_person = num_person if data_bn_type == 'MVC' else None
        self.data_bn = nn.BatchNorm1d((self.num_person or 1) * self.num_joints * in_channels)
        self.net = nn.ModuleList()
        for stage in range(1, num_stages + 1):
            first = stage == 1
            out_channels = base_channels * (1 + (not first and stage in inflate_stages))
            stride = 1 + (not first and stage in down_stages)
            residual = None if first else nn.Identity()
            if not first and (out_channels != base_channels or stride > 1):
                residual = TemporalConv(base_channels, out_channels, 1, stride)
            self.net.append(
                CTRGCNBlock(
                    SpatialGraphConv(in_channels if first else base_channels, out_channels,
                                     adjacency),
                    MultiScaleTemporalConv(out_channels, stride, kernel_size, dilations,
                                           0. if first else tcn_dropout, tcn_relu), residual))
            base_channels = out_channels
        self._draw_weights()

    def _draw_weights(self) -> None:
        """Initialisation of the authors' code; scalars and topologies have their start already."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out')
                nn.init.zeros_(module.bias)
        for block in self.net:
            # Each graph convolution starts as its residual connection.
            nn.init.constant_(block.gcn1.bn.weight, 1e-6)
            for module in block.tcn1.modules():
                if isinstance(module, nn.BatchNorm2d):
                    nn.init.normal_(module.weight, 1., 0.02)

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
        self._check_input(x)
        n, m, t, v, c = x.shape
        x = x.permute(0, 1, 3, 4, 2).reshape(n * m // (self.num_person or 1), -1, t)
        x = self.data_bn(x).view(n * m, v, c, t).permute(0, 2, 3, 1).contiguous()
        for block in self.net:
            x = block(x)
        return x.unflatten(0, (n, m))

    def _check_input(self, x: Tensor) -> None:
        if x.dim() != 5:
            raise ValueError(f'CTRGCN takes clips of shape (N, M, T, V, C), got {tuple(x.shape)}')
        wanted = [(1, 'persons', self.num_person, "num_person (data_bn_type='VC' takes any)"),
                  (3, 'joints', self.num_joints, 'graph_cfg.layout'),
                  (4, 'coordinates', self.in_channels, 'in_channels')]
        for dim, what, number, setting in wanted:
            if number is not None and x.shape[dim] != number:
                raise ValueError(f'clips of shape (N, M, T, V, C) = {tuple(x.shape)} have '
                                 f'{x.shape[dim]} {what}, but the backbone was built for {number}; '
                                 f'set {setting} in the config of the backbone, or change the '
                                 'pipeline')

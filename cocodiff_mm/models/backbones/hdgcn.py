from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from cocodiff_mm.utils.graph import build_adjacency
from cocodiff_mm.utils.hierarchy import joint_groups

from .channels_last import ChannelsLastTemporalConv, pointwise_norm
from .hd_graph_conv import HDGraphConv
from .skeleton_backbone import SkeletonBackbone, stages
from .temporal_conv import TemporalConv

# Persons at a time on a CPU where no gradient is wanted.
_PERSONS = 8


class HDGCNBlock(nn.Module):
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
        """Map (N, C, V, T) to (N, C', V, ceil(T / stride)), channels last in memory."""
        y = self.tcn1(self.gcn1(x))
        if self.residual is None:
            return torch.relu_(y)
        if not isinstance(self.residual, nn.Identity):
            x = pointwise_norm([(self.residual.conv, self.residual.bn)], x)
        return torch.relu_(y.add_(x))


@MODELS.register_module()
class HDGCN(SkeletonBackbone):
    """Hierarchically decomposed graph convolutional network (arXiv 2208.10741).

    The network is the authors'. Parameters of the layers of the hierarchy lie behind each other
    in one tensor each: ``conv_down.{0,1}`` holds their ``conv_down.{l}.{0,1}``, ``conv.{0,1}``
    their ``conv.{l}.{0..2}.{0,1}``, ``edge_conv.conv.{0,1}`` their ``conv.{l}.3.conv.{0,1}``.

    Args:
        graph_cfg (dict): ``layout``, see :func:`~cocodiff_mm.utils.graph.num_joints`.
        center_of_mass (int, optional): Joint that the hierarchy starts from, counted from 1 as in
            the paper, which joins the scores of three: 1, 2 and 21 for NTU RGB+D; 1, 2 and 3 for
            NW-UCLA. Defaults to the centre of the layout, which is 21 and 3 there.
        max_layers (int): Layers of the hierarchy at most. Defaults to 6.
        in_channels (int): Coordinates C of a joint. Defaults to 3.
        base_channels (int): Channels of the first block, a multiple of 16. Defaults to 64.
        num_stages (int): Number of blocks. Defaults to 10.
        inflate_stages (Sequence[int]): Blocks, from 2, that double the channels.
            Defaults to (5, 8).
        down_stages (Sequence[int]): Blocks, from 2, that halve the frames. Defaults to (5, 8).
        data_bn_type (str): What the input is normalised over time by: ``'MVC'`` person, joint and
            coordinate, or ``'VC'`` joint and coordinate. Defaults to ``'MVC'``.
        num_person (int): Persons M of a clip, for ``'MVC'``. Defaults to 2.
        pretrained (str, optional): Checkpoint to start from, a file or a URL, of a recognizer or
            of the backbone alone; ``init_weights`` refuses one that does not fit exactly.
        init_cfg (dict | list[dict], optional): What ``init_weights`` applies on top of the
            published initialisation, which the constructor draws.

    Raises:
        ValueError: If a setting is not valid.
    """

    def __init__(self,
                 graph_cfg: dict,
                 center_of_mass: int | None = None,
                 max_layers: int = 6,
                 in_channels: int = 3,
                 base_channels: int = 64,
                 num_stages: int = 10,
                 inflate_stages: Sequence[int] = (5, 8),
                 down_stages: Sequence[int] = (5, 8),
                 data_bn_type: str = 'MVC',
                 num_person: int = 2,
                 pretrained: str | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        num_joints = build_adjacency(graph_cfg).shape[-1]
        super().__init__(num_joints, in_channels, 0, in_channels, num_stages, down_stages,
                         data_bn_type, num_person, pretrained, init_cfg,
                         dict(center_of_mass=center_of_mass))
        if base_channels < 16 or base_channels % 16:
            raise ValueError(f'base_channels={base_channels}, expected a multiple of 16')
        center = None if center_of_mass is None else center_of_mass - 1
        if center is not None and center not in range(num_joints):
            raise ValueError(f'center_of_mass={center_of_mass}, expected one of the {num_joints} '
                             'joints of graph_cfg.layout, counted from 1')
        groups = joint_groups(graph_cfg['layout'], center, max_layers)
        self.net = nn.ModuleList()
        for inputs, outputs, stride in stages(base_channels, num_stages, inflate_stages,
                                              down_stages):
            first = len(self.net) == 0
            residual = None if first else nn.Identity()
            if not first and (inputs != outputs or stride > 1):
                residual = TemporalConv(inputs, outputs, 1, stride)
            self.net.append(
                HDGCNBlock(
                    HDGraphConv(in_channels if first else inputs, outputs, groups,
                                attention=not first),
                    ChannelsLastTemporalConv(outputs, stride, 5, (1, 2), 0., False), residual))
        self._draw_weights()

    def _draw_weights(self) -> None:
        """Initialisation of the authors' code; the graphs have their start already."""
        # Convolutions that lie behind each other in one tensor are drawn as so many small ones.
        layers = {block.gcn1.conv_down[0]: len(block.gcn1.PA) for block in self.net}
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.weight[:, 0].numel() // layers.get(module, module.groups)
                nn.init.normal_(module.weight, 0., (2 / fan_out)**0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
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
        x = self.data_bn(x).view(n * m, v, c, t).transpose(1, 2)
        x = x.contiguous(memory_format=torch.channels_last)
        learns = torch.is_grad_enabled() or any(part.training for part in self.modules())
        if learns or x.is_cuda:
            return self._run(x).unflatten(0, (n, m))
        # Without a backward pass nothing is kept, and smaller tensors are reused sooner.
        return torch.cat([self._run(part) for part in x.split(_PERSONS)]).unflatten(0, (n, m))

    def _run(self, x: Tensor) -> Tensor:
        for block in self.net:
            x = block(x)
        return x.mT.contiguous()

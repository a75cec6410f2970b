from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from cocodiff_mm.utils.graph import build_adjacency

from .ctr_graph_conv import RefinedGraphConv
from .joint_major_temporal import JointMajorShortcut, JointMajorTemporalConv
from .skeleton_backbone import SkeletonBackbone, stages

# Clips that go through the network together where nothing is learned: their features stay in the
# processor's cache.
_CLIPS = 4


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
        """Map (C, N, V, T) to (C', N, V, ceil(T / stride))."""
        y, x = self.gcn1(x)
        return self.tcn1(y, None if self.residual is None else self.residual(x))


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
        pretrained (str, optional): Checkpoint to start from, a file or a URL, of a recognizer or
            of the backbone alone; ``init_weights`` refuses one that does not fit exactly.
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
                         data_bn_type, num_person, pretrained, init_cfg,
                         dict(tcn_relu=tcn_relu))
        self.net = nn.ModuleList()
        for inputs, outputs, stride in stages(base_channels, num_stages, inflate_stages,
                                              down_stages):
            first = len(self.net) == 0
            residual = None if first else nn.Identity()
            if not first and (inputs != outputs or stride > 1):
                residual = JointMajorShortcut(inputs, outputs, 1, stride)
            self.net.append(
                CTRGCNBlock(
                    RefinedGraphConv(in_channels if first else inputs, outputs, adjacency),
                    JointMajorTemporalConv(outputs, stride, kernel_size, dilations,
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
        device, dtype = x.device.type, self.data_bn.weight.dtype
        if torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            learns = torch.is_grad_enabled() or any(part.training for part in self.modules())
            step = len(x) if learns or x.is_cuda else _CLIPS
            parts = [self._clips(part, dtype) for part in x.split(step)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _clips(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        n, m, t, v, c = x.shape
        x = x.to(self.data_bn.weight.dtype).permute(0, 1, 3, 4, 2)
        x = self.data_bn(x.reshape(n * m // (self.num_person or 1), -1, t))
        x = x.view(n * m, v, c, t).permute(2, 0, 1, 3).to(dtype).contiguous()
        for block in self.net:
            x = block(x)
        return x.permute(1, 0, 3, 2).contiguous().unflatten(0, (n, m))

from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from cocodiff_mm.utils.graph import build_adjacency
from cocodiff_mm.utils.hops import hop_distances

from .block_graph_conv import BlockGraphConv
from .joint_embedding import embed_joints
from .joint_major_temporal import JointMajorShortcut, JointMajorTemporalConv
from .skeleton_backbone import SkeletonBackbone, stages
from .topology_encoding import TopologyEncoding

# Clips that go through the network together where nothing is learned: their features stay in the
# processor's cache.
_CLIPS = 4


class BlockGCNBlock(nn.Module):
    """Graph convolution over joints, then temporal convolution, around a residual connection.

    Args:
        gcn (nn.Module): Spatial part.
        tcn (nn.Module): Temporal part.
        residual (nn.Module): What joins their output.
    """

    def __init__(self, gcn: nn.Module, tcn: nn.Module, residual: nn.Module) -> None:
        super().__init__()
        self.gcn1, self.tcn1, self.residual = gcn, tcn, residual

    def forward(self, x: Tensor) -> Tensor:
        """Map (C, V, N, T) to (C', V, N, ceil(T / stride))."""
        return self.tcn1(self.gcn1(x), self.residual(x))


@MODELS.register_module()
class BlockGCN(SkeletonBackbone):
    """BlockGCN, redefined topology awareness for skeletons (CVPR 2024).

    The topology branch sees the joints of the clip: where the backbone learns from another stream
    of it, as bones, the clips bring joints along, see ``joint_channels``. The authors' weights
    fit by name: ``l1.`` is ``net.0.``, ``t0.`` is ``topo.embed.0.`` and ``topo.pl.`` is
    ``topo.elements.``.

    Args:
        graph_cfg (dict): Skeleton, see :func:`~cocodiff_mm.utils.graph.build_adjacency`.
        in_channels (int): Coordinates C of a joint. Defaults to 3.
        joint_channels (int): Coordinates of the joints for the topology branch, which follow the
            ``in_channels`` coordinates of a clip; 0 if the branch shall see these themselves.
            Defaults to 0.
        base_channels (int): Channels of the first block. Defaults to 128.
        num_stages (int): Number of blocks. Defaults to 10.
        inflate_stages (Sequence[int]): Blocks, from 2, that double the channels.
            Defaults to (5, ).
        down_stages (Sequence[int]): Blocks, from 2, that halve the frames. Defaults to (5, 8).
        num_heads (int): Heads of the graph convolutions. Defaults to 8.
        data_bn_type (str): What the embedded input is normalised over time by: ``'MVC'`` person,
            joint and channel, or ``'VC'`` joint and channel. Defaults to ``'MVC'``.
        num_person (int): Persons M of a clip, for ``'MVC'``. Defaults to 2.
        kernel_size (int | Sequence[int]): Frames under the temporal kernels, odd. Defaults to 5.
        dilations (Sequence[int]): Dilations of the temporal convolutions. Defaults to (1, 2).
        published_topology (bool): Whether the topology branch is the authors' to the letter, which
            their checkpoints were trained with: distances are divided by the largest of the whole
            batch, and in batches of several clips persons get vectors of other clips. If not, a
            clip's scores do not depend on the others; for batches of one clip it is the same.
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
                 joint_channels: int = 0,
                 base_channels: int = 128,
                 num_stages: int = 10,
                 inflate_stages: Sequence[int] = (5, ),
                 down_stages: Sequence[int] = (5, 8),
                 num_heads: int = 8,
                 data_bn_type: str = 'MVC',
                 num_person: int = 2,
                 kernel_size: int | Sequence[int] = 5,
                 dilations: Sequence[int] = (1, 2),
                 published_topology: bool = False,
                 pretrained: str | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        hops = hop_distances(build_adjacency(graph_cfg))
        super().__init__(len(hops), in_channels, joint_channels, base_channels, num_stages,
                         down_stages, data_bn_type, num_person, pretrained, init_cfg,
                         dict(published_topology=published_topology))
        if joint_channels < 0:
            raise ValueError(f'joint_channels={joint_channels}, expected 0 or more')
        if num_heads < 1 or base_channels % num_heads:
            raise ValueError(f'base_channels={base_channels} can not be shared out to num_heads='
                             f'{num_heads}; give a multiple')
        self.to_joint_embedding = nn.Linear(in_channels, base_channels)
        self.pos_embedding = nn.Parameter(torch.randn(1, self.num_joints, base_channels))
        self.net, widths = nn.ModuleList(), []
        for inputs, outputs, stride in stages(base_channels, num_stages, inflate_stages,
                                              down_stages):
            residual = nn.Identity()
            if inputs != outputs or stride > 1:
                residual = JointMajorShortcut(inputs, outputs, 1, stride)
            self.net.append(
                BlockGCNBlock(
                    BlockGraphConv(inputs, outputs, hops, num_heads),
                    JointMajorTemporalConv(outputs, stride, kernel_size, dilations, 0., False),
                    residual))
            widths.append(inputs)
        self.topo = TopologyEncoding(widths, published_topology)
        # What is not drawn here has its start already.
        self.draw_convolutions()
        self.draw_norms(self.net)

    def forward(self, x: Tensor) -> Tensor:
        """Features of every person, frame and joint.

        Args:
            x (Tensor): Skeletons, shape (N, M, T, V, C), ``joint_channels`` coordinates included.

        Returns:
            Tensor: Shape (N, M, C', T', V), T' = T halved, rounding up, in each of
            ``down_stages``.

        Raises:
            ValueError: If the shape does not fit the settings, or a single person is all there is
                to normalise by in training.
        """
        self.check_clips(x)
        n, m, t, v, _ = x.shape
        device = x.device.type
        dtype = self.to_joint_embedding.weight.dtype
        if torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            x = x.to(self.to_joint_embedding.weight.dtype)
            topology = [rows.to(dtype).view(-1, n, m)
                        for rows in self.topo(x[..., -(self.more_channels or self.in_channels):])]
            x = x[..., :self.in_channels]
            learns = torch.is_grad_enabled() or any(part.training for part in self.modules())
            step = n if learns or x.is_cuda else _CLIPS
            parts = [self._clips(x[i:i + step], [rows[:, i:i + step] for rows in topology], dtype)
                     for i in range(0, n, step)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _clips(self, x: Tensor, topology: list[Tensor], dtype: torch.dtype) -> Tensor:
        n, m, t, v, c = x.shape
        x = x.reshape(n * m // (self.num_person or 1), -1, t, v, c)
        x = embed_joints(x, self.to_joint_embedding, self.pos_embedding, self.data_bn).to(dtype)
        for block, rows in zip(self.net, topology, strict=True):
            x = block(x + rows.reshape(len(rows), 1, n * m, 1))
        return x.permute(2, 0, 3, 1).contiguous().unflatten(0, (n, m))

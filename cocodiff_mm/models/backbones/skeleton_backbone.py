from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from cocodiff_mm.utils.backbone_weights import load_backbone
from cocodiff_mm.utils.choices import check_choice


class SkeletonBackbone(BaseModule):
    """What the graph networks share: settings of clips, their checks, the first batch norm.

    Args:
        num_joints (int): Joints V of the graph.
        in_channels (int): Coordinates C of a joint that the network learns from.
        more_channels (int): Coordinates that clips have beyond those.
        norm_channels (int): Channels of a joint where it is first normalised.
        num_stages (int): Number of blocks.
        down_stages (Sequence[int]): Blocks, from 2, that halve the frames.
        data_bn_type (str): ``'MVC'`` or ``'VC'``: whether that batch norm tells persons apart.
        num_person (int): Persons M of a clip, for ``'MVC'``.
        pretrained (str | None): Checkpoint to start from, of a recognizer or of the backbone.
        init_cfg (dict | list[dict] | None): As of ``BaseModule``.
        settings (Mapping): Settings that the scores depend on and no weight's shape shows, which
            must be as the weights of ``pretrained`` need them.

    Raises:
        ValueError: If a setting is not valid.
    """

    def __init__(self, num_joints: int, in_channels: int, more_channels: int, norm_channels: int,
                 num_stages: int, down_stages: Sequence[int], data_bn_type: str, num_person: int,
                 pretrained: str | None, init_cfg: dict | list[dict] | None,
                 settings: Mapping[str, Any]) -> None:
        if pretrained is not None and init_cfg is not None:
            raise ValueError(f'got both pretrained={pretrained!r} and init_cfg={init_cfg}; give '
                             'one of them')
        super().__init__(init_cfg=init_cfg)
        self.pretrained, self._settings = pretrained, settings
        check_choice('data_bn_type', data_bn_type, ('MVC', 'VC'))
        if num_stages < 1 or num_person < 1 or in_channels < 1:
            raise ValueError(f'num_stages={num_stages}, num_person={num_person}, in_channels='
                             f'{in_channels}, expected at least 1')
        self.num_joints, self.in_channels, self.more_channels = (num_joints, in_channels,
                                                                 more_channels)
        self.down_stages = sorted({stage for stage in down_stages if 2 <= stage <= num_stages})
        # None: batch norm sees persons as samples, however many there are.
        self.num_person = num_person if data_bn_type == 'MVC' else None
        self.data_bn = nn.BatchNorm1d((self.num_person or 1) * num_joints * norm_channels)

    def init_weights(self) -> None:
        """Apply ``init_cfg``, or load ``pretrained``: the first time, as modules of MMEngine do.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is broken, or not exactly the weights of this backbone.
        """
        first = not self.is_init
        super().init_weights()
        if first and self.pretrained is not None:
            load_backbone(self, self._settings, self.pretrained)

    def check_clips(self, x: Tensor) -> None:
        """Refuse clips that are not of shape (N, M, T, V, C) or do not fit the settings.

        Raises:
            ValueError: Naming the number found, the number expected and the setting.
        """
        name = type(self).__name__
        if x.dim() != 5 or 0 in x.shape:
            raise ValueError(f'{name} takes clips of shape (N, M, T, V, C), none of them 0, got '
                             f'{tuple(x.shape)}')
        channels = 'in_channels and joint_channels' if self.more_channels else 'in_channels'
        wanted = [(1, 'persons', self.num_person, "num_person (data_bn_type='VC' takes any)"),
                  (3, 'joints', self.num_joints, 'graph_cfg.layout'),
                  (4, 'coordinates', self.in_channels + self.more_channels, channels)]
        for dim, what, number, setting in wanted:
            if number is not None and x.shape[dim] != number:
                raise ValueError(f'clips of shape (N, M, T, V, C) = {tuple(x.shape)} have '
                                 f'{x.shape[dim]} {what}, but {name} was built for {number}; '
                                 f'set {setting} in the config of the backbone, or change the '
                                 'pipeline')
        shortest = 2**len(self.down_stages)
        if x.shape[2] < shortest:
            raise ValueError(f'clips of shape (N, M, T, V, C) = {tuple(x.shape)} have {x.shape[2]} '
                             f'frames, but {name} halves them in down_stages={self.down_stages} '
                             f'and takes at least {shortest}; sample longer clips in the pipeline, '
                             'or give fewer down_stages')

    def draw_convolutions(self) -> None:
        """Initialisation that the published CTR-GCN and BlockGCN share."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out')
                nn.init.zeros_(module.bias)

    def draw_norms(self, blocks: nn.ModuleList) -> None:
        """Initialisation of the batch norms of blocks, which all published networks share."""
        for block in blocks:
            # Each graph convolution starts as its residual connection.
            nn.init.constant_(block.gcn1.bn.weight, 1e-6)
            for module in block.tcn1.modules():
                if isinstance(module, nn.BatchNorm2d):
                    nn.init.normal_(module.weight, 1., 0.02)


def stages(base_channels: int, num_stages: int, inflate_stages: Sequence[int],
           down_stages: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Input channels, output channels and stride in frames of each block.

    The first block takes and gives ``base_channels`` with stride 1, whatever the others do.
    """
    channels = base_channels
    for stage in range(1, num_stages + 1):
        first = stage == 1
        width = channels * (2 if not first and stage in inflate_stages else 1)
        yield channels, width, 2 if not first and stage in down_stages else 1
        channels = width

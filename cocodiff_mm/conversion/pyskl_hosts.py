from collections.abc import Mapping

from torch import Tensor

from .weight_source import Part, WeightSource


class PysklHost(WeightSource):
    """ST-GCN, ST-GCN++ and AAGCN of PYSKL: as MMAction2's but for the name of the classifier."""

    sampling = 'pyskl'

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__(state)
        self.classes = self.size('cls_head.fc_cls.weight', 0)
        joints = self.size('backbone.gcn.0.gcn.A', -1)
        self.adaptive = 'backbone.gcn.0.gcn.conv_a.0.weight' in state
        if self.adaptive:
            self.attention = 'backbone.gcn.0.gcn.conv_ta.weight' in state
            channels = self.size('backbone.gcn.0.gcn.conv_a.0.weight', 1)
            kind = dict(type='AAGCN', gcn_attention=self.attention,
                        num_person=self.find_persons(joints, channels))
        else:
            channels = self.size('backbone.gcn.0.gcn.conv.weight', 1)
            kind = dict(type='STGCN')
            if any('.tcn.branches.' in key for key in state):
                kind.update(gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn')
        self.backbone = dict(
            kind, graph_cfg=dict(self.find_layout(joints), mode='spatial'), in_channels=channels,
            **self.find_stages('backbone.gcn.', 0, 'gcn.bn.weight'))

    def overrides(self) -> dict[str, object]:
        """What differs from MMAction2's recipes of these networks."""
        return dict(gcn_attention=True) if self.adaptive and self.attention else {}

    def part(self, key: str) -> Part:
        """Where a tensor of MMAction2's recognizer comes from."""
        return Part([key.replace('cls_head.fc.', 'cls_head.fc_cls.')])

import re
from collections.abc import Mapping

from torch import Tensor

from .weight_source import Part, WeightSource


class MMLabCTRGCN(WeightSource):
    """CTR-GCN of MMAction2's project and of PYSKL, which aggregate over the transposed topology.

    Joint v takes ``topology[u, v]`` of joint u there. With ``PA`` transposed, and with the
    negative ``conv2`` for ``conv1`` and the other way round, the authors' network does the same.
    """

    sampling = 'pyskl'

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__(state)
        self.head = 'cls_head.fc_cls.' if 'cls_head.fc_cls.weight' in state else 'cls_head.fc.'
        self.classes = self.size(f'{self.head}weight', 0)
        joints = self.size('backbone.net.0.gcn1.A', -1)
        channels = self.size('backbone.net.0.gcn1.convs.0.conv3.weight', 1)
        self.backbone = dict(
            type='CTRGCN', graph_cfg=self.find_layout(joints), in_channels=channels,
            num_person=self.find_persons(joints, channels), tcn_relu=True,
            **self.find_stages('backbone.net.', 0))
        self.settings = dict(tcn_relu=[True])
        if 'backbone.A' in state:
            self.left_out = {'backbone.A': 'the graph before training; each block has its own'}

    def part(self, key: str) -> Part:
        """Where a tensor of our recognizer comes from."""
        if key.endswith('.gcn1.PA'):
            return Part([key.removesuffix('PA') + 'A'], 'transposed')
        found = re.fullmatch(r'(.+\.gcn1\.convs\.\d+\.conv)([12])(\..+)', key)
        if found:
            return Part([found[1] + {'1': '2', '2': '1'}[found[2]] + found[3]], 'negated')
        return Part([key.replace('cls_head.fc.', self.head)])

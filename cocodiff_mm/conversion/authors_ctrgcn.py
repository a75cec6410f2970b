from collections.abc import Mapping

from torch import Tensor

from .weight_source import Part, WeightSource, authors_key


class AuthorsCTRGCN(WeightSource):
    """CTR-GCN as its authors save it: the same tensors by other names."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__(state)
        self.classes = self.size('fc.weight', 0)
        joints = self.size('l1.gcn1.PA', -1)
        channels = self.size('l1.gcn1.convs.0.conv3.weight', 1)
        self.backbone = dict(
            type='CTRGCN', graph_cfg=self.find_layout(joints), in_channels=channels,
            num_person=self.find_persons(joints, channels), tcn_relu=False,
            **self.find_stages('l', 1))
        self.settings = dict(tcn_relu=[False, None])

    def part(self, key: str) -> Part:
        """Where a tensor of our recognizer comes from."""
        return Part([authors_key(key)])

import re
from collections.abc import Mapping

from torch import Tensor

from .weight_source import Part, WeightSource, authors_key


class AuthorsBlockGCN(WeightSource):
    """BlockGCN as its authors save it: the same tensors by other names."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__(state)
        self.classes = self.size('fc.weight', 0)
        joints = self.size('l1.gcn1.fc1', -1)
        stages = self.find_stages('l', 1)
        self.backbone = dict(
            type='BlockGCN', graph_cfg=self.find_layout(joints),
            in_channels=self.size('to_joint_embedding.weight', 1),
            num_person=self.find_persons(joints, stages['base_channels']),
            num_heads=self.size('l1.gcn1.fc1', 1), published_topology=True, **stages)
        self.settings = dict(published_topology=[True])
        self.notes.append(
            'with published_topology=True, as it was trained, the scores of a clip depend on the '
            'others in its batch: for the published accuracy test with their batch size, '
            'test_dataloader.batch_size=64')

    def part(self, key: str) -> Part:
        """Where a tensor of our recognizer comes from."""
        key = re.sub(r'^topo\.embed\.(\d+)', r't\1', authors_key(key))
        return Part([re.sub(r'^topo\.elements\.', 'topo.pl.', key)])

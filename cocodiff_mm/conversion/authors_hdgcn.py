import re
from collections.abc import Mapping

import torch
from torch import Tensor

from cocodiff_mm.utils.hierarchy import hierarchy_adjacency, joint_groups

from .weight_source import Part, WeightSource, authors_key


class AuthorsHDGCN(WeightSource):
    """HD-GCN as its authors save it: a tensor for each layer of the hierarchy, the last twice."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__(state)
        self.classes = self.size('fc.weight', 0)
        joints, self.layers = self.size('l1.gcn1.PA', -1), self.size('l1.gcn1.PA', 0)
        self.subsets = self.size('l1.gcn1.PA', 1)
        channels = self.size('l1.gcn1.conv_down.0.0.weight', 1)
        graph_cfg = self.find_layout(joints)
        self.backbone = dict(
            type='HDGCN', graph_cfg=graph_cfg, in_channels=channels, max_layers=self.layers,
            num_person=self.find_persons(joints, channels), **self.find_stages('l', 1))
        self._find_center(graph_cfg['layout'], joints)
        for key in state:
            copy = re.fullmatch(r'(l\d+\.gcn1\.)conv_d\.(.+)', key)
            if copy:
                self.copies[key] = f'{copy[1]}conv.{self.layers - 1}.{copy[2]}'

    def overrides(self) -> dict[str, object]:
        """As of any source, without the centre of mass that is the default."""
        named = super().overrides()
        if None in self.settings.get('center_of_mass', []):
            del named['center_of_mass']
        return named

    def part(self, key: str) -> Part:
        """Where a tensor of our recognizer comes from."""
        key = authors_key(key)
        layers = range(self.layers)
        found = re.fullmatch(r'(l\d+\.gcn1\.)(conv_down|conv|edge_conv)\.(.+)', key)
        if found is None:
            bias = re.fullmatch(r'(l\d+\.tcn1\.branches\.\d+\.3\.)conv\.bias', key)
            return Part([key]) if bias is None else Part([f'{bias[1]}bias'], 'flattened')
        block, kind, rest = found.groups()
        if kind == 'conv_down':
            return Part([f'{block}conv_down.{layer}.{rest}' for layer in layers])
        if kind == 'edge_conv':
            return Part([f'{block}conv.{layer}.{self.subsets}.{rest}' for layer in layers])
        return Part([f'{block}conv.{layer}.{subset}.{rest}' for layer in layers
                     for subset in range(self.subsets)])

    def _find_center(self, layout: str, joints: int) -> None:
        """Joint that the hierarchy starts from: the one whose graphs the learned ones resemble."""
        learned = [value.double() for key, value in self.state.items()
                   if re.fullmatch(r'l\d+\.gcn1\.PA', key)]
        likeness = {}
        for joint in range(joints):
            start = hierarchy_adjacency(joint_groups(layout, joint, self.layers)).double()
            if all(start.shape == value.shape for value in learned):
                likeness[joint + 1] = float(torch.stack([
                    torch.cosine_similarity(start.flatten(), value.flatten(), 0)
                    for value in learned]).mean())
        best, *others = sorted(likeness, key=likeness.get, reverse=True) or [None]
        if best is None or others and likeness[best] < 1.1 * likeness[others[0]] + 0.02:
            self.notes.append(
                'the learned graphs do not tell which centre of mass they started from, and the '
                'scores depend on it: give the one that the network was trained with, '
                'model.backbone.center_of_mass=21, 1 or 2 for NTU RGB+D')
            return
        self.notes.append(f'its graphs started from centre of mass {best}: they are like those by '
                          f'{likeness[best]:.2f}, like the next ones by '
                          f'{likeness[others[0]] if others else 0.:.2f} (cosine)')
        groups = joint_groups(layout, best - 1, self.layers)
        is_default = groups == joint_groups(layout, None, self.layers)
        self.backbone['center_of_mass'] = best
        self.settings['center_of_mass'] = [best, None] if is_default else [best]

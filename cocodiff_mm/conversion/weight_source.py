import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from mmaction.registry import MODELS
from torch import Tensor

from cocodiff_mm.utils.weight_origin import DATA_SETS

# Layouts by number of joints, where the classes do not name the data set.
LAYOUTS = {25: 'nturgb+d', 20: 'nwucla', 18: 'openpose', 17: 'coco', 15: 'sbu'}
PUBLISHED_BLOCKS = 10
CHANGES = {
    '': lambda value: value,
    'negated': torch.neg,
    'transposed': lambda value: value.mT.contiguous(),
    'flattened': torch.flatten,
}


@dataclass(frozen=True)
class Part:
    """Where a tensor of ours comes from.

    Args:
        keys (Sequence[str]): Tensors of the file, which lie behind each other in ours.
        change (str): What is done to each of them, a key of ``CHANGES``. Defaults to ``''``.
    """

    keys: Sequence[str]
    change: str = ''

    def shape(self, ours: Sequence[int]) -> tuple[int, ...]:
        """Shape of each tensor of the file for a shape of ours."""
        if len(ours) and len(self.keys) > 1:
            ours = (ours[0] // len(self.keys), *ours[1:])
        if self.change == 'flattened':
            ours = (1, *ours, 1, 1)
        if self.change == 'transposed':
            ours = (*ours[:-2], ours[-1], ours[-2])
        return tuple(ours)


class WeightSource(ABC):
    """Weights as somebody else saves them: what network they are of, and where each tensor goes.

    Args:
        state (Mapping[str, Tensor]): The weights.

    Attributes:
        backbone (dict): Config of the backbone that they are of.
        classes (int): Number of classes.
        settings (dict[str, list]): Settings of the backbone that scores depend on and no shape
            shows, each with the values that a config may give it; None stands for no value.
        left_out (dict[str, str]): Tensors that the network does not need, and why.
        copies (dict[str, str]): Tensors that are in the file a second time, and their first names.
        sampling (str): Value of the recipes' variable that the network was trained with.
        notes (list[str]): What else the user should know, a sentence each.

    Raises:
        ValueError: If a tensor is missing that tells a setting, or the settings are none of ours.
    """

    sampling = 'official'

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state
        self.left_out: dict[str, str] = {}
        self.copies: dict[str, str] = {}
        self.notes: list[str] = []
        self.settings: dict[str, list] = {}
        self.backbone: dict = {}
        self.classes = 0

    @abstractmethod
    def part(self, key: str) -> Part:
        """Where a tensor of our recognizer comes from."""

    def overrides(self) -> dict[str, object]:
        """Settings of the backbone that are not the default, for ``--cfg-options``.

        Graph and persons are the data set's.
        """
        taken = inspect.signature(MODELS.get(self.backbone['type'])).parameters
        return {name: value for name, value in self.backbone.items()
                if name not in ('type', 'graph_cfg', 'num_person')
                and not _same(taken[name].default, value)}

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of a tensor of the file.

        Raises:
            ValueError: If the file does not have it.
        """
        if key not in self.state:
            raise ValueError(f'not complete: it has no {key}')
        return tuple(self.state[key].shape)

    def size(self, key: str, dim: int) -> int:
        """Size of one dimension of a tensor of the file.

        Raises:
            ValueError: If the file does not have it.
        """
        shape = self.shape(key)
        if dim not in range(-len(shape), len(shape)):
            raise ValueError(f'not as expected: {key} has the shape {shape}')
        return shape[dim]

    def find_layout(self, joints: int) -> dict:
        """``graph_cfg`` for a number of joints.

        Raises:
            ValueError: If no layout has so many.
        """
        data = DATA_SETS.get((joints, self.classes))
        layout = 'utd_mhad' if data == 'utd_mhad' else LAYOUTS.get(joints)
        if layout is None:
            raise ValueError(f'of {joints} joints, which no layout of this package has; there are '
                             + ', '.join(f'{name} ({count})' for count, name in LAYOUTS.items()))
        return dict(layout=layout)

    def find_persons(self, joints: int, channels: int) -> int:
        """Persons that the first batch norm tells apart.

        Raises:
            ValueError: If it does not have a multiple of the channels of a person.
        """
        total = self.size('data_bn.weight' if 'data_bn.weight' in self.state
                          else 'backbone.data_bn.weight', 0)
        if total == 0 or total % (joints * channels):
            raise ValueError(f'not as expected: data_bn has {total} channels, which is no multiple '
                             f'of {joints} joints x {channels} channels')
        return total // (joints * channels)

    def find_stages(self, prefix: str, first: int, norm: str = 'gcn1.bn.weight') -> dict:
        """Settings of the blocks, which are called ``prefix`` and a number from ``first``.

        Blocks whose residual connection has weights halve the frames, as they do where published;
        in networks of other depth this is said.

        Raises:
            ValueError: If there is no block, or its channels are neither those of the one before
                nor twice as many.
        """
        pattern = re.compile(re.escape(prefix) + r'(\d+)\.')
        numbers = {int(found[1]) for found in map(pattern.match, self.state) if found}
        count = len(numbers)
        if numbers != set(range(first, first + count)) or not count:
            raise ValueError(f'not complete: it has the blocks {sorted(numbers)}, expected all '
                             f'from {first}')
        blocks = [f'{prefix}{number}.' for number in sorted(numbers)]
        widths = [self.size(f'{block}{norm}', 0) for block in blocks]
        if any(width not in (before, 2 * before)
               for before, width in zip(widths[:-1], widths[1:], strict=True)):
            raise ValueError(f'of blocks with {widths} channels, which must stay or double')
        if count != PUBLISHED_BLOCKS:
            self.notes.append(
                'no weights tell whether a block that doubles the channels also halves the frames; '
                'it is taken to, as in the published networks')
        return dict(
            base_channels=widths[0],
            num_stages=count,
            inflate_stages=[i + 1 for i in range(1, count) if widths[i] > widths[i - 1]],
            down_stages=[i + 1 for i in range(1, count)
                         if f'{blocks[i]}residual.conv.weight' in self.state])


def _same(one: object, other: object) -> bool:
    return (list(one) == list(other) if isinstance(one, Sequence) and isinstance(other, Sequence)
            else one == other)


def authors_key(key: str) -> str:
    """Name that the authors of the three networks would give a tensor of our recognizer."""
    key = key.removeprefix('cls_head.').removeprefix('backbone.')
    return re.sub(r'^net\.(\d+)\.', lambda found: f'l{int(found[1]) + 1}.', key)

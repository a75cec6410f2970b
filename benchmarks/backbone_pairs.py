"""Each backbone and its naive form, layer by layer as its paper has it, with the same weights."""

import copy
import re
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

import cocodiff_mm  # noqa: F401  (first: mmaction.models cannot be imported without it)

# isort: split
from cocodiff_mm.models.backbones import CTRGCN, HDGCN, BlockGCN
from cocodiff_mm.utils.graph import build_adjacency
from cocodiff_mm.utils.hierarchy import hierarchy_adjacency, joint_groups

# The naive forms are the references of the tests. They are not installed with the package, but a
# benchmark is run from a checkout, which has them.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))

from references import hdgcn_naive  # noqa: E402
from references.blockgcn_naive import NaiveBlockGCN  # noqa: E402
from references.ctrgcn_naive import NaiveCTRGCN  # noqa: E402

GRAPH = dict(layout='nturgb+d', mode='spatial')
WIDTHS = dict(CTRGCN=64, HDGCN=64, BlockGCN=128)  # base_channels as published
PERSONS, JOINTS, CHANNELS, CLASSES = 2, 25, 3, 120
KINDS = ('ours', 'naive')
DTYPES = dict(fp32=torch.float32, bf16=torch.bfloat16)
_EQUAL = 1e-9


class Scorer(nn.Module):
    """A backbone, its mean over frames, joints and persons, and a linear classifier."""

    def __init__(self, backbone: nn.Module, channels: int) -> None:
        super().__init__()
        self.backbone, self.fc = backbone, nn.Linear(channels, CLASSES)

    def forward(self, clips: Tensor) -> Tensor:
        return self.fc(self.backbone(clips).mean((1, 3, 4)))


class TrainingStep:
    """Forward pass, loss, backward pass and an SGD step; the optimizer is the recipes'."""

    def __init__(self, model: nn.Module, clips: Tensor, dtype: torch.dtype) -> None:
        self.model, self.clips, self.dtype = model, clips, dtype
        self.labels = torch.arange(len(clips), device=clips.device) % CLASSES
        self.optimizer = torch.optim.SGD(
            model.parameters(), lr=1e-4, momentum=0.9, weight_decay=4e-4, nesterov=True)

    def __call__(self) -> None:
        self.model.train()
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()

    def loss(self) -> Tensor:
        # Kept casts of weights would be of no use: the weights change at every step.
        with torch.autocast(self.clips.device.type, self.dtype, cache_enabled=False,
                            enabled=self.dtype != torch.float32):
            return functional.cross_entropy(self.model(self.clips), self.labels)


class Forward:
    """Scores of clips in evaluation mode, without gradients."""

    def __init__(self, model: nn.Module, clips: Tensor, dtype: torch.dtype) -> None:
        self.model, self.clips, self.dtype = model, clips, dtype

    @torch.no_grad()
    def __call__(self) -> Tensor:
        self.model.eval()
        with torch.autocast(self.clips.device.type, self.dtype,
                            enabled=self.dtype != torch.float32):
            return self.model(self.clips)


WORK = {'training step': TrainingStep, 'forward': Forward}


def make_clips(number: int, frames: int, device: str = 'cpu') -> Tensor:
    """Standing persons that sway, shape (N, M, T, V, C); the numbers do not change the times."""
    generator = torch.Generator().manual_seed(0)
    body = torch.randn(number, PERSONS, 1, JOINTS, CHANNELS, generator=generator)
    sway = torch.randn(number, PERSONS, frames, JOINTS, CHANNELS, generator=generator)
    return (body + 0.1 * sway.cumsum(2)).to(device)


def make_scorer(name: str, kind: str, width: int) -> Scorer:
    """Scorer on the backbone ``name``, ours or naive, of ``width`` base channels."""
    if kind == 'naive':
        backbone = _naive(name, width)
    else:
        backbone = dict(CTRGCN=CTRGCN, HDGCN=HDGCN, BlockGCN=BlockGCN)[name](
            GRAPH, base_channels=width)
    return Scorer(backbone, width * (2 if name == 'BlockGCN' else 4))


def make_pair(name: str, width: int, frames: int) -> dict[str, Scorer]:
    """Both forms with the same weights, which are off their start."""
    torch.manual_seed(0)
    ours, naive = (make_scorer(name, kind, width) for kind in KINDS)
    _leave_start(naive, make_clips(2, frames))
    translate = dict(CTRGCN=dict, HDGCN=hdgcn_naive.side_by_side, BlockGCN=_blockgcn_names)[name]
    ours.backbone.load_state_dict(translate(naive.backbone.state_dict()))
    ours.fc.load_state_dict(naive.fc.state_dict())
    return dict(ours=ours, naive=naive)


def check_equal(pair: dict[str, Scorer], name: str, frames: int) -> float:
    """Largest difference of the scores of both forms in fp64, of the largest score.

    Raises:
        ValueError: If the two differ by more than rounding.
    """
    clips, worst = make_clips(2, frames).double(), 0.
    for training in (False, True):
        ours, naive = (copy.deepcopy(pair[kind]).double().train(training) for kind in KINDS)
        with torch.no_grad():
            expected = naive(clips)
            worst = max(worst, ((ours(clips) - expected).abs().max()
                                / expected.abs().max()).item())
    if not worst <= _EQUAL:
        raise ValueError(f'{name} and its naive form differ by {worst:.1e} of the largest score in '
                         f'fp64, expected {_EQUAL:.0e} at most: their times can not be compared; '
                         f'run tests/models/backbones/test_{name.lower()}.py')
    return worst


def _naive(name: str, width: int) -> nn.Module:
    if name == 'BlockGCN':
        return NaiveBlockGCN(build_adjacency(GRAPH), base=width)
    channels = [width * (1 if i < 4 else 2 if i < 7 else 4) for i in range(10)]
    if name == 'CTRGCN':
        return NaiveCTRGCN(build_adjacency(GRAPH), channels)
    groups = joint_groups(GRAPH['layout'])
    members = [near + far for near, far in zip(groups, groups[1:], strict=False)]
    return hdgcn_naive.NaiveHDGCN(hierarchy_adjacency(groups), members, channels)


def _leave_start(model: nn.Module, clips: Tensor) -> None:
    """Weights and statistics as after some training.

    At their start the graph convolutions add next to nothing, and a comparison of scores would
    not see them.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        norms = [part for part in model.modules()
                 if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d))]
        for norm in norms:
            norm.momentum = 1.
        model.train()(clips)
        for norm in norms:
            norm.momentum = 0.1


def _blockgcn_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of ours for tensors with the published names."""
    rules = [(r'^l(\d+)\.', lambda found: f'net.{int(found[1]) - 1}.'),
             (r'^t(\d+)\.', r'topo.embed.\1.'), (r'^topo\.pl\.', 'topo.elements.')]
    renamed = {}
    for name, value in state.items():
        for pattern, new in rules:
            name = re.sub(pattern, new, name)
        renamed[name] = value
    return renamed

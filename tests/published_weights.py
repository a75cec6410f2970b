"""Weights as the authors of the networks name them, and the scores of what becomes of them."""

import re
from collections import OrderedDict

import torch
from mmaction.registry import MODELS
from torch import nn

SMALL = dict(base_channels=16, num_stages=3, inflate_stages=[2], down_stages=[2, 3])


def shaken(network: nn.Module, *shape: int) -> nn.Module:
    """In eval mode with every weight off its start and the statistics of random clips."""
    for name, parameter in network.named_parameters():
        if name.endswith(('PA', '.A', 'bias', 'rpe', 'fc1')):
            parameter.data += 0.1 * torch.randn_like(parameter)
        elif parameter.dim() == 1:
            parameter.data.uniform_(0.5, 1.5)
    for _ in range(3):
        network.double().train()(torch.randn(*shape, dtype=torch.float64))
    return network.eval()


def classifier(width: int, classes: int) -> nn.Linear:
    """What takes features to scores."""
    return nn.Linear(width, classes).double()


def pooled(features: torch.Tensor) -> torch.Tensor:
    """Features (N, M, C, T, V) as (N, C)."""
    return features.mean((3, 4)).mean(1)


def authors_file(network: nn.Module, fc: nn.Linear) -> OrderedDict:
    """The file that a network with the authors' names, and its classifier, would be saved to."""
    return OrderedDict([*network.state_dict().items(),
                        *((f'fc.{name}', value) for name, value in fc.state_dict().items())])


def authors_names(state) -> OrderedDict:
    """Weights of our recognizer of CTR-GCN or BlockGCN under the names of their authors."""
    renamed = OrderedDict()
    for key, value in state.items():
        key = key.removeprefix('backbone.').removeprefix('cls_head.')
        key = re.sub(r'^net\.(\d+)\.', lambda found: f'l{int(found[1]) + 1}.', key)
        key = re.sub(r'^topo\.embed\.(\d+)\.', r't\1.', key)
        renamed[re.sub(r'^topo\.elements\.', 'topo.pl.', key)] = value
    return renamed


def recognizer(backbone: dict, classes: int, width: int) -> nn.Module:
    """A recognizer of this package in double precision, in eval mode."""
    return MODELS.build(dict(
        type='RecognizerGCN', backbone=backbone,
        cls_head=dict(type='GCNHead', num_classes=classes, in_channels=width))).double().eval()


def scores(conversion, clips: torch.Tensor) -> torch.Tensor:
    """Scores of converted weights in a network built as the conversion says."""
    model = MODELS.build(conversion.model).double().eval()
    model.load_state_dict(conversion.state_dict)
    return model.cls_head(model.backbone(clips))

"""HD-GCN written down from the paper (arXiv 2208.10741) layer by layer, for comparison only.

Parameters have the names of the published checkpoints; :func:`side_by_side` gives those of ours.
"""

import re

import torch
from torch import nn


class NaiveHDGCN(nn.Module):
    """Backbone ``l1`` to ``lN`` on skeletons (N, M, T, V, C); returns (N, M, C', T', V).

    ``adjacency`` has the shape (L, 3, V, V), ``members`` lists the joints of each layer.
    """

    def __init__(self, adjacency, members, channels=(64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
                 strides=(1, 1, 1, 1, 2, 1, 1, 2, 1, 1), in_channels=3, num_person=2):
        super().__init__()
        self.data_bn = nn.BatchNorm1d(num_person * adjacency.shape[-1] * in_channels)
        self.count = len(channels)
        for i, (width, stride) in enumerate(zip(channels, strides, strict=True)):
            setattr(self, f'l{i + 1}',
                    Block(in_channels, width, adjacency, members, stride, first=i == 0))
            in_channels = width

    def forward(self, x):
        n, m, t, v, c = x.shape
        x = self.data_bn(x.permute(0, 1, 3, 4, 2).reshape(n, m * v * c, t))
        x = x.reshape(n * m, v, c, t).permute(0, 2, 3, 1)
        for i in range(self.count):
            x = getattr(self, f'l{i + 1}')(x)
        return x.reshape(n, m, *x.shape[1:])


class Block(nn.Module):

    def __init__(self, inputs, outputs, adjacency, members, stride, first):
        super().__init__()
        self.gcn1 = GraphConv(inputs, outputs, adjacency, members, attention=not first)
        self.tcn1 = MultiScale(outputs, stride)
        self.first = first
        self.residual = nn.Identity()
        if not first and (inputs != outputs or stride > 1):
            self.residual = nn.Module()
            self.residual.conv = nn.Conv2d(inputs, outputs, 1, (stride, 1))
            self.residual.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.tcn1(self.gcn1(x))
        if self.first:
            return torch.relu_(y)
        if isinstance(self.residual, nn.Identity):
            return torch.relu_(y + x)
        return torch.relu_(y + self.residual.bn(self.residual.conv(x)))


class GraphConv(nn.Module):

    def __init__(self, inputs, outputs, adjacency, members, attention):
        super().__init__()
        width = outputs // 4
        self.PA = nn.Parameter(adjacency.clone())
        self.conv_down = nn.ModuleList(pointwise(inputs, width, relu=True) for _ in adjacency)
        self.conv = nn.ModuleList()
        for _ in adjacency:
            subsets = [pointwise(width, width) for _ in range(3)]
            self.conv.append(nn.ModuleList([*subsets, EdgeConv(width, 5)]))
        self.conv_d = self.conv[-1]  # the published checkpoints hold the last layer twice
        self.aha = Attention(outputs, members) if attention else None
        self.down = pointwise(inputs, outputs) if inputs != outputs else nn.Identity()
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        layers = []
        for graphs, reduce, convs in zip(self.PA, self.conv_down, self.conv, strict=True):
            y = reduce(x)
            parts = [conv(torch.einsum('nctv,uv->nctu', y, graph))
                     for graph, conv in zip(graphs, convs, strict=False)]
            edges = convs[3](y.mean(2))
            parts.append(edges[:, :, None].expand_as(parts[0]))
            layers.append(torch.cat(parts, 1))
        layers = torch.stack(layers, 2)
        y = layers.sum(2) if self.aha is None else self.aha(layers)
        return torch.relu_(self.bn(y).add_(self.down(x)))


class EdgeConv(nn.Module):
    """Maximum over the nearest points of what an edge to each of them yields; points (N, C, P)."""

    def __init__(self, width, neighbours):
        super().__init__()
        self.neighbours = neighbours
        self.conv = nn.Sequential(nn.Conv2d(2 * width, width, 1, bias=False),
                                  nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True))

    def forward(self, x):
        number, points = min(self.neighbours, x.shape[2]), x.shape[2]
        nearest = torch.cdist(x.mT, x.mT).topk(number, largest=False).indices
        clip = torch.arange(len(x), device=x.device)[:, None, None]
        others = x.mT[clip, nearest].permute(0, 3, 1, 2)
        own = x[..., None].expand(-1, -1, points, number)
        return self.conv(torch.cat([others - own, own], 1)).max(3)[0]


class Attention(nn.Module):
    """Sum of the layers (N, C, L, T, V), each channel of a layer weighted between 0 and 1."""

    def __init__(self, channels, members):
        super().__init__()
        self.members = members
        self.conv_down = pointwise(channels, channels // 4, relu=True)
        self.edge_conv = EdgeConv(channels // 4, 3)
        self.aggregate = nn.Conv1d(channels // 4, channels, 1)

    def forward(self, x):
        y = self.conv_down(x.max(3)[0])
        y = torch.stack([y[:, :, i, joints].mean(2) for i, joints in enumerate(self.members)], 2)
        weights = torch.sigmoid(self.aggregate(self.edge_conv(y)))
        return (x * weights[..., None, None]).sum(2)


class MultiScale(nn.Module):

    def __init__(self, channels, stride):
        super().__init__()
        width = channels // 4
        self.branches = nn.ModuleList(
            nn.Sequential(*pointwise(channels, width, relu=True),
                          TemporalConv(width, stride, dilation)) for dilation in (1, 2))
        self.branches.append(
            nn.Sequential(*pointwise(channels, width, relu=True),
                          nn.MaxPool2d((3, 1), (stride, 1), (1, 0)), nn.BatchNorm2d(width)))
        self.branches.append(
            nn.Sequential(nn.Conv2d(channels, width, 1, (stride, 1)), nn.BatchNorm2d(width)))

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class TemporalConv(nn.Module):

    def __init__(self, width, stride, dilation):
        super().__init__()
        self.conv = nn.Conv2d(width, width, (5, 1), (stride, 1), (2 * dilation, 0), (dilation, 1),
                              bias=False)
        self.bias = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(self.conv(x) + self.bias)


def pointwise(inputs, outputs, relu=False):
    layers = [nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


def shaken(model):
    """Weights off their start, some scales of batch norm negative."""
    for name, parameter in model.named_parameters():
        if name.endswith('PA'):
            parameter.data += 0.1 * torch.randn_like(parameter)
        elif parameter.dim() == 1 or name.endswith('3.bias'):
            start = 0.3 if name.endswith('bias') else 1
            parameter.data.copy_(torch.randn_like(parameter) * 0.3 + start)
            parameter.data *= torch.where(torch.rand_like(parameter) < 0.2, -1., 1.)
    return model


def side_by_side(state):
    """Names and shapes of ours for tensors with the published names.

    ``gcn1``: ``conv_down.{l}`` of all layers behind each other are ``conv_down``,
    ``conv.{l}.{0..2}`` are ``conv``, ``conv.{l}.3.conv`` are ``edge_conv.conv``.
    """
    found = {}
    for name, value in state.items():
        if '.conv_d.' in name:
            continue
        name = re.sub(r'^l(\d+)', lambda match: f'net.{int(match[1]) - 1}', name)
        name = re.sub(r'gcn1\.conv_down\.\d+', 'gcn1.conv_down', name)
        name = re.sub(r'gcn1\.conv\.\d+\.3', 'gcn1.edge_conv', name)
        name = re.sub(r'gcn1\.conv\.\d+\.\d', 'gcn1.conv', name)
        if re.search(r'branches\.\d\.3\.bias', name):
            name, value = name.replace('.bias', '.conv.bias'), value.flatten()
        found.setdefault(name, []).append(value)
    return {name: torch.cat(values) if values[0].dim() else values[0]
            for name, values in found.items()}

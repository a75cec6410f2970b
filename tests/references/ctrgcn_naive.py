"""CTR-GCN layer by layer, after the paper (arXiv 2107.12213), for comparison only.

The parameters have the names and shapes of ours, which are the published ones but for ``l1.``.
"""

import torch
from torch import nn


class NaiveCTRGCN(nn.Module):
    """Blocks of the ``channels`` and ``strides``; x (N, M, T, V, C) gives (N, M, C', T', V).

    ``adjacency`` has the shape (K, V, V); ``num_person=None`` normalises over persons.
    """

    def __init__(self, adjacency, channels=(64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
                 strides=(1, 1, 1, 1, 2, 1, 1, 2, 1, 1), in_channels=3, num_person=2, relu=False,
                 kernels=(5, 5), dilations=(1, 2)):
        super().__init__()
        self.persons = num_person or 1
        self.data_bn = nn.BatchNorm1d(self.persons * adjacency.shape[-1] * in_channels)
        self.net = nn.ModuleList()
        for width, stride in zip(channels, strides, strict=True):
            block = nn.Module()
            block.gcn1 = GraphConv(in_channels, width, adjacency)
            block.tcn1 = MultiScale(width, stride, kernels, dilations, relu)
            block.residual = None
            if len(self.net) > 0:
                same = in_channels == width and stride == 1
                block.residual = (nn.Identity() if same else
                                  TemporalConv(in_channels, width, 1, stride, 1))
            self.net.append(block)
            in_channels = width

    def forward(self, x):
        n, m, t, v, c = x.shape
        x = self.data_bn(x.permute(0, 1, 3, 4, 2).reshape(n * m // self.persons, -1, t))
        x = x.reshape(n * m, v, c, t).permute(0, 2, 3, 1).contiguous()
        for block in self.net:
            y = block.tcn1(block.gcn1(x))
            x = torch.relu(y if block.residual is None else y + block.residual(x))
        return x.unflatten(0, (n, m))


class GraphConv(nn.Module):

    def __init__(self, channels, out, adjacency):
        super().__init__()
        self.PA = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList(RefinedConv(channels, out) for _ in adjacency)
        self.bn = nn.BatchNorm2d(out)
        self.down = nn.Identity() if channels == out else pointwise(channels, out)

    def forward(self, x):
        total = None
        for k, conv in enumerate(self.convs):
            y = conv(x, self.PA[k], self.alpha)
            total = y if total is None else y + total
        y = self.bn(total)
        y += self.down(x)
        return torch.relu_(y)


class RefinedConv(nn.Module):
    """z_u = sum over joints v of (shared + alpha Q)[u, v] times the transformed x_v."""

    def __init__(self, channels, out):
        super().__init__()
        relations = 8 if channels <= 16 else channels // 8
        self.conv1 = nn.Conv2d(channels, relations, 1)
        self.conv2 = nn.Conv2d(channels, relations, 1)
        self.conv3 = nn.Conv2d(channels, out, 1)
        self.conv4 = nn.Conv2d(relations, out, 1)

    def forward(self, x, shared, alpha):
        target, source = self.conv1(x).mean(2), self.conv2(x).mean(2)
        relation = torch.tanh(target[..., :, None] - source[..., None, :])
        topology = shared + alpha * self.conv4(relation)
        return torch.einsum('ncuv,nctv->nctu', topology, self.conv3(x))


class MultiScale(nn.Module):

    def __init__(self, channels, stride, kernels, dilations, relu):
        super().__init__()
        width = channels // (len(dilations) + 2)
        self.branches = nn.ModuleList(
            nn.Sequential(*pointwise(channels, width), nn.ReLU(inplace=True),
                          TemporalConv(width, width, kernel, stride, dilation))
            for kernel, dilation in zip(kernels, dilations, strict=True))
        self.branches.append(
            nn.Sequential(*pointwise(channels, width), nn.ReLU(inplace=True),
                          nn.MaxPool2d((3, 1), (stride, 1), (1, 0)), nn.BatchNorm2d(width)))
        self.branches.append(pointwise(channels, channels - width * len(self.branches), stride))
        self.relu = relu

    def forward(self, x):
        y = torch.cat([branch(x) for branch in self.branches], 1)
        return torch.relu(y) if self.relu else y


class TemporalConv(nn.Module):

    def __init__(self, channels, out, kernel, stride, dilation):
        super().__init__()
        self.conv = nn.Conv2d(channels, out, (kernel, 1), (stride, 1),
                              (dilation * (kernel - 1) // 2, 0), (dilation, 1))
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x):
        return self.bn(self.conv(x))


def pointwise(channels, out, stride=1):
    return nn.Sequential(nn.Conv2d(channels, out, 1, (stride, 1)), nn.BatchNorm2d(out))

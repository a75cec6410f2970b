"""BlockGCN layer by layer, after the paper (CVPR 2024), for comparison only.

The parameters have the names of the authors' network, whose weights load without its classifier.
"""

import numpy as np
import torch
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
from torch import nn


class NaiveBlockGCN(nn.Module):
    """Ten blocks named l1 to l10, or fewer; x (N, M, T, V, C) gives (N, M, C', T', V)."""

    def __init__(self, adjacency, channels=3, persons=2, base=128, blocks=10, wide=(5, ),
                 down=(5, 8), heads=8, by_batch=False):
        super().__init__()
        joints = adjacency.shape[-1]
        hops = torch.from_numpy(shortest_path((adjacency.sum(0) > 0).numpy(), unweighted=True))
        self.data_bn = nn.BatchNorm1d(persons * joints * base)
        self.to_joint_embedding = nn.Linear(channels, base)
        self.pos_embedding = nn.Parameter(torch.randn(1, joints, base))
        self.topo, self.by_batch, self.blocks = Topology(by_batch), by_batch, blocks
        width = base
        for i in range(1, blocks + 1):
            out = width * 2 if i > 1 and i in wide else width
            stride = 2 if i > 1 and i in down else 1
            setattr(self, f'l{i}', Block(width, out, stride, hops.long(), heads))
            setattr(self, f't{i - 1}', TopologyEmbedding(width))
            width = out

    def forward(self, x, joints=None):
        n, m, t, v, c = x.shape
        vector = self.topo(x if joints is None else joints)
        if self.by_batch:
            vector = vector.repeat(m, 1)
        else:
            vector = vector.repeat_interleave(m, 0)
        x = self.to_joint_embedding(x) + self.pos_embedding
        x = self.data_bn(x.permute(0, 1, 3, 4, 2).reshape(n, -1, t))
        x = x.reshape(n * m, v, -1, t).permute(0, 2, 3, 1).contiguous()
        for i in range(self.blocks):
            x = getattr(self, f'l{i + 1}')(x + getattr(self, f't{i}')(vector))
        return x.unflatten(0, (n, m))


class Topology(nn.Module):
    """Persistence of each clip's mean skeleton, seen by 64 structure elements.

    The point that stands for a joint is its row of the matrix of distances.
    """

    def __init__(self, by_batch):
        super().__init__()
        self.by_batch = by_batch
        self.pl = nn.Module()
        self.pl.centres = nn.Parameter(torch.rand(64, 2))
        self.pl.sharpness = nn.Parameter(torch.full((64, 2), 3.))

    def forward(self, joints):
        joints = joints.mean(1)
        difference = (joints[:, :, :, None] - joints[:, :, None]).mean(1)
        distances = difference.norm(dim=-1)
        largest = distances.max().expand(len(joints)) if self.by_batch else distances.amax((1, 2))
        deaths = [lengths(d / top if top > 0 else d) for d, top in
                  zip(distances, largest, strict=True)]
        most = max(len(death) for death in deaths)
        vectors = []
        for death in deaths:
            pairs = torch.stack([torch.zeros_like(death), death], -1)
            pull = self.pl.sharpness**2 * (self.pl.centres - pairs[:, None])**2
            vector = torch.exp(-pull.sum(-1)).sum(0)
            # The published code fills up with points that every element sees fully.
            vectors.append(vector + (most - len(death)) * self.by_batch)
        return torch.stack(vectors)


def lengths(points):
    """Edges of the minimum spanning tree of points (V, D), those of no length left out."""
    distances = torch.cdist(points, points)
    # To scipy a zero is a missing edge; adding 1 to every edge leaves the tree what it is.
    tree = minimum_spanning_tree(distances.detach().numpy() + 1)
    edges = distances[tuple(np.stack(tree.nonzero()).astype(np.int64))]
    return edges[edges > 0]


class TopologyEmbedding(nn.Module):

    def __init__(self, channels):
        super().__init__()
        self.mlp = nn.Linear(64, channels)
        self.bn = nn.BatchNorm1d(channels)

    def forward(self, vector):
        return torch.relu(self.bn(self.mlp(vector)))[:, :, None, None]


class GraphConv(nn.Module):

    def __init__(self, channels, out, hops, heads):
        super().__init__()
        self.heads = heads
        self.register_buffer('hops', hops, persistent=False)
        joints = len(hops)
        self.fc1 = nn.Parameter(torch.eye(joints).repeat(3, heads, 1, 1))
        self.rpe = nn.Parameter(torch.zeros(3, heads, int(hops.max()) + 1))
        self.fc2 = nn.ModuleList(nn.Conv2d(channels, out, 1, groups=heads) for _ in range(3))
        self.bn = nn.BatchNorm2d(out)
        if channels != out:
            self.down = nn.Sequential(nn.Conv2d(channels, out, 1), nn.BatchNorm2d(out))

    def forward(self, x):
        total = 0
        for weight, bias, conv in zip(self.fc1, self.rpe, self.fc2, strict=True):
            matrix = unit_columns(weight) + unit_columns(bias[:, self.hops])
            y = torch.einsum('nhctv,hvw->nhctw', x.unflatten(1, (self.heads, -1)), matrix)
            total = total + conv(y.flatten(1, 2))
        residual = self.down(x) if hasattr(self, 'down') else x
        return torch.relu(self.bn(total) + residual)


def unit_columns(matrix):
    return matrix / (torch.norm(matrix, dim=-2, keepdim=True) + 1e-4)


class TemporalConv(nn.Module):

    def __init__(self, channels, out, kernel, stride, dilation=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, out, (kernel, 1), (stride, 1),
                              (dilation * (kernel - 1) // 2, 0), (dilation, 1))
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x):
        return self.bn(self.conv(x))


class MultiScaleTemporalConv(nn.Module):

    def __init__(self, channels, stride):
        super().__init__()
        width = channels // 4

        def start():
            return nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.ReLU()

        self.branches = nn.ModuleList([
            nn.Sequential(*start(), TemporalConv(width, width, 5, stride, 1)),
            nn.Sequential(*start(), TemporalConv(width, width, 5, stride, 2)),
            nn.Sequential(*start(), nn.MaxPool2d((3, 1), (stride, 1), (1, 0)),
                          nn.BatchNorm2d(width)),
            nn.Sequential(nn.Conv2d(channels, width, 1, (stride, 1)), nn.BatchNorm2d(width)),
        ])

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class Block(nn.Module):

    def __init__(self, channels, out, stride, hops, heads):
        super().__init__()
        self.gcn1 = GraphConv(channels, out, hops, heads)
        self.tcn1 = MultiScaleTemporalConv(out, stride)
        if channels != out or stride > 1:
            self.residual = TemporalConv(channels, out, 1, stride)

    def forward(self, x):
        residual = self.residual(x) if hasattr(self, 'residual') else x
        return torch.relu(self.tcn1(self.gcn1(x)) + residual)

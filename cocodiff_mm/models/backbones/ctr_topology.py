"""Graph convolution with a topology for each channel and sample, on features (C, N, V, T).

Transformed features and topologies are several times as large as the input. On a CPU they are made
for a few persons and channels at a time, which fit into its cache, and again in the backward pass.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# How many transformed features and topologies are made at a time on a CPU.
_TILE = 600_000


def refined_graph_conv(x: Tensor, relation: Tensor, relation_bias: Tensor, mixing: Tensor,
                       shared: Tensor, transform: Tensor, transform_bias: Tensor) -> Tensor:
    """Sum over subsets k and joints v of ``topology[k, c, n, u, v]`` times the transformed x_v.

    The topology is ``mixing[k, c, :R] tanh(p[k]_u - q[k]_v) + mixing[k, c, R] + mixing[k, c, R + 1]
    shared[k, u, v]``, with p and q linear in x averaged over time.

    Args:
        x (Tensor): Shape (C, N, V, T).
        relation (Tensor): From x to p of all subsets, and to q behind them, shape (2 * K * R, C).
        relation_bias (Tensor): Shape (2 * K * R,).
        mixing (Tensor): From relations to the topology of a channel, shape (K, C', R + 2).
        shared (Tensor): Topologies that channels share, shape (K, V, V).
        transform (Tensor): From x to the transformed x, shape (K, C', C).
        transform_bias (Tensor): Shape (K, C').

    Returns:
        Tensor: Shape (C', N, V, T).
    """
    weights = relation, relation_bias, mixing, shared, transform, transform_bias
    return _RefinedGraphConv.apply(x.contiguous(), *(weight.to(x.dtype) for weight in weights))


class _RefinedGraphConv(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x, *weights):
        ctx.save_for_backward(x, *weights)
        out = x.new_empty(weights[2].shape[1], *x.shape[1:])
        for persons, groups in _tiles(x, len(out)):
            tile = _Tile(x[:, persons], *weights)
            for group in groups:
                out[group, persons] = tile.convolve(group)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, *weights = ctx.saved_tensors
        grad_x = torch.empty_like(x)
        sums = [torch.zeros_like(weight, dtype=torch.promote_types(weight.dtype, torch.float32))
                for weight in weights]
        for persons, groups in _tiles(x, len(grad)):
            tile = _Tile(x[:, persons], *weights)
            for group in groups:
                tile.differentiate(group, grad[group, persons], sums)
            grad_x[:, persons] = tile.gradient(sums)
        return grad_x, *(total.to(x.dtype) for total in sums)


def _tiles(x: Tensor, channels: int) -> Iterator[tuple[slice, list[slice]]]:
    """Persons that are worked on at a time, and their groups of output channels."""
    _, n, v, t = x.shape
    if x.is_cuda:
        yield slice(0, n), [slice(0, channels)]
        return
    each = 3 * v * (v + t)
    count = -(-channels * each // _TILE)
    width = -(-channels // count)
    step = max(1, _TILE // (width * each))
    groups = [slice(c, c + width) for c in range(0, channels, width)]
    for start in range(0, n, step):
        yield slice(start, min(start + step, n)), groups


class _Tile:
    """The convolution for some persons; joints v come before joints u in its topologies."""

    def __init__(self, x, relation, relation_bias, mixing, shared, transform, transform_bias):
        c, n, v, t = x.shape
        subsets, _, inner = mixing.shape
        self.shape, self.x = x.shape, x.view(c, n * v * t)
        self.relation, self.mixing = relation, mixing
        self.transform, self.transform_bias = transform, transform_bias
        self.average = x.mean(3).view(c, n * v)
        pairs = torch.addmm(relation_bias[:, None], relation, self.average)
        target, source = pairs.view(2, subsets, inner - 2, n, v).unbind()
        self.relations = x.new_empty(subsets, inner, n, v, v)
        torch.sub(target[..., None, :], source[..., None], out=self.relations[:, :-2]).tanh_()
        self.relations[:, -2] = 1
        self.relations[:, -1] = shared.mT[:, None]
        self.of_relations = self.of_x = None

    def convolve(self, group):
        """Channels of the result, shape (C', N, V, T)."""
        topologies, features = self._topologies(group).mT, self._features(group)
        y = torch.bmm(topologies[0], features[0])
        for topology, part in zip(topologies[1:], features[1:], strict=True):
            y.baddbmm_(topology, part)
        return y.view(-1, *self.shape[1:])

    def differentiate(self, group, grad, sums):
        """Add the gradients that channels of the result have, of weights to ``sums``."""
        grad = grad.reshape(-1, *self.shape[2:])
        # A copy of the small factor halves the time of the product.
        turned = grad.mT.contiguous()
        topologies, features = self._topologies(group), self._features(group)
        of_topologies = torch.empty_like(topologies)
        for topology, part, of_topology in zip(topologies, features, of_topologies, strict=True):
            torch.bmm(part, turned, out=of_topology)
            torch.bmm(topology, grad, out=part)
        of_features, of_topologies = features.view(-1, self.x.shape[1]), self._by_relation(
            of_topologies)
        mixing, weight = self.mixing[:, group], self.transform[:, group].flatten(0, 1)
        _, _, of_mixing, _, of_transform, of_transform_bias = sums
        of_mixing[:, group] += torch.bmm(of_topologies, self.relations.flatten(2).mT)
        of_transform[:, group] += (self.x @ of_features.mT).mT.view_as(of_transform[:, group])
        of_transform_bias[:, group] += of_features.sum(1).view_as(of_transform_bias[:, group])
        if self.of_x is None:
            self.of_x = weight.mT @ of_features
            self.of_relations = torch.bmm(mixing.mT, of_topologies)
        else:
            self.of_x.addmm_(weight.mT, of_features)
            self.of_relations.baddbmm_(mixing.mT, of_topologies)

    def gradient(self, sums):
        """Gradient of x, after all channels; what is left goes to ``sums``."""
        of_relation, of_relation_bias, _, of_shared, _, _ = sums
        of_relations = self.of_relations.view_as(self.relations)
        of_shared += of_relations[:, -1].sum(1).mT
        of_pairs = torch.ops.aten.tanh_backward(of_relations[:, :-2], self.relations[:, :-2])
        of_pairs = torch.stack([of_pairs.sum(-2), -of_pairs.sum(-1)]).flatten(0, 2).flatten(1)
        of_relation += of_pairs @ self.average.mT
        of_relation_bias += of_pairs.sum(1)
        of_average = (self.relation.mT @ of_pairs).view(*self.shape[:3], 1)
        return self.of_x.view(self.shape) + of_average / self.shape[3]

    def _topologies(self, group):
        """Shape (K, C' * N, V source, V target)."""
        y = torch.bmm(self.mixing[:, group], self.relations.flatten(2))
        return y.view(len(y), -1, *self.relations.shape[3:])

    def _features(self, group):
        """Shape (K, C' * N, V, T)."""
        y = torch.addmm(self.transform_bias[:, group].reshape(-1, 1),
                        self.transform[:, group].flatten(0, 1), self.x)
        return y.view(len(self.transform), -1, *self.shape[2:])

    def _by_relation(self, topologies):
        return topologies.view(len(topologies), -1, self.relations[0, 0].numel())

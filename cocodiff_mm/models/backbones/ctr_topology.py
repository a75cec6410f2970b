"""Graph convolution with a topology for each channel and sample, on features (C, N, V, T).

Transformed features and topologies are several times as large as the input. On a CPU they are made
for a few persons and channels at a time, which fit into its cache, and again in the backward pass.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .joint_major import stretches

# How many transformed features and topologies are made at a time on a CPU.
_TILE = 600_000


def average_frames(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Average of x (C, N, V, T) over time, shape (C, N, V), and x three times, for others.

    The gradients of all four are joined here, in one sweep.
    """
    return _AverageFrames.apply(x.contiguous())


def relate(target: Tensor, source: Tensor, shared: Tensor) -> Tensor:
    """What topologies are a linear combination of.

    Args:
        target (Tensor): Feature of joint u in relation r of subset k, shape (K, R, N, V).
        source (Tensor): Of joint v, the same shape.
        shared (Tensor): Topologies that channels share, shape (K, V, V), joints u before v.

    Returns:
        Tensor: ``tanh(target_u - source_v)``, 1, and the shared topologies, shape
        (K, R + 2, N, V, V), joints v before u.
    """
    return _Relate.apply(target, source, shared)


def refined_graph_conv(x: Tensor, relations: Tensor, mixing: Tensor, transform: Tensor,
                       bias: Tensor, residual: Tensor | None) -> Tensor:
    """Sum over subsets k and joints v of ``topology[k, c, n, v, u]`` times the transformed x_v.

    Args:
        x (Tensor): Shape (C, N, V, T), contiguous.
        relations (Tensor): Shape (K, R, N, V, V).
        mixing (Tensor): From relations to the topology of a channel, shape (K, C', R).
        transform (Tensor): From x to the transformed x, shape (K, C', C).
        bias (Tensor): What is added in all frames, shape (C', N, V).
        residual (Tensor | None): What is added before a ReLU, shape (C', N, V, T); None for
            neither.

    Returns:
        Tensor: Shape (C', N, V, T).
    """
    if residual is None or torch.is_grad_enabled():
        y = _RefinedGraphConv.apply(x, relations, mixing, transform, bias)
        return y if residual is None else y.add_(residual).relu_()
    return _convolve(x, relations, mixing, transform, bias, residual)


class _AverageFrames(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x):
        ctx.frames = x.shape[3]
        ctx.set_materialize_grads(False)
        # A product with a vector is several times as fast as a mean of short rows.
        weight = x.new_full((x.shape[3], ), 1 / x.shape[3])
        return (x.view(-1, x.shape[3]) @ weight).view(x.shape[:3]), x, x, x

    @staticmethod
    @once_differentiable
    def backward(ctx, of_average, *grads):
        first, *grads = (grad for grad in grads if grad is not None)
        total = torch.empty_like(first)
        of_average = (of_average / ctx.frames)[..., None]
        for _, rows, _ in stretches([total]):
            part = total[rows]
            torch.add(first[rows], of_average[rows], out=part)
            for grad in grads:
                part += grad[rows]
        return total


class _Relate(torch.autograd.Function):

    @staticmethod
    def forward(ctx, target, source, shared):
        subsets, count, n, v = target.shape
        relations = target.new_empty(subsets, count + 2, n, v, v)
        torch.sub(target[..., None, :], source[..., None], out=relations[:, :-2]).tanh_()
        relations[:, -2] = 1
        relations[:, -1] = shared.mT[:, None]
        ctx.save_for_backward(relations)
        return relations

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        relations, = ctx.saved_tensors
        of_tanh = torch.ops.aten.tanh_backward(grad[:, :-2], relations[:, :-2])
        return of_tanh.sum(-2), -of_tanh.sum(-1), grad[:, -1].sum(1).mT


class _RefinedGraphConv(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x, relations, mixing, transform, bias):
        ctx.save_for_backward(x, relations, mixing, transform)
        return _convolve(x, relations, mixing, transform, bias, None)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, relations, mixing, transform = ctx.saved_tensors
        of_x, of_relations = torch.empty_like(x), torch.empty_like(relations)
        tiles, groups = _cut(x, mixing, transform)
        for persons in tiles:
            parts = [whole[:, persons] for whole in (x, of_x)]
            parts += [whole[:, :, persons] for whole in (relations, of_relations)]
            for group in groups:
                group.differentiate(*parts, grad[group.channels, persons])
        of_mixing = torch.cat([group.of_mixing for group in groups], 1)
        of_transform = torch.cat([group.of_transform for group in groups], 2).permute(1, 2, 0)
        of_bias = (grad.view(-1, x.shape[3]) @ grad.new_ones(x.shape[3])).view(grad.shape[:3])
        return of_x, of_relations, of_mixing.to(x.dtype), of_transform.to(x.dtype), of_bias


def _convolve(x, relations, mixing, transform, bias, residual):
    out = x.new_empty(mixing.shape[1], *x.shape[1:])
    tiles, groups = _cut(x, mixing, transform)
    for persons in tiles:
        part, relation = x[:, persons], relations[:, :, persons]
        for group in groups:
            rows = out[group.channels, persons]
            constant = bias[group.channels, persons, :, None]
            if residual is None:
                torch.add(group.convolve(part, relation, None).view_as(rows), constant, out=rows)
            else:
                y = residual[group.channels, persons] + constant
                group.convolve(part, relation, y.view(-1, *y.shape[2:]))
                torch.clamp(y, min=0, out=rows)
    return out


class _Group:
    """Channels of the result that are worked on at a time, and gradients of their weights."""

    def __init__(self, channels, mixing, transform):
        self.channels = channels
        self.mixing = mixing[:, channels].contiguous()
        self.transform = transform[:, channels].flatten(0, 1)
        exact = torch.promote_types(mixing.dtype, torch.float32)
        self.of_mixing = torch.zeros_like(self.mixing, dtype=exact)
        self.of_transform = self.of_mixing.new_zeros(
            transform.shape[2], len(mixing), self.mixing.shape[1])

    def convolve(self, x, relations, y):
        """Channels of the result for some persons, added to ``y`` (C' * N, V, T) or None."""
        topologies, features = self._factors(x, relations)
        for topology, part in zip(topologies.mT.unbind(), features.unbind(), strict=True):
            y = torch.bmm(topology, part) if y is None else y.baddbmm_(topology, part)
        return y

    def differentiate(self, x, of_x, relations, of_relations, grad):
        """Take up the gradient of channels of the result for some persons."""
        grad = grad.reshape(-1, *x.shape[2:])
        # A copy of the small factor halves the time of the product.
        turned = grad.mT.contiguous()
        topologies, features = self._factors(x, relations)
        of_topologies = torch.empty_like(topologies)
        for topology, part, of_topology in zip(topologies.unbind(), features.unbind(),
                                               of_topologies.unbind(), strict=True):
            torch.bmm(part, turned, out=of_topology)
            torch.bmm(topology, grad, out=part)
        of_topologies = of_topologies.view(*self.mixing.shape[:2], -1)
        of_features = features.view(len(self.transform), -1)
        self.of_mixing += torch.bmm(of_topologies, _flat(relations, 2).mT)
        self.of_transform += (_flat(x, 1) @ of_features.mT).view_as(self.of_transform)
        of_mixed = torch.bmm(self.mixing.mT, of_topologies).view_as(of_relations)
        if self.channels.start == 0:
            torch.mm(self.transform.mT, of_features, out=_flat(of_x, 1))
            of_relations.copy_(of_mixed)
        else:
            _flat(of_x, 1).addmm_(self.transform.mT, of_features)
            of_relations += of_mixed

    def _factors(self, x, relations):
        """Topologies (K, C' * N, V source, V target) and features (K, C' * N, V, T)."""
        topologies = torch.bmm(self.mixing, _flat(relations, 2))
        features = self.transform @ _flat(x, 1)
        return (topologies.view(len(topologies), -1, *relations.shape[3:]),
                features.view(len(topologies), -1, *x.shape[2:]))


def _flat(x: Tensor, dim: int) -> Tensor:
    """All dimensions from ``dim`` on as one, without a copy."""
    return x.view(*x.shape[:dim], -1)


def _cut(x: Tensor, mixing: Tensor, transform: Tensor) -> tuple[list[slice], list[_Group]]:
    """Persons that are worked on at a time, and groups of channels."""
    channels, (_, n, v, t) = mixing.shape[1], x.shape
    each = len(mixing) * v * (v + t)
    groups = 1 if x.is_cuda else -(-channels * each // _TILE)
    width = -(-channels // groups)
    step = n if x.is_cuda else max(1, _TILE // (width * each))
    return ([slice(start, start + step) for start in range(0, n, step)],
            [_Group(slice(start, start + width), mixing, transform)
             for start in range(0, channels, width)])

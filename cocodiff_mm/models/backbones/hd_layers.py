"""Features of all layers of HD-GCN and their weighted sum, with hand-written backward passes.

All features of all layers are 4.5 times as large as the output. They are written once; what leads
to them and their gradient are made for one person at a time and never lie in memory as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .hd_sources import Sources


@dataclass
class Layers:
    """What the two functions below tell each other beside the tensors that autograd sees."""

    features: Tensor | None = None
    gain: Tensor | None = None


class InputNorm(NamedTuple):
    """Batch norm in training of what :func:`layer_features` gets."""

    weight: Tensor
    bias: Tensor
    eps: float


def layer_features(x: Tensor, norm: InputNorm | None, adjacency: Tensor, weight: Tensor,
                   moments: bool) -> tuple[Layers, Tensor, Tensor, Tensor, Tensor, Tensor,
                                           Tensor, Tensor]:
    """Graph convolutions of ReLU(norm(x)) in every layer, kept, and what is to be known of them.

    Feature ``s = (l, k)`` of joint u is ``weight[l, k].T sum_v adjacency[l, k, u, v] y_v`` with
    y the part of ReLU(norm(x)) that is for layer l.

    Args:
        x (Tensor): Shape (N, V, T, L * C).
        norm (InputNorm | None): Batch norm of x, None for nothing.
        adjacency (Tensor): Shape (L, K, V, V).
        weight (Tensor): From C to C channels, shape (L, K, C, C).
        moments (bool): Whether sums and squares are wanted; else they are empty.

    Returns:
        tuple[Layers, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]: The first two are
        for :func:`sum_layers`; ReLU(norm(x)) averaged over time, shape (N, L, V, C); the largest
        features over time, shape (N, L * K, V, C); the sums over joints and time of features and
        of their squares, shape (N, L * K, C); and mean and biased variance of x, which are empty
        without a norm.
    """
    layers = Layers()
    return layers, *_LayerFeatures.apply(layers, moments, torch.is_grad_enabled(), x, adjacency,
                                         weight, *(norm or (None, None, 0.)))


def sum_layers(layers: Layers, token: Tensor, gain: Tensor, constant: Tensor,
               edges: Tensor) -> Tensor:
    """Weighted sum over the layers, plus a constant, beside the features of edges.

    Args:
        layers (Layers): From :func:`layer_features`.
        token (Tensor): From :func:`layer_features`; carries the gradient there.
        gain (Tensor): Factors of the features, shape (N, L, K, C).
        constant (Tensor): Shape (N, K, C).
        edges (Tensor): Features that are equal in all frames, shape (N, V, C).

    Returns:
        Tensor: Shape (N, V, T, (K + 1) * C).
    """
    return _SumLayers.apply(layers, token, gain, constant, edges)


class _LayerFeatures(torch.autograd.Function):

    @staticmethod
    def forward(ctx, layers, moments, learns, x, adjacency, weight, norm_weight, norm_bias, eps):
        (n, v, t, _), (depth, subsets, c, _) = x.shape, weight.shape
        both = depth * subsets
        features = x.new_empty(n, both, v, t, c)
        average, largest = x.new_empty(n, depth, v, c), x.new_empty(n, both, v, c)
        frames = x.new_empty(n if learns else 0, both, v, c, dtype=torch.long)
        exact = torch.promote_types(x.dtype, torch.float32)
        sums, squares = x.new_empty(2, n if moments else 0, both, c, dtype=exact)
        sources = Sources(x, depth, norm_weight, norm_bias, eps)
        work = _scratch(features)
        for rows in _rows(x):
            source, part = sources.make(rows), features[rows]
            torch.mean(source, 3, out=average[rows])
            _gather(source, adjacency, work)
            torch.bmm(work.view(-1, v * t, c), _repeat(weight, len(part)),
                      out=part.view(-1, v * t, c))
            if learns:
                largest[rows], frames[rows] = _largest_with_frames(part)
            else:
                largest[rows] = _largest(part)
            if moments:
                torch.sum(part.flatten(2, 3), 2, dtype=exact, out=sums[rows])
                torch.mul(part, part, out=work)
                torch.sum(work.flatten(2, 3), 2, dtype=exact, out=squares[rows])
        layers.features, ctx.layers, ctx.eps = features, layers, eps
        ctx.save_for_backward(x, adjacency, weight, frames, norm_weight, norm_bias, sources.mean,
                              sources.var)
        ctx.set_materialize_grads(False)
        # Its gradient is that of the sum: the one of the features is gain times that.
        token = x.new_zeros(()).expand(n, v, t, (subsets + 1) * c)
        ctx.mark_non_differentiable(sources.mean, sources.var)
        return token, average, largest, sums, squares, sources.mean, sources.var

    @staticmethod
    @once_differentiable
    def backward(ctx, of_total, of_average, of_largest, of_sums, of_squares, _mean, _var):
        x, adjacency, weight, frames, norm_weight, norm_bias, mean, var = ctx.saved_tensors
        features, gain = ctx.layers.features, ctx.layers.gain
        (_, v, t, _), (depth, _, c, _) = x.shape, weight.shape
        exact = torch.promote_types(weight.dtype, torch.float32)
        of_adjacency = torch.zeros_like(adjacency, dtype=exact)
        of_weight = torch.zeros_like(weight, dtype=exact)
        work, grad = _scratch(features), _scratch(features)
        sources = Sources(x, depth, norm_weight, norm_bias, ctx.eps, (mean, var))
        for rows in _rows(x):
            source = sources.make(rows)
            _of_features(grad, features[rows], frames[rows], *(
                None if x is None else x[rows]
                for x in (gain, of_total, of_largest, of_sums, of_squares)))
            _gather(source, adjacency, work)
            flat, flat_grad = work.view(-1, v * t, c), grad.view(-1, v * t, c)
            of_weight += torch.bmm(flat.mT, flat_grad).view(-1, *weight.shape).sum(0)
            torch.bmm(flat_grad, _repeat(weight, len(source)).mT, out=flat)
            flat = work.view(len(source) * depth, -1, t * c)
            of_graphs = torch.bmm(flat, source.flatten(0, 1).flatten(2).mT)
            of_adjacency += of_graphs.view(-1, *adjacency.shape).sum(0)
            of_source = torch.bmm(_graphs(adjacency, len(source)).mT, flat).view_as(source)
            if of_average is not None:
                of_source += of_average[rows, :, :, None] / t
            sources.differentiate(rows, of_source)
        return (None, None, None, sources.gradient(_rows(x)), of_adjacency.to(adjacency.dtype),
                of_weight.to(weight.dtype), sources.of_weight, sources.of_bias, None)


class _SumLayers(torch.autograd.Function):

    @staticmethod
    def forward(ctx, layers, token, gain, constant, edges):
        # Without its graph, which leads back to the layers: such a ring is never freed.
        layers.gain, ctx.layers = gain.detach(), layers
        result = torch.empty(token.shape, dtype=token.dtype, device=token.device)
        depth, subsets, c = gain.shape[1:]
        for rows in _rows(result):
            parts = layers.features[rows].unflatten(1, (depth, subsets)).unbind(1)
            factors = gain[rows, :, :, None, None].unbind(1)
            total = torch.addcmul(constant[rows, :, None, None], parts[0], factors[0])
            for part, factor in zip(parts[1:], factors[1:], strict=True):
                total.addcmul_(part, factor)
            _subsets_first(result[rows], subsets).copy_(total)
        result[..., subsets * c:] = edges[:, :, None]
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, of_result):
        features, gain = ctx.layers.features, ctx.layers.gain
        depth, subsets, c = gain.shape[1:]
        of_gain, of_constant = torch.empty_like(gain), gain.new_empty(len(gain), subsets, c)
        work = _scratch(features).unflatten(1, (depth, subsets))
        for rows in _rows(of_result):
            total = _subsets_first(of_result[rows], subsets).contiguous()
            torch.sum(total.flatten(2, 3), 2, out=of_constant[rows])
            torch.mul(features[rows].unflatten(1, (depth, subsets)), total[:, None], out=work)
            torch.sum(work.flatten(3, 4), 3, out=of_gain[rows])
        return None, of_result, of_gain, of_constant, of_result[..., subsets * c:].sum(2)


def _of_features(out: Tensor, features: Tensor, frames: Tensor, gain: Tensor | None,
                 of_total: Tensor | None, of_largest: Tensor | None, of_sums: Tensor | None,
                 of_squares: Tensor | None) -> None:
    """Gradient of features (N, L * K, V, T, C) from those of what was made of them, into out."""
    n, both, _, _, c = features.shape
    if of_sums is None and of_squares is None:
        out.zero_()
    else:
        zeros = features.new_zeros(n, both, 1, 1, c)
        of_sums, of_squares = (zeros if x is None else x.to(zeros.dtype).view_as(zeros)
                               for x in (of_sums, of_squares))
        torch.addcmul(of_sums, features, of_squares, value=2, out=out)
    if of_total is not None:
        total = _subsets_first(of_total, gain.shape[2])[:, None].contiguous()
        out.unflatten(1, gain.shape[1:3]).addcmul_(total, gain[:, :, :, None, None])
    if of_largest is not None:
        out.scatter_add_(3, frames[:, :, :, None], of_largest[:, :, :, None])


def _rows(x: Tensor) -> Iterator[slice]:
    """One person after the other, whose features stay in a processor's cache; on a GPU all."""
    size = max(len(x), 1) if x.is_cuda else 1
    return (slice(start, start + size) for start in range(0, len(x), size))


def _scratch(features: Tensor) -> Tensor:
    """Memory for the features of those who are worked on at a time."""
    return torch.empty_like(features if features.is_cuda else features[:1])


def _repeat(weight: Tensor, times: int) -> Tensor:
    """Matrices (L, K, I, O) as (times * L * K, I, O)."""
    return weight.expand(times, -1, -1, -1, -1).flatten(0, 2)


def _graphs(adjacency: Tensor, times: int) -> Tensor:
    """Graphs (L, K, V, V) as (times * L, K * V, V)."""
    return _repeat(adjacency.flatten(1, 2)[:, None], times)


def _gather(source: Tensor, adjacency: Tensor, out: Tensor) -> None:
    """What the graphs take of sources (N, L, V, T, C), into (N, L * K, V, T, C)."""
    graphs = _graphs(adjacency, len(source))
    torch.bmm(graphs, source.flatten(0, 1).flatten(2), out=out.view(*graphs.shape[:2], -1))


def _largest(x: Tensor) -> Tensor:
    """Largest values over T of (N, S, V, T, C), for where no gradient is wanted."""
    n, s, v, t, c = x.shape
    # Frames side by side make rows of 64 numbers, which amax needs to be fast on a CPU.
    abreast = max(64 // c, 1)
    if t % abreast == 0:
        x = x.view(n, s, v, t // abreast, abreast * c).amax(3).view(n, s, v, abreast, c)
    while x.shape[3] > 1:
        half = (x.shape[3] + 1) // 2
        x = torch.maximum(x[:, :, :, :half], x[:, :, :, -half:])
    return x.squeeze(3)


def _largest_with_frames(x: Tensor) -> tuple[Tensor, Tensor]:
    """The same, and the first frame of each, which the gradient goes to."""
    if x.is_cuda:
        return torch.max(x, 3)
    n, s, v, t, c = x.shape
    # Pooling over all frames goes through memory once, unlike max, which is slow across rows.
    images = x.view(-1, t, 1, c).permute(0, 3, 1, 2)
    return tuple(y.view(n, s, v, c) for y in F.max_pool2d(images, (t, 1), return_indices=True))


def _layers_first(x: Tensor, layers: int) -> Tensor:
    """(N, V, T, L * C) seen as (N, L, V, T, C)."""
    return x.unflatten(3, (layers, -1)).permute(0, 3, 1, 2, 4)


def _subsets_first(x: Tensor, subsets: int) -> Tensor:
    """The subsets of (N, V, T, (K + 1) * C) seen as (N, K, V, T, C)."""
    return _layers_first(x, subsets + 1)[:, :subsets]

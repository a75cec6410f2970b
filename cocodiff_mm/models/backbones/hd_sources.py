"""Where the layers of HD-GCN start: ReLU of batch norm, made a few persons at a time."""

from collections.abc import Iterable

import torch
from torch import Tensor


class Sources:
    """``ReLU(norm(x))`` of features (N, V, T, L * C), layer by layer, and its gradient.

    Nothing of the size of x is kept beside x itself, and its gradient is the only such tensor made.

    Args:
        x (Tensor): Shape (N, V, T, L * C).
        layers (int): Layers L.
        weight (Tensor | None): Factor of a batch norm in training, None for no batch norm.
        bias (Tensor | None): Summand of that batch norm.
        eps (float): Its epsilon.
        moments (tuple[Tensor, Tensor] | None): Mean and biased variance of x where they are known.
    """

    def __init__(self, x: Tensor, layers: int, weight: Tensor | None, bias: Tensor | None,
                 eps: float, moments: tuple[Tensor, Tensor] | None = None) -> None:
        self.x, self.layers, self.norm = x, layers, weight is not None
        self.source = self.work = self.of_x = self.of_weight = self.of_bias = None
        if not self.norm:
            self.mean, self.var = x.new_empty(2, 0)
            return
        self.mean, self.var = moments or torch.ops.aten.batch_norm_update_stats(
            x.permute(0, 3, 1, 2), None, None, 0.)
        self.invstd = torch.rsqrt(self.var + eps)
        self.scale = weight * self.invstd
        self.shift = bias - self.mean * self.scale
        self.sums = self.scale.new_zeros(2, len(self.scale), dtype=torch.float64)

    def make(self, rows: slice) -> Tensor:
        """Those of some persons, (n, L, V, T, C), in memory that is used again."""
        x = self.x[rows]
        if self.source is None:
            n, v, t, _ = x.shape
            self.source = x.new_empty(n, self.layers, v, t, x.shape[3] // self.layers)
            self.work = torch.empty_like(x) if self.norm else None
        if self.norm:
            x = torch.addcmul(self.shift, x, self.scale, out=self.work)
        return torch.clamp(self._layers_first(x), min=0, out=self.source)

    def differentiate(self, rows: slice, grad: Tensor) -> None:
        """Take the gradient of what :meth:`make` gave last."""
        if self.of_x is None:
            self.of_x = torch.empty_like(self.x)
        of_x = self.of_x[rows]
        torch.ops.aten.threshold_backward.grad_input(
            grad, self.source, 0, grad_input=self._layers_first(of_x))
        if self.norm:
            self.sums[0] += of_x.sum((0, 1, 2))
            torch.sub(self.x[rows], self.mean, out=self.work)
            self.sums[1] += self.work.mul_(of_x).sum((0, 1, 2))

    def gradient(self, parts: Iterable[slice]) -> Tensor:
        """Gradient of x, after all persons; those of the batch norm are attributes from then on.

        Args:
            parts (Iterable[slice]): All persons, as many at a time as before.
        """
        if not self.norm:
            return self.of_x
        of_bias, of_scale = self.sums
        count = self.x[..., 0].numel()
        slope = self.scale * self.invstd.double().square() * of_scale / count
        offset = (self.mean * slope - self.scale * of_bias / count).to(self.x.dtype)
        slope = -slope.to(self.x.dtype)
        for rows in parts:
            torch.addcmul(offset, self.x[rows], slope, out=self.work)
            self.of_x[rows].mul_(self.scale).add_(self.work)
        self.of_weight = (of_scale * self.invstd).to(self.scale.dtype)
        self.of_bias = of_bias.to(self.scale.dtype)
        return self.of_x

    def _layers_first(self, x: Tensor) -> Tensor:
        return x.unflatten(3, (self.layers, -1)).permute(0, 3, 1, 2, 4)

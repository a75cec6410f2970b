import torch
from torch import Tensor, nn

from .joint_major import batch_norm, fold, matmul, max_pool, norm_mode, pointwise, temporal_conv
from .temporal_conv import MultiScaleTemporalConv, TemporalConv


class JointMajorShortcut(TemporalConv):
    """Pointwise convolution with a stride in frames, and batch norm, on features (C, V, N, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (C, V, N, T) to (C', V, N, ceil(T / stride))."""
        return pointwise(x[..., ::self.conv.stride[0]], [self.conv], [self.bn])


class JointMajorTemporalConv(MultiScaleTemporalConv):
    """Temporal branches on features (C, V, N, T), with the residual connection around them.

    The pointwise convolutions that branches start with are one matrix product.
    """

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        """Map (C, V, N, T), and a residual of the result's shape, to the block's output."""
        plain = isinstance(self.act, nn.Identity) and not (self.training and self.drop.p)
        *convs, pool, point = self.branches
        norms = [*(branch[3].bn for branch in convs), pool[4], point[1]]
        if norm_mode(norms) == 'fold':
            y = self._folded(x)
        else:
            offset = torch.cat([*(branch[3].conv.bias for branch in convs),
                                torch.zeros_like(pool[0].bias), point[0].bias])
            y = self._branches(x)
            if plain:
                return batch_norm(y, offset, norms, residual, relu=True)
            y = batch_norm(y, offset, norms)
        y = self.drop(self.act(y))
        if residual is None:
            return torch.relu(y)
        # Not into the output of a ReLU, which its gradient needs.
        return (y.add_(residual) if plain else y + residual).relu_()

    def _branches(self, x: Tensor) -> list[Tensor]:
        """Outputs of all branches before their last biases and batch norms."""
        *convs, pool, point = self.branches
        stride = point[0].stride[0]
        weight = torch.cat([branch[0].weight.flatten(1) for branch in self.branches[:-1]])
        if stride == 1:
            # In one product, whose rows come apart without a copy.
            both = matmul(torch.cat([weight, point[0].weight.flatten(1)]), x)
            start, last = both.split([len(weight), len(both) - len(weight)])
        else:
            start, last = matmul(weight, x), matmul(point[0].weight.flatten(1), x[..., ::stride])
        bias = torch.cat([branch[0].bias for branch in self.branches[:-1]])
        start = batch_norm([start], bias, [branch[1] for branch in self.branches[:-1]], relu=True)
        *rows, pooled = start.split([branch[0].out_channels for branch in self.branches[:-1]])
        outputs = [temporal_conv(row, branch[3].conv, branch[3].conv.weight, None)
                   for row, branch in zip(rows, convs, strict=True)]
        return [*outputs, max_pool(pooled, stride), last]

    def _folded(self, x: Tensor) -> Tensor:
        """Output of the branches with running statistics, whose batch norms are in weights."""
        *convs, pool, point = self.branches
        starts = self.branches[:-1]
        start = pointwise(x, [branch[0] for branch in starts], [branch[1] for branch in starts])
        *rows, pooled = start.relu_().split([branch[0].out_channels for branch in starts])
        outputs = []
        for row, branch in zip(rows, convs, strict=True):
            conv = branch[3].conv
            scale, shift = fold([branch[3].bn], conv.bias)
            outputs.append(temporal_conv(row, conv, conv.weight * scale[:, None, None, None],
                                         shift))
        stride = point[0].stride[0]
        scale, shift = (value.to(x.dtype)[:, None, None, None]
                        for value in fold([pool[4]], torch.zeros_like(pool[4].bias)))
        outputs.append(torch.addcmul(shift, max_pool(pooled, stride), scale))
        outputs.append(pointwise(x[..., ::stride], [point[0]], [point[1]]))
        return torch.cat(outputs)

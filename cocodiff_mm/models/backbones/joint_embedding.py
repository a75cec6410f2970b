import torch
from torch import Tensor, nn

from .joint_major import norm_mode, track


def embed_joints(x: Tensor, linear: nn.Linear, position: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Linear map of joints plus learned positions, then batch norm over time, in one product.

    The mean and the variance of a channel follow from those of the coordinates.

    Args:
        x (Tensor): Joints, shape (N, P, T, V, C); P persons have statistics of their own.
        linear (nn.Linear): From C coordinates to C' channels.
        position (Tensor): Learned vector of each joint, (1, V, C').
        norm (nn.BatchNorm1d): Over P * V * C' channels.

    Returns:
        Tensor: Shape (C', V, N * P, T).
    """
    n, persons, t, v, _ = x.shape
    if norm_mode([norm]) == 'each':
        y = (linear(x) + position).permute(0, 1, 3, 4, 2)
        y = norm(y.reshape(n, -1, t)).view(n * persons, v, -1, t)
        return y.permute(2, 1, 0, 3).contiguous()
    x = x.permute(1, 3, 4, 0, 2).reshape(persons, v, -1, n * t)
    mean, var = norm.running_mean.view(persons, v, -1), norm.running_var.view(persons, v, -1)
    weight, expected = linear.weight, linear.bias + position
    if norm.training:
        average = x.mean(-1, keepdim=True)
        x = x - average
        expected = (average.mT @ weight.T)[:, :, 0] + expected
        mean, var = expected, ((x @ x.mT / (n * t) @ weight.T) * weight.T).sum(2)
        track([norm], mean.detach().flatten(), var.detach().flatten(), n * t)
    scale = norm.weight.view_as(var) * torch.rsqrt(var + norm.eps)
    # In training zero, also its gradient: the batch norm takes out what linear and position add.
    shift = norm.bias.view_as(var) + (expected - mean) * scale
    weight = (scale[..., None] * weight).flatten(0, 1)
    y = torch.baddbmm(shift.flatten(0, 1)[..., None], weight, x.flatten(0, 1))
    y = y.view(persons, v, -1, n, t).permute(2, 1, 3, 0, 4)
    return y.reshape(*y.shape[:2], n * persons, t).contiguous()

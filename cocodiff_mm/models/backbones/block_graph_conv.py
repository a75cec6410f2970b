import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .joint_major import batch_norm, fold, norm_mode, pointwise


class BlockGraphConv(nn.Module):
    """Graph convolution whose heads mix joints and channels apart from each other (BlockGC).

    Each of three subsets has a matrix of joints for each head, which is the sum of a learned one
    and one that knows only the number of bones between two joints, both with columns of unit
    length, and a pointwise convolution within each head. BlockGCN (CVPR 2024), Sec. 3.1.

    Args:
        in_channels (int): Channels of the input, a multiple of the heads.
        out_channels (int): Channels of the output, a multiple of the heads.
        hops (Tensor): Bones between joints, (V, V).
        num_heads (int): Number of heads.
    """

    def __init__(self, in_channels: int, out_channels: int, hops: Tensor, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.register_buffer('hops', hops, persistent=False)
        self.fc1 = nn.Parameter(torch.eye(len(hops)).repeat(3, num_heads, 1, 1))
        self.rpe = nn.Parameter(torch.zeros(3, num_heads, int(hops.max()) + 1))
        self.fc2 = nn.ModuleList(
            nn.Conv2d(in_channels, out_channels, 1, groups=num_heads) for _ in range(3))
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (C, V, N, T) to (C', V, N, T)."""
        weight = torch.stack([conv.weight.flatten(1) for conv in self.fc2], -1)
        bias = self.fc2[0].bias + self.fc2[1].bias + self.fc2[2].bias
        joints = self.joint_matrices()
        residual = x
        if not isinstance(self.down, nn.Identity):
            residual = pointwise(x, self.down[:1], self.down[1:])
        if norm_mode([self.bn]) == 'fold':
            scale, shift = fold([self.bn], bias)
            y = self._mix(x, joints, weight * scale[:, None, None])
            y += shift.to(x.dtype)[:, None, None, None]
        else:
            y = batch_norm([self._mix(x, joints, weight)], bias, [self.bn])
        y += residual
        return y.relu_()

    def joint_matrices(self) -> Tensor:
        """What each target joint takes from each source joint, (H, 3, V target, V source)."""
        by_hops = F.embedding(self.hops, self.rpe.flatten(0, 1).T)
        by_hops = by_hops.permute(2, 0, 1).view_as(self.fc1)
        matrices = _unit_columns(self.fc1) + _unit_columns(by_hops)
        return matrices.permute(1, 0, 3, 2)

    def _mix(self, x: Tensor, joints: Tensor, weight: Tensor) -> Tensor:
        heads = self.num_heads
        weight = weight.reshape(heads, len(weight) // heads, -1).to(x.dtype)
        return _Mix.apply(x, joints.reshape(heads, -1, x.shape[1]).to(x.dtype), weight)


def _unit_columns(matrix: Tensor) -> Tensor:
    norm = torch.linalg.vector_norm(matrix, dim=-2, keepdim=True)
    return matrix / (norm + 1e-4)


class _Mix(torch.autograd.Function):
    """Mixing of joints, three times over, then of channels, head by head.

    The mixed joints are three times as large as the input: they are made again in the backward
    pass. On a CPU the heads take turns with one buffer, on a GPU they go together.

    Args:
        x (Tensor): Shape (C, V, N, T).
        joints (Tensor): Shape (H, 3 * V, V).
        weight (Tensor): Shape (H, C' / H, C / H * 3).
    """

    @staticmethod
    def forward(ctx, x, joints, weight):
        ctx.save_for_backward(x, joints, weight)
        heads, width, _ = weight.shape
        out = x.new_empty(heads * width, *x.shape[1:])
        rows, mixed = out.view(heads, width, -1), None
        for turn in _turns(x, heads):
            mixed = _mix_joints(joints[turn], _heads(x, heads)[turn], mixed)
            torch.bmm(weight[turn], _by_head(mixed, turn), out=rows[turn])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, joints, weight = ctx.saved_tensors
        heads, width, _ = weight.shape
        grad_x, grad_joints, grad_weight = (torch.empty_like(t) for t in (x, joints, weight))
        grad = grad.contiguous().view(heads, width, -1)
        mixed = None
        for turn in _turns(x, heads):
            features = _heads(x, heads)[turn]
            mixed = _mix_joints(joints[turn], features, mixed)
            # This order of the product is twice as fast as the other one.
            grad_weight[turn] = torch.bmm(_by_head(mixed, turn), grad[turn].mT).mT
            torch.bmm(weight[turn].mT, grad[turn], out=_by_head(mixed, turn))
            _mix_joints(joints[turn].mT, mixed.unflatten(0, features.shape[:2]),
                        _heads(grad_x, heads)[turn].flatten(0, 1))
            pairs = torch.bmm(mixed, features.flatten(0, 1).mT)
            grad_joints[turn] = pairs.unflatten(0, features.shape[:2]).sum(1)
        return grad_x, grad_joints, grad_weight


def _turns(x: Tensor, heads: int) -> list[slice]:
    return [slice(0, heads)] if x.is_cuda else [slice(h, h + 1) for h in range(heads)]


def _heads(x: Tensor, heads: int) -> Tensor:
    """Features (C, V, N, T) as (H, C / H, V, N * T)."""
    return x.view(heads, len(x) // heads, x.shape[1], -1)


def _by_head(mixed: Tensor, turn: slice) -> Tensor:
    return mixed.view(turn.stop - turn.start, -1, mixed.shape[2] * (mixed.shape[1] // 3))


def _mix_joints(joints: Tensor, features: Tensor, out: Tensor | None) -> Tensor:
    """Apply each head's matrix (h, V', V) to its features (h, c, V, L); shape (h * c, V', L)."""
    heads, channels = features.shape[:2]
    matrix = joints[:, None].expand(-1, channels, -1, -1).reshape(-1, *joints.shape[1:])
    if out is None:
        out = features.new_empty(heads * channels, joints.shape[1], features.shape[3])
    return torch.bmm(matrix, features.flatten(0, 1), out=out)

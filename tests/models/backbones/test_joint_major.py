import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cocodiff_mm.models.backbones.joint_embedding import embed_joints
from cocodiff_mm.models.backbones.joint_major import batch_norm, fold, max_pool


def features(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(seed))


def norms(momentum=0.1, widths=(3, 2)):
    torch.manual_seed(0)
    found = [nn.BatchNorm2d(width, momentum=momentum).double() for width in widths]
    for norm in found:
        for value in norm.parameters():
            nn.init.uniform_(value, 0.5, 1.5)
        norm.running_mean.normal_()
    return found


@pytest.mark.parametrize('momentum, frozen', [(0.1, False), (None, False), (0.1, True)])
def test_batch_norms_in_one_equal_torchs(momentum, frozen):
    ours, theirs = norms(momentum), norms(momentum)
    ours[1].train(not frozen), theirs[1].train(not frozen)
    parts = [features(1, 4, 3, 5) * 3 + 7, features(4, 4, 3, 5, seed=1)]
    offset = features(5, seed=2).requires_grad_()
    left, right = ([part.clone().requires_grad_() for part in parts] for _ in range(2))
    output = batch_norm(left, offset, ours)
    # (C, V, N, T) to (N, C, T, V).
    whole = (torch.cat(right) + offset.detach()[:, None, None, None]).permute(2, 0, 3, 1)
    expected = torch.cat([norm(part) for norm, part in
                          zip(theirs, whole.split([3, 2], 1), strict=True)], 1)
    expected = expected.permute(1, 3, 0, 2)
    torch.testing.assert_close(output, expected, rtol=1e-11, atol=1e-11)
    weights = features(5, 4, 3, 5, seed=3)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    for one, other in zip(left, right, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-10, atol=1e-10)
    assert offset.grad is not None and (frozen or offset.grad.abs().max() < 1e-12)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.weight.grad, other.weight.grad, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(one.bias.grad, other.bias.grad, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=1e-11, atol=1e-11)


def test_float32_keeps_its_digits_where_the_mean_is_large():
    x = features(5, 25, 8, 64).float() + 30
    exact = batch_norm([x.double()], torch.zeros(5).double(), norms())
    output = batch_norm([x], torch.zeros(5), [norm.float() for norm in norms()])
    torch.testing.assert_close(output.double(), exact, rtol=1e-4, atol=1e-4)


def test_folded_norms_are_scale_and_shift():
    layers = [norm.eval() for norm in norms()]
    x, offset = features(5, 2, 3, 4), features(5, seed=1)
    scale, shift = fold(layers, offset)
    torch.testing.assert_close(x * scale[:, None, None, None] + shift[:, None, None, None],
                               batch_norm([x], offset, layers), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('frames', [1, 2, 7, 8])
def test_max_pool_is_torchs_also_between_equal_frames(frames, stride):
    # Few different values: most windows have ties.
    x = features(2, 3, 4, frames).sign().requires_grad_()
    other = x.detach().clone().requires_grad_()
    output = max_pool(x, stride)
    expected = F.max_pool2d(other, (1, 3), (1, stride), (0, 1))
    assert torch.equal(output, expected)
    weights = torch.randn_like(output)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(x.grad, other.grad, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize('momentum', [0.1, None])
@pytest.mark.parametrize('training', [True, False])
def test_embedded_joints_are_normalised_as_if_made_first(training, momentum):
    torch.manual_seed(0)
    linear, norm = nn.Linear(3, 8).double(), nn.BatchNorm1d(2 * 5 * 8, momentum=momentum).double()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    position = features(1, 5, 8).requires_grad_()
    other = nn.BatchNorm1d(2 * 5 * 8, momentum=momentum).double()
    other.load_state_dict(norm.state_dict())
    norm.train(training), other.train(training)
    x = features(4, 2, 6, 5, 3) + 2
    output = embed_joints(x, linear, position, norm)
    expected = other((linear(x) + position).permute(0, 1, 3, 4, 2).reshape(4, -1, 6))
    expected = expected.view(4, 2, 5, 8, 6).permute(3, 2, 0, 1, 4).flatten(2, 3)
    torch.testing.assert_close(output, expected, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(norm.state_dict(), other.state_dict(), rtol=1e-12, atol=1e-12)
    inputs = (linear.weight, linear.bias, position)
    weights = features(*output.shape, seed=4)
    found = torch.autograd.grad((output * weights).sum(), inputs)
    wanted = torch.autograd.grad((expected * weights).sum(), inputs)
    for one, two in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10)

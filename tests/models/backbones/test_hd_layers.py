import pytest
import torch

from cocodiff_mm.models.backbones.hd_layers import layer_features, sum_layers

N, T, V, C, LAYERS, SUBSETS = 3, 5, 4, 2, 2, 3


def inputs(frames=T):
    generator = torch.Generator().manual_seed(0)
    shapes = ((N, V, frames, LAYERS * C), (LAYERS, SUBSETS, V, V), (LAYERS, SUBSETS, C, C),
              (N, LAYERS, SUBSETS, C), (N, SUBSETS, C), (N, V, C))
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()
            for shape in shapes]


def ours(x, adjacency, weight, gain, constant, edges, moments=True):
    layers, token, *known, _, _ = layer_features(x, None, adjacency, weight, moments)
    return sum_layers(layers, token, gain, constant, edges), *known


def naive(x, adjacency, weight, gain, constant, edges):
    y = torch.relu(x).unflatten(3, (LAYERS, C))
    features = torch.einsum('lkuv,nvtlc,lkcd->nlkutd', adjacency, y, weight)
    total = (features * gain[:, :, :, None, None]).sum(1) + constant[:, :, None, None]
    total = torch.cat([total, edges[:, None, :, None].expand(-1, -1, -1, x.shape[2], -1)], 1)
    features = features.flatten(1, 2)
    return (total.permute(0, 2, 3, 1, 4).flatten(3), y.mean(2).transpose(1, 2),
            features.max(3).values, features.sum((2, 3)), features.square().sum((2, 3)))


@pytest.mark.parametrize('frames', [1, 5, 64])
def test_values_and_gradients_equal_the_naive_form(frames):
    left, right = inputs(frames), inputs(frames)
    outputs, expected = ours(*left), naive(*right)
    torch.testing.assert_close(outputs, expected, rtol=1e-11, atol=1e-11)
    weights = [torch.randn_like(y) for y in expected]
    for ys in (outputs, expected):
        sum((y * w).sum() for y, w in zip(ys, weights, strict=True)).backward()
    for one, other in zip(left, right, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('which', range(5))
def test_gradient_of_each_result_alone(which):
    found, wanted = ([torch.autograd.grad(form(*tensors)[which].square().sum(), tensors[0])[0]]
                     for form, tensors in ((ours, inputs()), (naive, inputs())))
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


def test_without_gradients_the_same_numbers_and_no_moments_unless_wanted():
    expected = ours(*inputs())
    with torch.no_grad():
        torch.testing.assert_close(ours(*inputs()), expected, rtol=1e-12, atol=1e-12)
    *_, sums, squares = ours(*inputs(), moments=False)
    assert sums.numel() == squares.numel() == 0


def test_the_first_of_equal_frames_is_the_largest():
    tensors = inputs()
    with torch.no_grad():
        tensors[0][:] = tensors[0][:, :, :1]
    ours(*tensors)[2].sum().backward()
    grad = tensors[0].grad
    assert grad[:, :, 0].abs().max() > 0.1 and not grad[:, :, 1:].any()

import pytest
import torch
import torch.nn.functional as F

from cocodiff_mm.models.backbones.hd_sources import Sources

N, V, T, C, LAYERS = 3, 4, 5, 2, 3


def tensors():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, generator=generator)
            for shape in ((N, V, T, LAYERS * C), (LAYERS * C,), (LAYERS * C,),
                          (N, LAYERS, V, T, C))]


def expected(x, weight, bias):
    if weight is not None:
        x = F.batch_norm(x.permute(0, 3, 1, 2), None, None, weight, bias, True, eps=1e-3)
        x = x.permute(0, 2, 3, 1)
    return torch.relu(x).view(N, V, T, LAYERS, C).permute(0, 3, 1, 2, 4)


@pytest.mark.parametrize('norm', [True, False])
@pytest.mark.parametrize('parts', [[slice(n, n + 1) for n in range(N)], [slice(0, N)]])
def test_values_and_gradients_equal_those_of_torch(norm, parts):
    x, weight, bias, grad = tensors()
    x = (3 * x + 7 * norm).requires_grad_()
    leaves = [x, weight.requires_grad_(), bias.requires_grad_()] if norm else [x]
    result = expected(x, weight if norm else None, bias if norm else None)
    wanted = torch.autograd.grad((result * grad).sum(), leaves)
    with torch.no_grad():
        sources = Sources(x, LAYERS, *((weight, bias) if norm else (None, None)), 1e-3)
        for rows in parts:
            torch.testing.assert_close(sources.make(rows), result[rows], rtol=1e-12, atol=1e-12)
            sources.differentiate(rows, grad[rows].clone())
        of_x = sources.gradient(parts)
    found = (of_x, sources.of_weight, sources.of_bias)[:len(leaves)]
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


def test_moments_are_the_biased_ones_and_can_be_given():
    x, weight, bias, _ = tensors()
    sources = Sources(x, LAYERS, weight, bias, 1e-3)
    torch.testing.assert_close(sources.mean, x.mean((0, 1, 2)))
    torch.testing.assert_close(sources.var, x.var((0, 1, 2), correction=0))
    moments = sources.mean, sources.var
    # Of one person alone the statistics would be others.
    alone = Sources(x[:1], LAYERS, weight, bias, 1e-3, moments).make(slice(0, 1))
    torch.testing.assert_close(alone, sources.make(slice(0, 1)))
    assert Sources(x, LAYERS, None, None, 0.).mean.numel() == 0

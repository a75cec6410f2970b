import torch
from mmaction.registry import OPTIM_WRAPPERS
from torch import nn


def test_forward_is_bfloat16_and_the_step_is_float32():
    torch.manual_seed(0)
    model, x = nn.Linear(4, 4), torch.randn(8, 4)
    expected = model.weight - 0.5 * torch.autograd.grad(model(x).square().mean(), model.weight)[0]
    wrapper = OPTIM_WRAPPERS.build(dict(
        type='AutocastOptimWrapper', optimizer=torch.optim.SGD(model.parameters(), lr=0.5)))
    with wrapper.optim_context(model):
        y = model(x)
    assert y.dtype == torch.bfloat16
    wrapper.update_params(y.float().square().mean())
    assert model.weight.dtype == torch.float32
    torch.testing.assert_close(model.weight, expected, rtol=0.02, atol=0.005)
    assert model(x).dtype == torch.float32, 'autocast ends with its context'

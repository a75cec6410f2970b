import pytest
import torch
from references.hdgcn_naive import shaken
from torch import nn

from cocodiff_mm.models.backbones.channels_last import ChannelsLastTemporalConv, pointwise_norm
from cocodiff_mm.models.backbones.temporal_conv import MultiScaleTemporalConv


def averaging(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    return model


def frozen(*names):
    def freeze(model):
        for name in names:
            model.get_submodule(name).eval()
        return model
    return freeze


def assert_equal_after_steps(ours, theirs, x, modes):
    for training in modes:
        if training is not None:
            ours.train(training), theirs.train(training)
        left = x.clone().requires_grad_()
        right = x.clone().requires_grad_()
        output, expected = ours(left.mT).mT, theirs(right)
        torch.testing.assert_close(output, expected, rtol=1e-10, atol=1e-10)
        weights = torch.randn_like(expected)
        grads = [torch.autograd.grad((y * weights).sum(), [z, *module.parameters()])
                 for y, z, module in ((output, left, ours), (expected, right, theirs))]
        torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-9)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-10, atol=1e-10)


def branches(stride):
    torch.manual_seed(0)
    plain = shaken(MultiScaleTemporalConv(16, stride, 5, (1, 2), 0., True)).double()
    ours = ChannelsLastTemporalConv(16, stride, 5, (1, 2), 0., True).double()
    ours.load_state_dict(plain.state_dict())
    return ours, plain


@pytest.mark.parametrize('stride, frames', [(1, 6), (2, 7)])
def test_temporal_conv_equals_the_plain_one(stride, frames):
    ours, plain = branches(stride)
    x = torch.randn(3, 16, frames, 5, dtype=torch.float64)
    assert_equal_after_steps(ours, plain, x, (True, True, False))


@pytest.mark.parametrize('change', [
    averaging, nn.SyncBatchNorm.convert_sync_batchnorm, frozen('branches'),
    frozen('branches.0.1'), frozen('branches.1.3.bn', 'branches.3.1'), frozen('branches.2.4')])
def test_temporal_conv_with_other_batch_norms(change):
    ours, plain = (change(model.train()) for model in branches(1))
    x = torch.randn(3, 16, 6, 5, dtype=torch.float64)
    assert_equal_after_steps(ours, plain, x, (None, None))


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('change', [averaging, nn.SyncBatchNorm.convert_sync_batchnorm,
                                    frozen('1.0'), frozen('1'), frozen()])
def test_pointwise_convolutions_side_by_side(change, stride):
    torch.manual_seed(0)
    convs = nn.ModuleList(nn.Conv2d(6, width, 1, (stride, 1)) for width in (3, 2))
    norms = nn.ModuleList(nn.BatchNorm2d(width) for width in (3, 2))
    model = change(shaken(nn.ModuleList([convs, norms])).double().train())
    x = torch.randn(4, 6, 7, 5, dtype=torch.float64)
    states = {name: value.clone() for name, value in model.state_dict().items()}
    output = pointwise_norm(list(zip(*model, strict=True)), x.mT).mT
    ours = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(states)
    expected = torch.cat([norm(conv(x)) for conv, norm in zip(*model, strict=True)], 1)
    torch.testing.assert_close(output, expected, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(ours, dict(model.state_dict()), rtol=1e-11, atol=1e-11)

import pytest
import torch

from cocodiff_mm.models.backbones.temporal_conv import MultiScaleTemporalConv, TemporalConv


def multi_scale(channels=8, stride=1, kernel_size=5, dilations=(1, 2), dropout=0., relu=False):
    return MultiScaleTemporalConv(channels, stride, kernel_size, dilations, dropout, relu)


@pytest.mark.parametrize('kernel_size, dilation, seen', [(1, 1, [6]), (3, 1, [5, 6, 7]),
                                                         (5, 2, [2, 4, 6, 8, 10])])
def test_frames_under_the_kernel(kernel_size, dilation, seen):
    conv = TemporalConv(1, 1, kernel_size, 1, dilation).eval()
    x = torch.randn(1, 1, 13, 1, requires_grad=True)
    conv(x)[0, 0, 6].sum().backward()
    assert x.grad.flatten().nonzero().flatten().tolist() == seen


@pytest.mark.parametrize('frames, stride, left', [(8, 1, 8), (8, 2, 4), (7, 2, 4), (1, 2, 1)])
def test_length_of_every_branch(frames, stride, left):
    tcn = multi_scale(stride=stride, kernel_size=[3, 7]).eval()
    assert tcn(torch.randn(2, 8, frames, 5)).shape == (2, 8, left, 5)


@pytest.mark.parametrize('channels, settings, widths', [
    (16, {}, [4, 4, 4, 4]),
    (11, {}, [2, 2, 2, 5]),
    (10, dict(dilations=[1, 2, 3], kernel_size=[3, 5, 3]), [2, 2, 2, 2, 2]),
])
def test_last_branch_takes_the_channels_left(channels, settings, widths):
    branches = multi_scale(channels, **settings).branches
    assert [branch[0].out_channels for branch in branches] == widths


def test_relu_is_a_switch():
    x = torch.randn(2, 8, 6, 5)
    plain, rectified = multi_scale(), multi_scale(relu=True)
    rectified.load_state_dict(plain.state_dict())
    assert (plain(x) < 0).any()
    assert torch.equal(rectified(x), plain(x).relu())


@pytest.mark.parametrize('settings, message', [
    (dict(kernel_size=4), 'kernel_size=4 .* expected an odd number'),
    (dict(kernel_size=[3, 5, 7]), r'kernel_size=\[3, 5, 7\] with dilations=\[1, 2\]'),
    (dict(channels=3), '3 channels are too few for 4 temporal branches'),
])
def test_refuses_settings_that_are_not_valid(settings, message):
    with pytest.raises(ValueError, match=message):
        multi_scale(**settings)

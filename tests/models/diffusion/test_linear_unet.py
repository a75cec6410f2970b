import pytest
import torch

from cocodiff_mm.models.diffusion import LinearUNet


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_default_size():
    assert count(LinearUNet(256, 384)) == 3_746_816


def test_the_input_gain_passes_magnitudes_that_the_norms_hide():
    torch.manual_seed(0)
    model = LinearUNet(16, 8, channels=(32, 16), cond_channels=16).eval()
    timesteps, text = torch.tensor([0, 9]), torch.randn(2, 8)
    with torch.no_grad():
        model.conditioning.modulation.weight[-16:].normal_()
        x = torch.randn(2, 16)
        eps = model(x, timesteps, text)
        torch.testing.assert_close(model(3 * x, timesteps, text), 3 * eps, rtol=1e-5, atol=1e-6)
        gains = eps / x
    assert gains.std() > 0.1 and (gains[0] - gains[1]).abs().max() > 0.1


@pytest.mark.parametrize('channels', [(32, ), (32, 16), (24, 12, 48)])
def test_every_level_has_its_blocks_and_skip(channels):
    torch.manual_seed(0)
    model = LinearUNet(16, 8, channels=channels, num_res_blocks=2, cond_channels=16)
    torch.nn.init.normal_(model.head.weight)
    levels = len(channels)
    assert model.conditioning.modulation.out_features == (
        2 * (2 * (2 * sum(channels) - channels[-1]) + channels[0]) + 16)
    assert len(model.up) == len(model.down) == levels - 1
    x, timesteps, text = torch.randn(3, 16), torch.arange(3), torch.randn(3, 8)
    expected = model(x, timesteps, text)
    for up, width in zip(model.up, channels[-2::-1], strict=True):
        with torch.no_grad():
            skip = up.weight[:, -width:].clone()
            up.weight[:, -width:] = 0
            assert (model(x, timesteps, text) - expected).abs().max() > 1e-3
            up.weight[:, -width:] = skip


@pytest.mark.parametrize('arguments', [dict(channels=()), dict(num_res_blocks=0)])
def test_empty_networks_are_refused(arguments):
    with pytest.raises(ValueError, match='at least one level and one block per level'):
        LinearUNet(16, 8, **arguments)

import pytest
import torch

from cocodiff_mm.models.diffusion.conditioning import Conditioning, SinusoidalEmbedding


def make():
    torch.manual_seed(0)
    offset = torch.tensor([1., 1., 1., 0., 0., 0., 0.])
    return Conditioning(12, 16, offset), torch.arange(5), torch.randn(5, 12)


def test_sinusoids_have_the_stated_frequencies():
    embedding = SinusoidalEmbedding(8)(torch.tensor([0, 3]))
    angles = 3 * torch.tensor([1., 1e-1, 1e-2, 1e-3])
    torch.testing.assert_close(embedding[0], torch.tensor([0.] * 4 + [1.] * 4))
    torch.testing.assert_close(embedding[1], torch.cat([angles.sin(), angles.cos()]))


def test_thirty_timesteps_are_told_apart():
    embedding = SinusoidalEmbedding(256)(torch.arange(30))
    distances = torch.cdist(embedding, embedding) + 1e3 * torch.eye(30)
    assert distances.min() > 1


def test_time_part_and_text_part_add_up():
    module, timesteps, text = make()
    drop = torch.tensor([True, False, False, True, False])
    torch.testing.assert_close(
        module.time_part(timesteps) + module.text_part(text, drop),
        module(timesteps, text, drop),
        rtol=1e-5,
        atol=1e-6)


def test_without_weights_nothing_is_modulated():
    module, timesteps, text = make()
    torch.nn.init.zeros_(module.modulation.weight)
    torch.nn.init.zeros_(module.modulation.bias)
    expected = torch.tensor([1., 1., 1., 0., 0., 0., 0.]).expand(5, -1)
    torch.testing.assert_close(module(timesteps, text), expected, rtol=0, atol=0)


def test_scale_of_the_text_does_not_matter():
    module, timesteps, text = make()
    torch.testing.assert_close(
        module(timesteps, text), module(timesteps, 30 * text), rtol=1e-4, atol=1e-4)


def test_only_the_weights_are_saved():
    keys = set(make()[0].state_dict())
    assert 'null_text' in keys and 'offset' not in keys
    assert not any('frequencies' in key for key in keys)


@pytest.mark.parametrize('channels', [0, 7])
def test_odd_widths_are_refused(channels):
    with pytest.raises(ValueError, match=f'cond_channels={channels}, expected an even number'):
        Conditioning(12, channels, torch.zeros(4))


@pytest.mark.parametrize('shape', [(5, 11), (12, ), (5, 2, 12)])
def test_wrong_text_is_refused(shape):
    with pytest.raises(ValueError, match=r'expected \(B, text_channels=12\)'):
        make()[0](torch.arange(5), torch.zeros(shape))

import pytest
import torch

from cocodiff_mm.models.diffusion import ConvUNet1D


def make(dim, mults=(1, 2, 4), **arguments):
    torch.manual_seed(0)
    model = ConvUNet1D(
        dim, 8, base_channels=8, channel_mults=mults, cond_channels=16, **arguments).eval()
    torch.nn.init.normal_(model.head.weight)
    return model, torch.randn(2, dim), torch.tensor([1, 5]), torch.randn(2, 8)


def test_default_size():
    model = ConvUNet1D(256, 384)
    assert sum(p.numel() for p in model.parameters()) == 1_764_865


@pytest.mark.parametrize('dim', [64, 61, 62, 63, 3])
def test_levels_halve_a_padded_length(dim):
    model, x, timesteps, text = make(dim)
    lengths = []
    for block in (model.down_blocks[0][0], model.down_blocks[1][0], model.bottleneck[0]):
        block.register_forward_hook(lambda m, args, out: lengths.append(out.shape[-1]))
    assert model(x, timesteps, text).shape == (2, dim)
    padded = -(-dim // 4) * 4
    assert lengths == [padded, padded // 2, padded // 4]


def test_the_last_feature_counts_when_the_length_is_padded():
    model, x, timesteps, text = make(61)
    x.requires_grad_()
    model(x, timesteps, text)[:, -1].sum().backward()
    assert (x.grad[:, -1].abs() > 1e-4).all()


def test_positions_are_told_apart():
    model, _, timesteps, text = make(64)
    with torch.no_grad():
        sections = model.sections[:-2]
        model.conditioning.modulation.weight[sum(sections):].zero_()  # no text map, no gain
        model.conditioning.modulation.bias[sum(sections):].zero_()
        x = torch.zeros(2, 64)
        inner = slice(30, 36)  # beyond the reach of the zero padding at the ends
        with_position = model(x, timesteps, text)[:, inner].std(1)
        model.position.zero_()
        without = model(x, timesteps, text)[:, inner].std(1)
    assert (with_position > 10 * without).all()


def test_every_level_has_its_skip():
    model, x, timesteps, text = make(64)
    expected = model(x, timesteps, text)
    for block, width in zip((blocks[0] for blocks in model.up_blocks), (16, 8), strict=True):
        with torch.no_grad():
            skip = block.shortcut.weight[:, -width:].clone()
            block.shortcut.weight[:, -width:] = 0
            assert (model(x, timesteps, text) - expected).abs().max() > 1e-3
            block.shortcut.weight[:, -width:] = skip


def test_blocks_per_level_are_counted():
    model, x, timesteps, text = make(16, mults=(1, 3), num_res_blocks=3)
    assert [len(b) for b in (*model.down_blocks, model.bottleneck, *model.up_blocks)] == [3] * 3
    assert model(x, timesteps, text).shape == (2, 16)


@pytest.mark.parametrize('arguments', [dict(mults=()), dict(num_res_blocks=0)])
def test_empty_networks_are_refused(arguments):
    with pytest.raises(ValueError, match='at least one level and one block per level'):
        make(16, **arguments)

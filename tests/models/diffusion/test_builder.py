import pytest
from mmengine import ConfigDict

from cocodiff_mm.models.diffusion import ConvUNet1D, LinearUNet, build_denoiser


@pytest.mark.parametrize('mapping', [dict, ConfigDict])
def test_type_and_arguments_choose_the_denoiser(mapping):
    cfg = mapping(type='LinearUNet', channels=(32, 16))
    model = build_denoiser(cfg, 16, 8)
    assert type(model) is LinearUNet
    assert (model.in_channels, model.text_channels, model.stem.out_features) == (16, 8, 32)
    assert cfg['type'] == 'LinearUNet'  # the config is left as it was
    assert type(build_denoiser(mapping(type='ConvUNet1D', base_channels=8), 16, 8)) is ConvUNet1D


@pytest.mark.parametrize('cfg', [
    dict(type='UNet2D'), dict(), dict(type=None), dict(type='NoiseSchedule')
])
def test_unknown_types_are_refused_with_the_choice(cfg):
    with pytest.raises(ValueError, match=r"set type to one of \['ConvUNet1D', 'LinearUNet'\]"):
        build_denoiser(cfg, 16, 8)


def test_widths_belong_to_the_caller():
    with pytest.raises(ValueError, match=r"sets \['in_channels'\], expected neither"):
        build_denoiser(dict(type='LinearUNet', in_channels=256), 16, 8)


def test_misspelt_arguments_are_refused():
    with pytest.raises(TypeError, match='chanels'):
        build_denoiser(dict(type='LinearUNet', chanels=(32, )), 16, 8)

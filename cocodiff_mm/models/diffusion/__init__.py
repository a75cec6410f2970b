"""Latent diffusion on feature vectors: noise schedule, reverse walks, denoisers."""
from .builder import build_denoiser
from .conv_unet import ConvUNet1D
from .denoiser import Denoiser
from .linear_unet import LinearUNet
from .samplers import SAMPLER_KINDS, Sampler
from .schedule import SCHEDULE_KINDS, NoiseSchedule

__all__ = [
    'SAMPLER_KINDS', 'SCHEDULE_KINDS', 'ConvUNet1D', 'Denoiser', 'LinearUNet', 'NoiseSchedule',
    'Sampler', 'build_denoiser'
]

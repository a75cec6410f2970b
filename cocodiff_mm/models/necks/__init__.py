from .latent_diffusion_neck import LatentDiffusionNeck

__all__ = ['LatentDiffusionNeck']

import torch
from mmengine.dist import all_reduce, get_dist_info
from torch import Tensor, nn


class FeatureScale(nn.Module):
    """Running mean and variance of features: diffusion works on standardised features.

    The statistics are exact over the global batch of all processes and follow the backbone by an
    exponential average; the first batch after a reset sets them.

    Args:
        channels (int): Width D of the features.
        momentum (float): Weight of a new batch, in (0, 1]. Defaults to 0.1.
        enabled (bool): If false, features pass unchanged. Defaults to True.

    Raises:
        ValueError: If ``momentum`` is out of (0, 1].
    """

    eps = 1e-6

    def __init__(self, channels: int, momentum: float = 0.1, enabled: bool = True) -> None:
        super().__init__()
        if not 0 < momentum <= 1:
            raise ValueError(f'scale_momentum must be in (0, 1], got {momentum}')
        self.momentum = momentum
        self.enabled = enabled
        self.register_buffer('mean', torch.zeros(channels))
        self.register_buffer('var', torch.ones(channels))
        self.register_buffer('num_batches', torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def update(self, feats: Tensor) -> None:
        """Take a batch of features (B, D) into account."""
        if not self.enabled:
            return
        moments = torch.stack([feats.mean(0), feats.square().mean(0)]).to(self.mean.dtype)
        all_reduce(moments, op='mean')
        mean, var = moments[0], (moments[1] - moments[0].square()).clamp_min(0)
        # Tensors, not a Python branch: reading num_batches on the host would stall the GPU.
        first = self.num_batches == 0
        weight = torch.where(first, 1.0, self.momentum).to(mean.dtype)
        # Means that move belong to the variance too: one-sample batches have no other.
        within = var + (1 - weight) * (mean - self.mean).square()
        alone = len(feats) * get_dist_info()[1] == 1
        self.var.copy_(torch.where(
            first, torch.ones_like(var) if alone else var, self.var.lerp(within, weight)))
        self.mean.lerp_(mean, weight)
        self.num_batches += 1

    @torch.no_grad()
    def set_from(self, feats: Tensor) -> None:
        """Set the statistics from all features (N, D) at once."""
        self.mean.copy_(feats.mean(0))
        self.var.copy_(feats.var(0, unbiased=False))
        self.num_batches.fill_(1)

    def reset(self) -> None:
        """Forget: the next batch sets the statistics."""
        self.num_batches.zero_()

    def standardize(self, feats: Tensor) -> Tensor:
        """(B, D) features to zero mean and unit variance."""
        return (feats - self.mean) / self._std() if self.enabled else feats

    def restore(self, feats: Tensor) -> Tensor:
        """Inverse of :meth:`standardize`."""
        return feats * self._std() + self.mean if self.enabled else feats

    def _std(self) -> Tensor:
        return (self.var + self.eps).sqrt()

"""Noise schedule of the latent diffusion and its closed-form quantities."""
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

SCHEDULE_KINDS = ('linear', 'scaled_linear', 'cosine')


def make_betas(kind: str, num_timesteps: int, beta_start: float, beta_end: float) -> Tensor:
    """Make the variances beta_t of the forward process.

    ``linear`` is that of DDPM (arXiv 2006.11239, section 4), ``scaled_linear`` is linear in
    sqrt(beta) (arXiv 2112.10752), ``cosine`` follows arXiv 2102.09672 (Eq. 17), clipped at 0.999.

    Args:
        kind (str): One of ``SCHEDULE_KINDS``.
        num_timesteps (int): Number of steps T, at least 1.
        beta_start (float): First variance; ``cosine`` ignores it.
        beta_end (float): Last variance; ``cosine`` ignores it.

    Returns:
        Tensor: (T,) float64.

    Raises:
        ValueError: If ``kind`` is unknown.
    """
    if kind == 'linear':
        return torch.linspace(beta_start, beta_end, num_timesteps, dtype=torch.float64)
    if kind == 'scaled_linear':
        roots = (math.sqrt(max(beta_start, 0.)), math.sqrt(max(beta_end, 0.)))
        return torch.linspace(*roots, num_timesteps, dtype=torch.float64)**2
    if kind == 'cosine':
        grid = torch.arange(num_timesteps + 1, dtype=torch.float64) / num_timesteps
        alpha_bar = torch.cos((grid + 0.008) / 1.008 * math.pi / 2)**2
        return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=0.999)
    raise ValueError(f"unknown noise schedule kind={kind!r}; set kind to one of "
                     f'{list(SCHEDULE_KINDS)}, or give the variances themselves as betas=[...]')


class NoiseSchedule(nn.Module):
    """Forward process q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I) and its inversions.

    Source: DDPM, arXiv 2006.11239, Eqs. 2, 4, 7 and 15. Timesteps count from 0, so the paper's
    step t is ``timesteps = t - 1`` and the noisiest one is ``num_timesteps - 1``.

    The tables are computed in float64 and kept as float32 buffers outside the state dict; a
    schedule moved to float64 has them at float64 accuracy. Timesteps out of range are not checked
    in Python, which would synchronise the device: the lookup itself fails on them (``IndexError``
    on CPU, a device-side assertion on CUDA).

    Args:
        num_timesteps (int): Number of steps T.
        kind (str): 'linear', 'scaled_linear' or 'cosine'. Defaults to 'linear'.
        beta_start (float): First variance of the two linear kinds. Defaults to 1e-4.
        beta_end (float): Last variance of the two linear kinds. Defaults to 0.02.
        betas (Sequence[float], optional): The T variances themselves, for instance
            ``scheduler.betas.tolist()`` of a diffusers scheduler. They take the place of ``kind``,
            ``beta_start`` and ``beta_end``. Defaults to None.

    Attributes:
        alpha_bars (tuple[float]): abar_t for t = 0 .. T-1, in double precision.

    Raises:
        ValueError: If ``num_timesteps`` is below 1, ``kind`` is unknown, ``betas`` has not T
            entries, or a variance is outside of (0, 1).
    """

    def __init__(self,
                 num_timesteps: int,
                 kind: str = 'linear',
                 beta_start: float = 1e-4,
                 beta_end: float = 0.02,
                 betas: Sequence[float] | None = None) -> None:
        super().__init__()
        if num_timesteps < 1:
            raise ValueError(f'num_timesteps={num_timesteps}, expected num_timesteps >= 1: set the '
                             'number of diffusion steps, for instance num_timesteps=30')
        if kind not in SCHEDULE_KINDS:
            raise ValueError(f'unknown noise schedule kind={kind!r}; set kind to one of '
                             f'{list(SCHEDULE_KINDS)}, or give the variances as betas=[...]')
        self.num_timesteps = num_timesteps
        self.kind = kind if betas is None else 'betas'
        if betas is None:
            variances = make_betas(kind, num_timesteps, beta_start, beta_end)
        else:
            variances = torch.as_tensor(betas, dtype=torch.float64).cpu().clone()
        if variances.shape != (num_timesteps, ):
            raise ValueError(f'betas has shape {tuple(variances.shape)}, expected '
                             f'({num_timesteps},): give one variance per step of '
                             f'num_timesteps={num_timesteps}')
        if not bool(((variances > 0) & (variances < 1)).all()):
            raise ValueError(f'variances from {variances.min().item():g} to '
                             f'{variances.max().item():g}, expected every one inside (0, 1): '
                             'correct beta_start and beta_end, or betas')
        alpha_bar = torch.cumprod(1 - variances, dim=0)
        previous = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
        # Not buffers: a cast of the module must leave the exact values alone.
        self._exact_tables = dict(
            betas=variances,
            alpha_bar=alpha_bar,
            signal_scale=alpha_bar.sqrt(),
            noise_scale=(1 - alpha_bar).sqrt(),
            posterior_x0=previous.sqrt() * variances / (1 - alpha_bar),
            posterior_xt=(1 - variances).sqrt() * (1 - previous) / (1 - alpha_bar),
            posterior_variance=variances * (1 - previous) / (1 - alpha_bar))
        self.alpha_bars = tuple(alpha_bar.tolist())
        for name, table in self._exact_tables.items():
            self.register_buffer(name, table.float(), persistent=False)

    def _apply(self, fn, recurse: bool = True):
        """Refill the tables after a cast, which would keep the rounding of the former dtype."""
        super()._apply(fn, recurse)
        for name, table in self._exact_tables.items():
            buffer = getattr(self, name)
            setattr(self, name, table.to(device=buffer.device, dtype=buffer.dtype))
        return self

    def extra_repr(self) -> str:
        """Describe the schedule in ``repr``."""
        return (f'num_timesteps={self.num_timesteps}, kind={self.kind!r}, '
                f'final_alpha_bar={self.alpha_bars[-1]:.4g}')

    @staticmethod
    def _at(table: Tensor, timesteps: Tensor, like: Tensor) -> Tensor:
        # index_select, unlike table[timesteps], refuses negative timesteps instead of wrapping.
        values = table.index_select(0, timesteps).to(like.dtype)
        return values.reshape(-1, *[1] * (like.dim() - 1))

    def add_noise(self, x0: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Draw x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise (DDPM, Eq. 4).

        Args:
            x0 (Tensor): (B, D) clean features.
            noise (Tensor): (B, D) standard normal.
            timesteps (Tensor): (B,) int64 in [0, T).

        Returns:
            Tensor: (B, D) noisy features.
        """
        return (self._at(self.signal_scale, timesteps, x0) * x0 +
                self._at(self.noise_scale, timesteps, x0) * noise)

    def predict_x0(self, x_t: Tensor, eps: Tensor, timesteps: Tensor) -> Tensor:
        """Estimate x_0 in one step from the predicted noise (DDPM, Eq. 15).

        Args:
            x_t (Tensor): (B, D) noisy features.
            eps (Tensor): (B, D) predicted noise.
            timesteps (Tensor): (B,) int64 in [0, T).

        Returns:
            Tensor: (B, D) estimate (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t).
        """
        return ((x_t - self._at(self.noise_scale, timesteps, x_t) * eps) /
                self._at(self.signal_scale, timesteps, x_t))

    def predict_noise(self, x_t: Tensor, x0: Tensor, timesteps: Tensor) -> Tensor:
        """Recover the noise that leads from x_0 to x_t (DDPM, Eq. 4 solved for the noise).

        Args:
            x_t (Tensor): (B, D) noisy features.
            x0 (Tensor): (B, D) clean features.
            timesteps (Tensor): (B,) int64 in [0, T).

        Returns:
            Tensor: (B, D) noise (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t).
        """
        return ((x_t - self._at(self.signal_scale, timesteps, x_t) * x0) /
                self._at(self.noise_scale, timesteps, x_t))

    def posterior(self, x0: Tensor, x_t: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(x_{t-1} | x_t, x_0) (DDPM, Eqs. 6 and 7).

        The variance is the smaller of the paper's two choices, (1 - abar_{t-1}) / (1 - abar_t)
        beta_t; it is 0 at timestep 0.

        Args:
            x0 (Tensor): (B, D) clean features, or their estimate.
            x_t (Tensor): (B, D) noisy features.
            timesteps (Tensor): (B,) int64 in [0, T).

        Returns:
            tuple[Tensor, Tensor]: Mean (B, D) and variance (B, 1).
        """
        mean = (self._at(self.posterior_x0, timesteps, x_t) * x0 +
                self._at(self.posterior_xt, timesteps, x_t) * x_t)
        return mean, self._at(self.posterior_variance, timesteps, x_t)

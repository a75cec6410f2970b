"""Reverse walks of the diffusion: from the noisy x_T to the generated x_0."""
import math
from collections.abc import Callable

import torch
from torch import Tensor

from .schedule import NoiseSchedule

SAMPLER_KINDS = ('ddpm', 'ddim', 'one_step')


def reverse_coefficients(alpha_bar: float,
                         alpha_bar_prev: float,
                         eta: float) -> tuple[float, float, float]:
    """Coefficients (a, b, sigma) of one reverse step x' = a x + b eps + sigma z.

    Source: DDIM, arXiv 2010.02502, Eqs. 12 and 16, collected by x and eps. With ``eta=1`` and
    neighbouring steps it is the ancestral step of DDPM with the posterior's variance.

    Args:
        alpha_bar (float): abar of the step the walk is at.
        alpha_bar_prev (float): abar of the step it goes to; 1 when that is x_0.
        eta (float): Share of the posterior's standard deviation that is drawn anew, in [0, 1].

    Returns:
        tuple[float, float, float]: a, b and sigma.
    """
    variance = eta**2 * (1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev)
    scale = math.sqrt(alpha_bar_prev / alpha_bar)
    direction = math.sqrt(max(1 - alpha_bar_prev - variance, 0.))
    return scale, direction - scale * math.sqrt(1 - alpha_bar), math.sqrt(variance)


class Sampler:
    """Reverse walk that starts at timestep T-1 for every sample and ends at x_0.

    - ``ddpm``: ancestral, T steps (arXiv 2006.11239, Algorithm 2; posterior variance).
    - ``ddim``: ``num_steps`` of the T steps (arXiv 2010.02502), evenly spaced *from the noisy
      end*: step i of n is at ``round(T (n - i) / n) - 1``. So it always starts at T-1, the level
      of noise that x_T really has, and n = T visits every step. For n dividing T these are the
      'trailing' timesteps of diffusers.
    - ``one_step``: the one-step estimate of x_0 at T-1, which is ``ddim`` with one step.

    Samples are never clipped: features have no natural range. The walk is differentiable; callers
    that need no gradient wrap it in ``torch.no_grad()``.

    Args:
        kind (str): 'ddpm', 'ddim' or 'one_step'. Defaults to 'ddpm'.
        num_steps (int, optional): Number of steps of ``ddim``, None for all T. The other two kinds
            fix it and take None only. Defaults to None.
        eta (float): Share of fresh noise of ``ddim``, from 0 (deterministic) to 1 (as DDPM). The
            other two kinds fix it and take 0 only. Defaults to 0.

    Raises:
        ValueError: If ``kind`` is unknown, ``num_steps`` is below 1, ``eta`` is outside of [0, 1],
            or one of the two is given to a kind that fixes it.
    """

    def __init__(self, kind: str = 'ddpm', num_steps: int | None = None, eta: float = 0.) -> None:
        if kind not in SAMPLER_KINDS:
            raise ValueError(f'unknown sampler kind={kind!r}; set kind to one of '
                             f'{list(SAMPLER_KINDS)}')
        if kind != 'ddim' and (num_steps is not None or eta != 0):
            raise ValueError(f'kind={kind!r} got num_steps={num_steps}, eta={eta}, expected '
                             "neither, as it fixes both: leave them out, or set kind='ddim'")
        if num_steps is not None and num_steps < 1:
            raise ValueError(f'num_steps={num_steps}, expected num_steps >= 1, or None for all '
                             'steps of the schedule')
        if not 0 <= eta <= 1:
            raise ValueError(f'eta={eta}, expected 0 <= eta <= 1: 0 is deterministic, 1 is as '
                             'noisy as DDPM')
        self.kind = kind
        self.num_steps = 1 if kind == 'one_step' else num_steps
        self.eta = 1. if kind == 'ddpm' else eta

    def __repr__(self) -> str:
        return f'Sampler(kind={self.kind!r}, num_steps={self.num_steps}, eta={self.eta})'

    def timesteps(self, num_timesteps: int) -> list[int]:
        """Timesteps that the walk visits, from T-1 downwards.

        Args:
            num_timesteps (int): T of the schedule.

        Returns:
            list[int]: Strictly decreasing timesteps.

        Raises:
            ValueError: If the walk has more steps than the schedule.
        """
        steps = num_timesteps if self.num_steps is None else self.num_steps
        if steps > num_timesteps:
            raise ValueError(f'num_steps={steps}, expected at most the num_timesteps='
                             f'{num_timesteps} of the noise schedule: lower num_steps')
        # Integers, as rounding in floating point could merge or split steps.
        return [(2 * num_timesteps * left + steps) // (2 * steps) - 1
                for left in range(steps, 0, -1)]

    def sample(self, eps_fn: Callable[[Tensor, Tensor], Tensor], x_T: Tensor,
               schedule: NoiseSchedule, noise_fn: Callable[[torch.Size], Tensor]) -> Tensor:
        """Walk from x_T to x_0.

        Args:
            eps_fn (Callable): Predicts the noise (B, D) from the noisy features (B, D) and their
                timesteps (B,) int64.
            x_T (Tensor): (B, D) features at timestep T-1.
            schedule (NoiseSchedule): The schedule that ``eps_fn`` was trained with.
            noise_fn (Callable): Maps a shape to standard normal noise on the device of ``x_T``. It
                is called once per step that needs fresh noise, in walking order; never by a
                deterministic walk, nor for the step that ends at x_0.

        Returns:
            Tensor: (B, D) generated features.

        Raises:
            ValueError: If the walk has more steps than the schedule.
        """
        grid = self.timesteps(schedule.num_timesteps)
        targets = [schedule.alpha_bars[t] for t in grid[1:]] + [1.]
        x = x_T
        for t, alpha_bar_prev in zip(grid, targets, strict=True):
            scale, eps_scale, sigma = reverse_coefficients(schedule.alpha_bars[t], alpha_bar_prev,
                                                           self.eta)
            timesteps = torch.full((x.shape[0], ), t, dtype=torch.long, device=x.device)
            x = torch.add(x * scale, eps_fn(x, timesteps), alpha=eps_scale)
            if sigma > 0:
                x = torch.add(x, noise_fn(x.shape), alpha=sigma)
        return x

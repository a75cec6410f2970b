"""Conditioning of the denoisers on the timestep and on text."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SinusoidalEmbedding(nn.Module):
    """Sinusoidal embedding of timesteps (arXiv 1706.03762, section 3.5).

    Args:
        channels (int): Width of the embedding, even.
        max_period (float): Period of the slowest sinusoid is 2 pi times this, in steps. Defaults to
            10000.
    """

    def __init__(self, channels: int, max_period: float = 10000.) -> None:
        super().__init__()
        if channels < 2 or channels % 2:
            raise ValueError(f'cond_channels={channels}, expected an even number >= 2: half of '
                             'the timestep embedding are sines, half are cosines')
        half = channels // 2
        exponents = torch.arange(half, dtype=torch.float64) / half
        self.register_buffer(
            'frequencies', torch.exp(-math.log(max_period) * exponents).float(), persistent=False)

    def forward(self, timesteps: Tensor) -> Tensor:
        """Embed timesteps (B,) into (B, channels)."""
        angles = timesteps.to(self.frequencies.dtype)[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class Conditioning(nn.Module):
    """Maps timestep and text to all modulation parameters of a denoiser at once.

    The two enter additively, ``W (h_time + h_text) + b``, so that a reverse walk needs one table
    of T rows for the time part and one row per sample for the text part, whatever its length.

    Args:
        text_channels (int): Width E of the text embedding.
        cond_channels (int): Hidden width, even.
        offset (Tensor): (P,) constant added to the P parameters: 1 where the parameter multiplies,
            0 elsewhere, so that small weights mean no modulation.
    """

    def __init__(self, text_channels: int, cond_channels: int, offset: Tensor) -> None:
        super().__init__()
        self.text_channels = text_channels
        self.time_mlp = nn.Sequential(
            SinusoidalEmbedding(cond_channels), nn.Linear(cond_channels, cond_channels), nn.SiLU(),
            nn.Linear(cond_channels, cond_channels), nn.SiLU())
        # Normalised embeddings have entries near 1/sqrt(E), far below those of the timestep; the
        # norm brings both to one scale.
        self.text_mlp = nn.Sequential(
            nn.LayerNorm(text_channels, elementwise_affine=False),
            nn.Linear(text_channels, cond_channels), nn.SiLU(),
            nn.Linear(cond_channels, cond_channels), nn.SiLU())
        self.null_text = nn.Parameter(torch.randn(text_channels) / math.sqrt(text_channels))
        self.modulation = nn.Linear(cond_channels, offset.numel())
        self.register_buffer('offset', offset.clone(), persistent=False)

    def _text_hidden(self, text: Tensor, drop_text: Tensor | None) -> Tensor:
        if text.dim() != 2 or text.shape[-1] != self.text_channels:
            raise ValueError(f'text has shape {tuple(text.shape)}, expected (B, text_channels='
                             f'{self.text_channels}): set text_channels of the denoiser to the '
                             "width of the text bank's embeddings")
        if drop_text is None:
            # The null text stays in the graph, so that no parameter is ever without a gradient,
            # which distributed training refuses.
            drop_text = torch.zeros(text.shape[0], dtype=torch.bool, device=text.device)
        return self.text_mlp(torch.where(drop_text[:, None], self.null_text.to(text.dtype), text))

    def time_part(self, timesteps: Tensor) -> Tensor:
        """Map timesteps (N,) to their part of the parameters, (N, P)."""
        return F.linear(self.time_mlp(timesteps), self.modulation.weight)

    def text_part(self, text: Tensor, drop_text: Tensor | None = None) -> Tensor:
        """Map text (B, E) to the rest of the parameters, (B, P)."""
        return self.modulation(self._text_hidden(text, drop_text)) + self.offset

    def forward(self, timesteps: Tensor, text: Tensor, drop_text: Tensor | None = None) -> Tensor:
        """Compute the parameters.

        Args:
            timesteps (Tensor): (B,) int64.
            text (Tensor): (B, E) text embeddings.
            drop_text (Tensor, optional): (B,) bool, True where the learned null text takes the
                place of ``text`` (classifier-free guidance, arXiv 2207.12598). Defaults to None.

        Returns:
            Tensor: (B, P) modulation parameters.

        Raises:
            ValueError: If ``text`` is not (B, E).
        """
        hidden = self.time_mlp(timesteps) + self._text_hidden(text, drop_text)
        return self.modulation(hidden) + self.offset

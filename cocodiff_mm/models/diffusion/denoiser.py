"""Common interface of the denoisers."""
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .conditioning import Conditioning


class Denoiser(nn.Module):
    """Predicts the noise in (B, D) features from timestep and text.

    A subclass implements :meth:`denoise`. Conditioning is kept apart from denoising, so that a
    reverse walk computes it once (:meth:`bind`) instead of at every step. It consists of a scale
    and a shift per modulated layer (FiLM, arXiv 1709.07871), further (B, D) maps where a subclass
    wants them, and one gain per feature from the input to the output. The gain is there because
    the best prediction for Gaussian features is linear in the input with a slope set by the
    timestep, and normalisation hides the input's magnitude from the layers.

    Args:
        in_channels (int): Width D of the features.
        text_channels (int): Width E of the text embeddings.
        cond_channels (int): Hidden width of the conditioning, even.
        modulated (Sequence[int]): Widths of the modulated layers, in the order of their use.
        num_maps (int): Number of (B, D) maps besides the gain. Defaults to 0.
    """

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 cond_channels: int,
                 modulated: Sequence[int],
                 num_maps: int = 0) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.text_channels = text_channels
        self.sections = [w for width in modulated for w in (width, width)]
        self.sections += [in_channels] * (num_maps + 1)
        self.num_modulated = len(modulated)
        scales = [torch.cat([torch.ones(width), torch.zeros(width)]) for width in modulated]
        maps = torch.zeros(in_channels * (num_maps + 1))
        self.conditioning = Conditioning(text_channels, cond_channels, torch.cat([*scales, maps]))

    def init_output(self, head: nn.Module) -> None:
        """Make the prediction 0 by clearing the output layer ``head`` and the gain."""
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        modulation = self.conditioning.modulation
        with torch.no_grad():
            modulation.weight[-self.in_channels:].zero_()
            modulation.bias[-self.in_channels:].zero_()

    def unpack(self, cond: Tensor) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
        """Split the conditioning into (scale, shift) pairs and maps, the gain last."""
        # One split: its backward is one concatenation, that of slices is a sum of padded copies.
        parts = cond.split(self.sections, dim=-1)
        films, maps = parts[:2 * self.num_modulated], parts[2 * self.num_modulated:]
        return list(zip(films[::2], films[1::2], strict=True)), list(maps)

    def embed(self, timesteps: Tensor, text: Tensor, drop_text: Tensor | None = None) -> Tensor:
        """Compute the conditioning.

        Args:
            timesteps (Tensor): (B,) int64 in [0, T).
            text (Tensor): (B, E) text embeddings.
            drop_text (Tensor, optional): (B,) bool, True where the text is replaced by the learned
                null text. Defaults to None, nowhere.

        Returns:
            Tensor: (B, P) conditioning for :meth:`denoise`.

        Raises:
            ValueError: If ``text`` is not (B, E).
        """
        return self.conditioning(timesteps, text, drop_text)

    def denoise(self, x: Tensor, cond: Tensor) -> Tensor:
        """Predict the noise in ``x`` (B, D) given the conditioning (B, P) of :meth:`embed`."""
        raise NotImplementedError

    def forward(self,
                x: Tensor,
                timesteps: Tensor,
                text: Tensor,
                drop_text: Tensor | None = None) -> Tensor:
        """Predict the noise.

        Args:
            x (Tensor): (B, D) noisy features.
            timesteps (Tensor): (B,) int64 in [0, T).
            text (Tensor): (B, E) text embeddings.
            drop_text (Tensor, optional): (B,) bool, True where the text is replaced by the learned
                null text. Defaults to None, nowhere.

        Returns:
            Tensor: (B, D) predicted noise, in the dtype of ``x``.

        Raises:
            ValueError: If ``x`` is not (B, D) or ``text`` is not (B, E).
        """
        return self.denoise(x, self.embed(timesteps, text, drop_text))

    def bind(self,
             text: Tensor,
             num_timesteps: int,
             drop_text: Tensor | None = None) -> Callable[[Tensor, Tensor], Tensor]:
        """Fix the text of a reverse walk, with all its conditioning computed once.

        Args:
            text (Tensor): (B, E) text embeddings.
            num_timesteps (int): T of the noise schedule.
            drop_text (Tensor, optional): (B,) bool as in :meth:`forward`. Defaults to None.

        Returns:
            Callable: ``eps_fn(x, timesteps)`` for :meth:`Sampler.sample`, equal to
            ``forward(x, timesteps, text, drop_text)`` up to rounding. It holds the weights of this
            moment's conditioning: bind again after an optimiser step.

        Raises:
            ValueError: If ``text`` is not (B, E).
        """
        text_part = self.conditioning.text_part(text, drop_text)
        table = self.conditioning.time_part(torch.arange(num_timesteps, device=text.device))

        def eps_fn(x: Tensor, timesteps: Tensor) -> Tensor:
            return self.denoise(x, table.index_select(0, timesteps) + text_part)

        return eps_fn

    def check_features(self, x: Tensor) -> None:
        """Raise ``ValueError`` unless ``x`` is (B, D)."""
        if x.dim() != 2 or x.shape[-1] != self.in_channels:
            raise ValueError(f'features have shape {tuple(x.shape)}, expected (B, in_channels='
                             f'{self.in_channels}): set in_channels of the denoiser to the width '
                             "of the backbone's pooled feature")

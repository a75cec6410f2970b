"""Fully connected UNet on feature vectors."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from .denoiser import Denoiser


class AdaptiveResidualBlock(nn.Module):
    """Residual perceptron whose layer norm is scaled and shifted by the conditioning.

    Args:
        channels (int): Width.
        dropout (float): Dropout probability of the hidden layer.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(channels, channels)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Map (B, channels) to (B, channels)."""
        h = torch.addcmul(shift, F.layer_norm(x, x.shape[-1:]), scale)
        return x + self.fc2(self.dropout(F.silu(self.fc1(h))))


@MODELS.register_module()
class LinearUNet(Denoiser):
    """Fully connected UNet with adaptive layer norm.

    Width takes the place of resolution: the down path narrows the vector level by level, the up
    path widens it again and joins the skip of its level. Timestep and text scale and shift the
    layer norm of every block (adaptive layer norm, arXiv 2212.09748). The prediction is 0 at the
    start.

    Args:
        in_channels (int): Width D of the features.
        text_channels (int): Width E of the text embeddings.
        channels (Sequence[int]): Widths of the levels, from the outermost to the bottleneck. An
            outermost width below D loses information about the noise. Defaults to
            (512, 256, 128).
        num_res_blocks (int): Residual blocks per level and path. Defaults to 1.
        cond_channels (int): Hidden width of the conditioning, even. Defaults to 256.
        dropout (float): Dropout probability inside the blocks. Defaults to 0.

    Raises:
        ValueError: If ``channels`` is empty or ``num_res_blocks`` is below 1.
    """

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 channels: Sequence[int] = (512, 256, 128),
                 num_res_blocks: int = 1,
                 cond_channels: int = 256,
                 dropout: float = 0.) -> None:
        widths = list(channels)
        if not widths or num_res_blocks < 1:
            raise ValueError(f'channels={widths}, num_res_blocks={num_res_blocks}, expected at '
                             'least one level and one block per level')
        levels = widths + widths[-2::-1]
        modulated = [width for width in levels for _ in range(num_res_blocks)] + widths[:1]
        super().__init__(in_channels, text_channels, cond_channels, modulated)

        def blocks(width: int) -> nn.ModuleList:
            return nn.ModuleList(
                AdaptiveResidualBlock(width, dropout) for _ in range(num_res_blocks))

        self.stem = nn.Linear(in_channels, widths[0])
        self.down_blocks = nn.ModuleList(blocks(w) for w in widths[:-1])
        self.down = nn.ModuleList(
            nn.Linear(wide, narrow) for wide, narrow in zip(widths, widths[1:], strict=False))
        self.bottleneck = blocks(widths[-1])
        self.up = nn.ModuleList(
            nn.Linear(narrow + wide, wide)
            for wide, narrow in zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.up_blocks = nn.ModuleList(blocks(w) for w in widths[-2::-1])
        self.head = nn.Linear(widths[0], in_channels)
        self.init_output(self.head)

    def denoise(self, x: Tensor, cond: Tensor) -> Tensor:
        """Predict the noise.

        Args:
            x (Tensor): (B, D) noisy features.
            cond (Tensor): (B, P) conditioning from :meth:`embed`.

        Returns:
            Tensor: (B, D) predicted noise, in the dtype of ``x``.

        Raises:
            ValueError: If ``x`` is not (B, D).
        """
        self.check_features(x)
        films, (gain, ) = self.unpack(cond)
        film = iter(films)
        h = self.stem(x)
        skips = []
        for blocks, down in zip(self.down_blocks, self.down, strict=True):
            for block in blocks:
                h = block(h, *next(film))
            skips.append(h)
            h = down(h)
        for block in self.bottleneck:
            h = block(h, *next(film))
        for blocks, up in zip(self.up_blocks, self.up, strict=True):
            h = up(torch.cat([h, skips.pop()], dim=-1))
            for block in blocks:
                h = block(h, *next(film))
        scale, shift = next(film)
        h = F.silu(torch.addcmul(shift, F.layer_norm(h, h.shape[-1:]), scale))
        return torch.addcmul(self.head(h).to(x.dtype), gain.to(x.dtype), x)

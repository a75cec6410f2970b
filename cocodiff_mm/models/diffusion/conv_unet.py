"""Convolutional UNet over feature vectors."""
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from .denoiser import Denoiser


def group_norm(channels: int, affine: bool = True) -> nn.GroupNorm:
    """Group norm of at most 8 groups."""
    return nn.GroupNorm(math.gcd(8, channels), channels, affine=affine)


class ConvResidualBlock(nn.Module):
    """Residual pair of convolutions, the second one's input modulated by the conditioning.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        dropout (float): Dropout probability before the second convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv1d(in_channels, out_channels, 3, padding=1)
        # Affine by the conditioning.
        self.norm2 = group_norm(out_channels, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv1d(out_channels, out_channels, 3, padding=1)
        self.shortcut = (nn.Identity() if in_channels == out_channels else
                         nn.Conv1d(in_channels, out_channels, 1))

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Map (B, in_channels, L) to (B, out_channels, L)."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        h = F.silu(torch.addcmul(shift[..., None], h, scale[..., None]))
        return self.shortcut(x) + self.conv2(self.dropout(h))


@MODELS.register_module()
class ConvUNet1D(Denoiser):
    """UNet over the feature vector taken as a sequence of length D with one channel.

    The residual blocks, strided down path and skip connections are those of the diffusion UNets
    (arXiv 2102.09672) in one dimension. Timestep and text scale and shift the second norm of every
    block. Convolutions alone treat all positions alike, whereas every entry of a feature vector
    means something else; so a learned embedding marks the positions, and text and timestep also
    enter as a second input channel of length D. The prediction is 0 at the start.

    Any D works: the sequence is padded with zeros to a multiple of the down path's factor, and the
    prediction is cropped back.

    Args:
        in_channels (int): Width D of the features.
        text_channels (int): Width E of the text embeddings.
        base_channels (int): Channels of the outermost level. Defaults to 64.
        channel_mults (Sequence[int]): Channels of each level, as multiples of ``base_channels``;
            every further level halves the length. Defaults to (1, 2, 4).
        num_res_blocks (int): Residual blocks per level and path. Defaults to 1.
        cond_channels (int): Hidden width of the conditioning, even. Defaults to 256.
        dropout (float): Dropout probability inside the blocks. Defaults to 0.

    Raises:
        ValueError: If ``channel_mults`` is empty or ``num_res_blocks`` is below 1.
    """

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 base_channels: int = 64,
                 channel_mults: Sequence[int] = (1, 2, 4),
                 num_res_blocks: int = 1,
                 cond_channels: int = 256,
                 dropout: float = 0.) -> None:
        widths = [base_channels * mult for mult in channel_mults]
        if not widths or num_res_blocks < 1:
            raise ValueError(f'channel_mults={list(channel_mults)}, num_res_blocks='
                             f'{num_res_blocks}, expected at least one level and one block per '
                             'level')
        modulated = [w for w in widths + widths[-2::-1] for _ in range(num_res_blocks)]
        super().__init__(in_channels, text_channels, cond_channels, modulated, num_maps=1)
        self.factor = 2**(len(widths) - 1)
        self.stem = nn.Conv1d(2, widths[0], 3, padding=1)
        self.position = nn.Parameter(0.02 * torch.randn(widths[0], in_channels))

        def blocks(first: int, width: int) -> nn.ModuleList:
            return nn.ModuleList(
                ConvResidualBlock(width if i else first, width, dropout)
                for i in range(num_res_blocks))

        self.down_blocks = nn.ModuleList(blocks(w, w) for w in widths[:-1])
        self.down = nn.ModuleList(
            nn.Conv1d(wide, narrow, 3, stride=2, padding=1)
            for wide, narrow in zip(widths, widths[1:], strict=False))
        self.bottleneck = blocks(widths[-1], widths[-1])
        self.up = nn.ModuleList(
            nn.Conv1d(narrow, wide, 3, padding=1)
            for wide, narrow in zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.up_blocks = nn.ModuleList(blocks(2 * w, w) for w in widths[-2::-1])
        self.out_norm = group_norm(widths[0])
        self.head = nn.Conv1d(widths[0], 1, 3, padding=1)
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
        films, (text_map, gain) = self.unpack(cond)
        film = iter(films)
        h = self.stem(torch.stack([x, text_map.to(x.dtype)], dim=1)) + self.position
        h = F.pad(h, (0, -self.in_channels % self.factor))
        skips = []
        for blocks, down in zip(self.down_blocks, self.down, strict=True):
            for block in blocks:
                h = block(h, *next(film))
            skips.append(h)
            h = down(h)
        for block in self.bottleneck:
            h = block(h, *next(film))
        for blocks, up in zip(self.up_blocks, self.up, strict=True):
            h = up(F.interpolate(h, scale_factor=2, mode='nearest'))
            h = torch.cat([h, skips.pop()], dim=1)
            for block in blocks:
                h = block(h, *next(film))
        h = self.head(F.silu(self.out_norm(h)))[:, 0, :self.in_channels]
        return torch.addcmul(h.to(x.dtype), gain.to(x.dtype), x)

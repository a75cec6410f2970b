from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TemporalConv(nn.Module):
    """Convolution over time that keeps the length (divided by the stride), and batch norm.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        kernel_size (int): Frames under the kernel, odd.
        stride (int): Stride in frames.
        dilation (int): Frames from one tap to the next. Defaults to 1.
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size: int,
                 stride: int,
                 dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels, (kernel_size, 1),
            stride=(stride, 1),
            padding=(dilation * (kernel_size - 1) // 2, 0),
            dilation=(dilation, 1))
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, V) to (N, C', ceil(T / stride), V)."""
        return self.bn(self.conv(x))


class MultiScaleTemporalConv(nn.Module):
    """Concatenated temporal branches: dilated convolutions, max-pooling and a pointwise one.

    CTR-GCN (arXiv 2107.12213), Sec. 3.4, after MS-G3D (arXiv 2003.14111).

    Args:
        channels (int): Channels of input and output.
        stride (int): Stride in frames.
        kernel_size (int | Sequence[int]): Frames under the kernel, odd; of each dilation.
        dilations (Sequence[int]): One convolution branch for each.
        dropout (float): Dropout probability of the output.
        relu (bool): Whether a ReLU follows the concatenation.

    Raises:
        ValueError: If kernels and dilations do not fit, or the channels do not suffice.
    """

    def __init__(self, channels: int, stride: int, kernel_size: int | Sequence[int],
                 dilations: Sequence[int], dropout: float, relu: bool) -> None:
        super().__init__()
        kernels = [kernel_size] * len(dilations) if isinstance(kernel_size, int) else kernel_size
        if len(kernels) != len(dilations) or any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f'kernel_size={kernel_size} with dilations={list(dilations)}, '
                             'expected an odd number, or one for each dilation')
        width = channels // (len(dilations) + 2)
        if width == 0:
            raise ValueError(f'{channels} channels are too few for {len(dilations) + 2} temporal '
                             'branches; raise base_channels or give fewer dilations')

        def reduction() -> tuple[nn.Module, ...]:
            return nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)

        rest = channels - width * (len(dilations) + 1)
        self.branches = nn.ModuleList([
            *(nn.Sequential(*reduction(), TemporalConv(width, width, kernel, stride, dilation))
              for kernel, dilation in zip(kernels, dilations, strict=True)),
            nn.Sequential(*reduction(), nn.MaxPool2d((3, 1), (stride, 1), (1, 0)),
                          nn.BatchNorm2d(width)),
            nn.Sequential(nn.Conv2d(channels, rest, 1, (stride, 1)), nn.BatchNorm2d(rest)),
        ])
        self.act = nn.ReLU(inplace=True) if relu else nn.Identity()
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, V) to (N, C, ceil(T / stride), V)."""
        return self.drop(self.act(torch.cat([branch(x) for branch in self.branches], dim=1)))

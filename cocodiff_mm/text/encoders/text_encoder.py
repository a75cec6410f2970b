"""What every text encoder gives to the program that makes a bank."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


class TextEncoder(ABC):
    """Maps texts to rows of length 1; needed only to make a bank.

    A subclass sets ``name``, ``version``, ``width`` (numbers E of a row) and ``max_tokens``, beyond
    which a text is cut, start and end token included.

    Args:
        device (str): Device that encodes, such as ``'cpu'`` or ``'cuda:0'``.
        batch_size (int): Texts encoded at the same time.

    Raises:
        ValueError: If there is no such device or the batch size is not positive.
    """

    name: str
    version: str
    width: int
    max_tokens: int

    def __init__(self, device: str, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size must be 1 or more, got {batch_size}')
        self.device, self.batch_size = check_device(device), batch_size

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count tokens as the encoder sees them, before anything is cut.

        Args:
            texts (Sequence[str]): N texts.

        Returns:
            list[int]: N numbers; what exceeds ``max_tokens`` is cut when the text is encoded.
        """

    @abstractmethod
    def encode_batch(self, texts: list[str]) -> Tensor:
        """Embed at most ``batch_size`` texts.

        Args:
            texts (list[str]): N texts.

        Returns:
            Tensor: Embeddings of any length, on any device, shape (N, E).
        """

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Embed texts.

        Args:
            texts (Sequence[str]): N texts; what exceeds ``max_tokens`` is cut.

        Returns:
            Tensor: Embeddings of length 1, float32 on the CPU, shape (N, E).

        Raises:
            ValueError: If the encoder gives rows of another width, zeros or numbers that are not
                finite, as broken weights do.
        """
        rows = torch.zeros(len(texts), self.width, dtype=torch.float64)
        with torch.no_grad():
            for start in range(0, len(texts), self.batch_size):
                batch = list(texts[start:start + self.batch_size])
                rows[start:start + len(batch)] = self._checked(batch, self.encode_batch(batch))
        return F.normalize(rows, dim=1).float()

    def _checked(self, texts: list[str], rows: Tensor) -> Tensor:
        if tuple(rows.shape) != (len(texts), self.width):
            raise ValueError(f'{self.name} gave shape {tuple(rows.shape)} for {len(texts)} texts; '
                             f'expected ({len(texts)}, {self.width})')
        rows = rows.cpu().double()
        length = rows.norm(dim=1)
        usable = torch.isfinite(length) & (length > 0)
        if not usable.all():
            raise ValueError(f'{self.name} gave zeros or non-finite numbers for '
                             f'{texts[int(usable.int().argmin())]!r}; check its weights')
        return rows


def check_device(name: str) -> torch.device:
    """A device that this machine has.

    Args:
        name (str): Such as ``'cpu'``, ``'cuda'``, ``'cuda:1'`` or ``'mps'``.

    Returns:
        torch.device: The device.

    Raises:
        ValueError: If the name is wrong or there is no such device.
    """
    here = ['cpu', *(f'cuda:{index}' for index in range(torch.cuda.device_count())),
            *(['mps'] if torch.backends.mps.is_available() else [])]
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'unknown device {name!r}; this machine has {", ".join(here)}') from error
    full = f'cuda:{device.index or 0}' if device.type == 'cuda' else device.type
    if full not in here:
        raise ValueError(f'no device {name!r}: this machine, or its build of torch, has '
                         f'{", ".join(here)}')
    return device

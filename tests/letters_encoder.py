"""A text encoder that can be checked by hand."""

from collections.abc import Sequence

import torch

from cocodiff_mm.text.encoders import TextEncoder


class LettersEncoder(TextEncoder):
    """Counts of the letters a to h, plus one: not normalised, as an encoder's output may be."""

    name, version, width, max_tokens = 'letters', '1.0', 8, 40

    def __init__(self, device: str = 'cpu', batch_size: int = 5) -> None:
        super().__init__(device, batch_size)
        self.batches: list[int] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_batch(self, texts: list[str]) -> torch.Tensor:
        self.batches.append(len(texts))
        return letters(texts)


def letters(texts: Sequence[str]) -> torch.Tensor:
    """What the encoder gives before it is normalised."""
    return torch.tensor([[1 + text.lower().count(letter) for letter in 'abcdefgh']
                         for text in texts])

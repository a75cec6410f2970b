"""Texts of classes to rows of numbers, for classes that have different numbers of texts."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor


def embed_groups(kinds: Iterable[Sequence[Sequence[str]]],
                 encoder: Callable[[list[str]], Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Embed kinds of texts, such as descriptions and names, all at the same time.

    Args:
        kinds (Iterable[Sequence[Sequence[str]]]): For every kind, the texts of every class.
        encoder (Callable[[list[str]], Tensor]): Maps N texts to embeddings of shape (N, E).

    Returns:
        list[tuple[Tensor, Tensor]]: For every kind its rows, float32, (K, most texts of a class,
        E), zero beyond the texts that a class has; and their number, int64, (K,).
    """
    kinds = list(kinds)
    rows = encoder([text for groups in kinds for group in groups for text in group]).float()
    split = rows.split([sum(map(len, groups)) for groups in kinds])
    return [_padded(groups, part) for groups, part in zip(kinds, split, strict=True)]


def _padded(groups: Sequence[Sequence[str]], rows: Tensor) -> tuple[Tensor, Tensor]:
    count = torch.tensor([len(group) for group in groups], dtype=torch.int64)
    used = torch.arange(int(count.max()) if len(count) else 0)[None] < count[:, None]
    padded = rows.new_zeros(*used.shape, rows.shape[1])
    padded[used] = rows
    return padded, count

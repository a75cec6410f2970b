"""One text per sample out of the several that a class has."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cocodiff_mm.utils.choices import check_choice

CHOICES = ('random', 'mean', 'first')


def select_rows(rows: Tensor, count: Tensor, labels: Tensor, choice: str,
                chance: Tensor | None = None) -> Tensor:
    """Pick or make one embedding per sample from the ragged texts of its class.

    Args:
        rows (Tensor): Embeddings of K classes, zeros beyond the count, shape (K, n, E).
        count (Tensor): Texts of each class, int64, shape (K,).
        labels (Tensor): Class indices, int64, shape (B,).
        choice (str): ``'random'`` (uniform over the texts of the class), ``'mean'`` (their mean,
            normalised) or ``'first'``.
        chance (Tensor, optional): Uniform numbers in [0, 1) that decide ``'random'``, shape (B,).
            Drawn when omitted.

    Returns:
        Tensor: Embeddings of length 1, shape (B, E).

    Raises:
        ValueError: If ``choice`` is none of the three.
    """
    check_choice('choice', choice, CHOICES)
    if choice == 'first':
        return rows[labels, 0]
    if choice == 'mean':
        return F.normalize(rows[labels].sum(1), dim=-1)  # rows beyond the count are zero
    if chance is None:
        chance = torch.rand(len(labels), device=labels.device)
    count = count[labels]
    # Rounding in chance * count may reach count itself.
    return rows[labels, torch.minimum((chance * count).long(), count - 1)]

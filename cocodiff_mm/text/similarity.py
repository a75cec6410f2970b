"""How similar the classes of a bank are to each other.

The embedding of a class by its descriptions (fine), or by its label and synonyms (coarse), is the
normalised mean of those rows. Similarity is the cosine, computed in float64.
"""

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from .bank import TextBank


@dataclass(frozen=True)
class Similarities:
    """Cosines between the embeddings of K classes, float64, shape (K, K) each.

    Args:
        fine (np.ndarray): Between fine embeddings; symmetric.
        coarse (np.ndarray): Between coarse embeddings; symmetric.
        coarse_to_fine (np.ndarray): Row: coarse embedding of a class; column: fine embedding.
    """

    fine: np.ndarray
    coarse: np.ndarray
    coarse_to_fine: np.ndarray

    @property
    def both(self) -> np.ndarray:
        """np.ndarray: Mean of ``fine`` and ``coarse``, shape (K, K)."""
        return (self.fine + self.coarse) / 2


def similarities(bank: TextBank) -> Similarities:
    """Compare all classes with each other.

    Args:
        bank (TextBank): Bank of K classes.

    Returns:
        Similarities: Matrices of shape (K, K).
    """
    fine, coarse = class_embeddings(bank.fine), class_embeddings(bank.coarse)
    return Similarities((fine @ fine.T).numpy(), (coarse @ coarse.T).numpy(),
                        (coarse @ fine.T).numpy())


def class_embeddings(rows: Tensor) -> Tensor:
    """Embedding of each class: the normalised mean of its rows.

    Args:
        rows (Tensor): Rows of length 1, or 0 where a class has no more texts, shape (K, n, E).

    Returns:
        Tensor: float64, shape (K, E).
    """
    return F.normalize(rows.double().sum(dim=1), dim=-1)

import numpy as np
import torch
from angle_texts import angle_bank, random_bank

from cocodiff_mm.text.similarity import class_embeddings, similarities


def cos(degrees):
    return np.cos(np.radians(degrees))


def test_cosines_between_the_means_of_classes():
    # The mean of equally long directions is the direction in the middle of them.
    bank = angle_bank(a=([0, 20], [30]), b=([90], [50, 60, 70]), c=([200, 220, 210], [180]))
    cosine = similarities(bank)
    fine, coarse = np.array([10, 90, 210]), np.array([30, 60, 180])
    np.testing.assert_allclose(cosine.fine, cos(fine[:, None] - fine), atol=1e-6)
    np.testing.assert_allclose(cosine.coarse, cos(coarse[:, None] - coarse), atol=1e-6)
    np.testing.assert_allclose(cosine.coarse_to_fine, cos(coarse[:, None] - fine), atol=1e-6)
    np.testing.assert_allclose(cosine.both, (cosine.fine + cosine.coarse) / 2)


def test_class_embedding_is_the_normalised_mean_of_the_rows_that_are_there():
    bank = random_bank()
    embedded = class_embeddings(bank.coarse)
    assert embedded.dtype == torch.float64
    for i, count in enumerate(bank.coarse_count):
        mean = bank.coarse[i, :count].double().mean(dim=0)
        torch.testing.assert_close(embedded[i], mean / mean.norm())

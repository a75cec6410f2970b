import pytest
import torch

from cocodiff_mm.models.necks.feature_scale import FeatureScale


def test_first_batch_sets_and_later_ones_are_averaged():
    torch.manual_seed(0)
    scale = FeatureScale(3, momentum=0.25)
    first, second = torch.randn(50, 3) * 2 + 1, torch.randn(50, 3)
    scale.update(first)
    torch.testing.assert_close(scale.mean, first.mean(0))
    torch.testing.assert_close(scale.var, first.var(0, unbiased=False))
    scale.update(second)
    torch.testing.assert_close(scale.mean, 0.75 * first.mean(0) + 0.25 * second.mean(0))
    # Variance of a mixture: 3 parts of the first batch, 1 part of the second.
    gap = (first.mean(0) - second.mean(0)).square()
    torch.testing.assert_close(
        scale.var, 0.75 * first.var(0, unbiased=False) + 0.25 * second.var(0, unbiased=False)
        + 0.75 * 0.25 * gap)
    scale.reset()
    scale.update(second)
    torch.testing.assert_close(scale.mean, second.mean(0))


def test_batches_of_one_sample_find_mean_and_variance():
    torch.manual_seed(0)
    scale = FeatureScale(2, momentum=0.02)
    for feats in torch.randn(3000, 1, 2) * torch.tensor([3., 0.5]) + 1:
        scale.update(feats)
        assert (scale.var > 1e-3).all()
    torch.testing.assert_close(scale.var.sqrt(), torch.tensor([3., 0.5]), rtol=0.2, atol=0)
    torch.testing.assert_close(scale.mean, torch.ones(2), rtol=0, atol=0.9)


def test_standardize_and_restore_are_inverse():
    torch.manual_seed(0)
    scale, feats = FeatureScale(4), torch.randn(1000, 4) * 3 - 2
    scale.set_from(feats)
    z = scale.standardize(feats)
    torch.testing.assert_close(z.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std(0, unbiased=False), torch.ones(4))
    torch.testing.assert_close(scale.restore(z), feats)


def test_a_dead_channel_stays_finite():
    scale = FeatureScale(2)
    feats = torch.zeros(5, 2)
    scale.update(feats)
    assert torch.equal(scale.standardize(feats), feats)
    assert scale.restore(torch.randn(5, 2)).abs().max() < 0.01


def test_switched_off_changes_nothing():
    scale, feats = FeatureScale(4, enabled=False), torch.randn(5, 4) * 7
    scale.update(feats)
    assert scale.standardize(feats) is feats
    assert scale.restore(feats) is feats


@pytest.mark.parametrize('momentum', [0, 1.5])
def test_refuses_momentum(momentum):
    with pytest.raises(ValueError, match=r'scale_momentum must be in \(0, 1\]'):
        FeatureScale(4, momentum)

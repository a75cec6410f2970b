import math

import pytest
import torch
import torch.nn.functional as F

from cocodiff_mm.models.losses import TextGuidanceLoss


def reference(feats, text, labels, temperature):
    """Eq. 5 and 6 by explicit loops over rows and columns."""
    feats, text = F.normalize(feats, dim=1), F.normalize(text, dim=1)
    n, total = len(labels), 0.0
    for i in range(n):
        positives = [j for j in range(n) if labels[j] == labels[i]]
        for ours, theirs in ((feats, text), (text, feats)):
            scores = torch.stack([ours[i] @ theirs[j] for j in range(n)]) / temperature
            log_p = scores - torch.logsumexp(scores, 0)
            q = 1 / len(positives)
            total = total + sum(q * (math.log(q) - log_p[j]) for j in positives)
    return 0.5 * total / n


@pytest.mark.parametrize('labels', [[0, 1, 2, 3, 4], [0, 0, 1, 1, 1], [2, 2, 2, 2, 2]])
def test_equals_the_paper_s_equations(labels):
    torch.manual_seed(0)
    loss = TextGuidanceLoss(8, 6, temperature=0.3, loss_weight=0.7).double()
    feats = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    text = torch.randn(5, 6, dtype=torch.float64)
    labels = torch.tensor(labels)
    ours = loss(feats, labels, text)
    expected = 0.7 * reference(loss.proj(feats), text, labels.tolist(), 0.3)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
    ours_grad, = torch.autograd.grad(ours, feats)
    expected_grad, = torch.autograd.grad(expected, feats)
    torch.testing.assert_close(ours_grad, expected_grad, rtol=1e-10, atol=1e-12)


def test_is_zero_when_similarities_match_targets():
    # Two classes, opposite texts, features that project onto their own: softmax at a low
    # temperature is then uniform over the positives.
    loss = TextGuidanceLoss(2, 2, temperature=0.01)
    torch.nn.init.eye_(loss.proj.weight)
    torch.nn.init.zeros_(loss.proj.bias)
    text = torch.tensor([[1., 0.], [1., 0.], [-1., 0.], [-1., 0.]])
    labels = torch.tensor([0, 0, 1, 1])
    assert loss(text.clone(), labels, text).item() == pytest.approx(0, abs=1e-6)
    assert loss(-text, labels, text).item() > 10


def test_does_not_depend_on_the_order_of_samples():
    torch.manual_seed(0)
    loss = TextGuidanceLoss(8, 6)
    feats, text, labels = torch.randn(6, 8), torch.randn(6, 6), torch.tensor([0, 0, 1, 1, 2, 3])
    order = torch.randperm(6)
    torch.testing.assert_close(
        loss(feats, labels, text), loss(feats[order], labels[order], text[order]))


def test_runs_under_bfloat16_autocast_in_full_precision():
    torch.manual_seed(0)
    loss = TextGuidanceLoss(8, 6)
    args = torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 3]), torch.randn(6, 6)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = loss(*args)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(loss(*args).item(), rel=0.05)


@pytest.mark.parametrize('settings, message', [
    (dict(temperature=0), 'temperature must be > 0, got 0'),
    (dict(loss_weight=-1), 'loss_weight must be >= 0, got -1'),
])
def test_refuses_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        TextGuidanceLoss(8, 6, **settings)


def test_refuses_one_text_per_class():
    with pytest.raises(ValueError, match='one text per sample: got 3 texts for 2 features'):
        TextGuidanceLoss(8, 6)(torch.randn(2, 8), torch.tensor([0, 1]), torch.randn(3, 6))

import pytest
import torch
from references.hdgcn_naive import Attention, shaken

from cocodiff_mm.models.backbones.hierarchy_attention import HierarchyAttention

GROUPS = [[1], [0, 2, 4], [3], [5]]


@pytest.mark.parametrize('training', [True, False])
def test_equals_the_reference(training):
    torch.manual_seed(0)
    layers = [a + b for a, b in zip(GROUPS, GROUPS[1:], strict=False)]
    naive = shaken(Attention(16, layers)).double().train(training)
    ours = HierarchyAttention(16, GROUPS).double().train(training)
    ours.load_state_dict(naive.state_dict())
    peaks = torch.randn(4, 3, 6, 16, dtype=torch.float64)
    weights = ours(peaks)
    assert weights.shape == (4, 3, 16) and weights.min() > 0 and weights.max() < 1
    summed = torch.einsum('nlvc,nlc->ncv', peaks, weights)
    expected = naive(peaks.permute(0, 3, 1, 2)[:, :, :, None])[:, :, 0]
    torch.testing.assert_close(summed, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(dict(ours.named_buffers())['conv_down.1.running_var'],
                               dict(naive.named_buffers())['conv_down.1.running_var'])


def test_joints_outside_of_a_layer_do_not_matter_to_it():
    torch.manual_seed(0)
    model = shaken(HierarchyAttention(16, GROUPS)).double().eval()
    peaks = torch.randn(1, 3, 6, 16, dtype=torch.float64)
    changed = peaks.clone()
    changed[:, 0, [3, 5]] += 1
    torch.testing.assert_close(model(changed), model(peaks), rtol=0, atol=0)
    changed[:, 0, 4] += 1
    assert not torch.equal(model(changed), model(peaks))

import pytest
import torch
import torch.nn.functional as F
from mmaction.models.heads import GCNHead
from mmaction.structures import ActionDataSample

from cocodiff_mm.models.heads import CoCoDiffHead


def samples(labels):
    return [ActionDataSample().set_gt_label(label) for label in labels]


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = CoCoDiffHead(num_classes=5, in_channels=8, topk=(1,))
    torch.nn.init.normal_(head.fc.weight)
    return head


def test_parameters_and_scores_equal_gcn_head(head):
    plain = GCNHead(num_classes=5, in_channels=8)
    plain.load_state_dict(head.state_dict())
    x = torch.randn(3, 2, 8, 4, 25)
    assert torch.equal(head(x), plain(x))
    # Also for an output that is not contiguous, which GCNHead can't take.
    other = x.transpose(1, 2).contiguous().transpose(1, 2)
    torch.testing.assert_close(head(other), plain(x))


def test_loss_is_the_mean_over_real_and_generated(head):
    feats, generated = torch.randn(4, 8), torch.randn(4, 8, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 4])
    losses = head.loss_by_pair(feats, generated, samples(labels.tolist()))
    real = F.cross_entropy(head.fc(feats), labels)
    synthetic = F.cross_entropy(head.fc(generated), labels)
    torch.testing.assert_close(losses['loss_cls'], (real + synthetic) / 2)
    torch.testing.assert_close(losses['ce_real'], real)
    torch.testing.assert_close(losses['ce_generated'], synthetic)
    assert [name for name in losses if 'loss' in name] == ['loss_cls']
    hits = (head.fc(feats).argmax(1) == labels).double().mean()
    assert losses['top1_acc'].item() == pytest.approx(hits.item())


def test_detached_generation_leaves_the_backbone_its_plain_gradient(head):
    feats = torch.randn(4, 8, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 4])
    plain, = torch.autograd.grad(F.cross_entropy(head.fc(feats), labels), feats)
    losses = head.loss_by_pair(feats, torch.randn(4, 8), samples(labels.tolist()))
    ours, = torch.autograd.grad(losses['loss_cls'], feats)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-7)


def test_wrong_width_names_both_numbers(head):
    with pytest.raises(ValueError, match='in_channels=8, but the backbone gives 6 channels'):
        head(torch.randn(1, 2, 6, 4, 25))


def test_scores_are_float32_under_autocast(head):
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert head(torch.randn(1, 2, 8, 4, 25)).dtype == torch.float32


def test_refuses_several_labels_per_sample(head):
    with pytest.raises(ValueError, match='one class index per sample'):
        from cocodiff_mm.models.heads.cocodiff_head import stack_labels
        stack_labels(samples([torch.tensor([0., 1.])]), torch.device('cpu'))

import pytest
import torch
from references.hdgcn_naive import GraphConv, shaken, side_by_side
from torch import nn

from cocodiff_mm.models.backbones.hd_graph_conv import HDGraphConv
from cocodiff_mm.utils.hierarchy import hierarchy_adjacency

GROUPS = [[1], [0, 2, 4], [3], [5]]


def pair(inputs, outputs, attention):
    """The naive layer and ours with its weights, under the name that they have in a block."""
    torch.manual_seed(0)
    members = [a + b for a, b in zip(GROUPS, GROUPS[1:], strict=False)]
    naive = shaken(GraphConv(inputs, outputs, hierarchy_adjacency(GROUPS), members, attention))
    ours = HDGraphConv(inputs, outputs, GROUPS, attention)
    naive, ours = (nn.ModuleDict(dict(gcn1=module)).double() for module in (naive, ours))
    ours.load_state_dict(side_by_side(naive.state_dict()))
    return naive, ours


def plain(model):
    return model


def averaging(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    return model


def frozen(*names):
    def freeze(model):
        for name in names:
            for module in model.get_submodule(name).modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return model
    return freeze


@pytest.mark.parametrize('change', [
    plain, averaging, nn.SyncBatchNorm.convert_sync_batchnorm, nn.Module.eval,
    frozen('gcn1.bn'), frozen('gcn1.down', 'gcn1.bn')])
@pytest.mark.parametrize('inputs, outputs, attention', [(3, 16, False), (16, 16, True),
                                                        (8, 16, True)])
def test_equals_the_reference_with_any_batch_norm(inputs, outputs, attention, change):
    naive, ours = pair(inputs, outputs, attention)
    naive, ours = change(naive), change(ours)
    x = torch.randn(4, inputs, 5, 6, dtype=torch.float64)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    output, expected = ours['gcn1'](left.mT).mT, naive['gcn1'](right)
    torch.testing.assert_close(output, expected, rtol=1e-10, atol=1e-10)
    buffers = side_by_side(dict(naive.named_buffers()))
    for name, buffer in ours.named_buffers():
        if not name.endswith('members'):
            torch.testing.assert_close(buffer, buffers[name], rtol=1e-10, atol=1e-10)
    weights = torch.randn_like(output)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(left.grad, right.grad, rtol=1e-8, atol=1e-9)
    gradients = side_by_side({name: p.grad for name, p in naive.named_parameters()})
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-8, atol=1e-9)

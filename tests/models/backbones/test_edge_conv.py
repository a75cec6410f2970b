import pytest
import torch
from references.hdgcn_naive import EdgeConv as NaiveEdgeConv
from references.hdgcn_naive import shaken
from torch import nn

from cocodiff_mm.models.backbones.edge_conv import EdgeConv


def points(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('neighbours', [3, 9])
def test_clouds_side_by_side_equal_one_after_the_other(neighbours, training):
    naive = nn.ModuleList(shaken(NaiveEdgeConv(4, neighbours)) for _ in range(2))
    naive = naive.double().train(training)
    ours = EdgeConv(4, neighbours, clouds=2).double().train(training)
    states = [module.state_dict() for module in naive]
    ours.load_state_dict({name: torch.cat([state[name] for state in states])
                          if value.dim() else value for name, value in states[0].items()})
    left, right = points(5, 2, 7, 4).requires_grad_(), points(5, 2, 7, 4).requires_grad_()
    output = ours(left)
    expected = torch.stack([module(right[:, i].mT).mT for i, module in enumerate(naive)], 1)
    torch.testing.assert_close(output, expected, rtol=1e-10, atol=1e-10)
    weights = points(*output.shape)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(left.grad, right.grad, rtol=1e-10, atol=1e-10)


def test_a_point_by_hand():
    conv = EdgeConv(1, 2).double().eval()
    # An edge yields x_j - x_i, of which LeakyReLU leaves a fifth below 0.
    conv.conv[0].weight.data.copy_(torch.tensor([1., 0])[None, :, None, None])
    output = conv(torch.tensor([0., 1, 3, 2.5], dtype=torch.float64)[None, None, :, None])
    expected = torch.tensor([1., 0, 0, 0.5], dtype=torch.float64) * (1 + 1e-5)**-0.5
    torch.testing.assert_close(output.flatten(), expected)


def test_neighbours_are_those_of_full_precision_under_autocast():
    # 100 and 100.25 are one number in bfloat16.
    conv = EdgeConv(1, 2)
    cloud = torch.tensor([100., 100.25, 101, 102])[None, None, :, None]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        nearest = conv._nearest(cloud)
    assert nearest[0, 0].sort(1).values.tolist() == [[0, 1], [0, 1], [1, 2], [2, 3]]

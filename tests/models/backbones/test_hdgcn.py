import copy
import gc

import pytest
import torch
from mmaction.registry import MODELS
from references.hdgcn_naive import NaiveHDGCN, shaken, side_by_side
from torch import nn

from cocodiff_mm.models.backbones import HDGCN
from cocodiff_mm.models.backbones.hd_layers import Layers
from cocodiff_mm.utils.hierarchy import hierarchy_adjacency, joint_groups

NTU = dict(layout='nturgb+d', mode='spatial')
# Two resolutions, two widths, every kind of residual connection.
SMALL = dict(base_channels=16, num_stages=4, inflate_stages=[2], down_stages=[3])


def pair(shape, layout='nturgb+d', com=None, training=True, max_layers=6, channels=3):
    """The naive network and ours with its weights, running statistics those of such clips."""
    groups = joint_groups(layout, None if com is None else com - 1, max_layers)
    naive = shaken(NaiveHDGCN(
        hierarchy_adjacency(groups), [a + b for a, b in zip(groups, groups[1:], strict=False)],
        (16, 32, 32, 32), (1, 1, 2, 1), channels, shape[1])).double()
    norms = [m for m in naive.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for momentum in (1., 0.5, 0.1):
        for norm in norms:
            norm.momentum = momentum
        with torch.no_grad():
            naive.train()(torch.randn(*shape, dtype=torch.float64))
    ours = HDGCN(dict(layout=layout), com, max_layers, channels, num_person=shape[1],
                 **SMALL).double()
    ours.load_state_dict(side_by_side(naive.state_dict()))
    return naive.train(training), ours.train(training)


def averaging(model):
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = None
    return model


def clips(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('shape, settings', [
    ((2, 2, 9, 25, 3), dict(com=21)),
    ((2, 1, 8, 25, 3), dict(com=1)),
    ((1, 3, 7, 18, 2), dict(layout='openpose', channels=2)),
    ((3, 1, 13, 20, 3), dict(layout='nwucla', com=2)),
    ((2, 2, 2, 25, 3), dict(com=2, max_layers=2)),
    ((1, 2, 5, 4, 3), dict(layout=dict(num_node=4, inward=[(1, 0), (2, 0), (3, 0)], center=0))),
])
def test_outputs_gradients_and_statistics_equal_the_reference(shape, settings, training):
    naive, model = pair(shape, training=training, **settings)
    ours, theirs = clips(*shape).requires_grad_(), clips(*shape).requires_grad_()
    output, expected = model(ours), naive(theirs)
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)
    statistics = side_by_side(dict(naive.named_buffers()))
    for name, buffer in model.named_buffers():
        if not name.endswith('members'):
            torch.testing.assert_close(buffer, statistics[name], rtol=1e-9, atol=1e-9)

    weights = torch.randn_like(output) / output.numel()**0.5
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-8, atol=1e-8)
    gradients = side_by_side({name: p.grad for name, p in naive.named_parameters()})
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-8, atol=1e-8,
                                   msg=lambda text, name=name: f'{name}: {text}')
    attention = model.net[1].gcn1.aha
    assert attention.aggregate.weight.grad.abs().max() > 1e-6
    assert attention.edge_conv.conv[0].weight.grad.abs().max() > 1e-6


@pytest.mark.parametrize('training', [True, False])
def test_absent_persons_and_other_memory_layouts(training):
    x = clips(2, 2, 9, 25, 3)
    x[:, 1] = 0
    naive, model = pair(x.shape, training=training)
    other = x.permute(0, 4, 2, 3, 1).contiguous().permute(0, 4, 2, 3, 1)
    assert not other.is_contiguous()
    output = model(other)
    torch.testing.assert_close(output, naive(x), rtol=1e-9, atol=1e-9)
    output.square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    assert torch.isfinite(HDGCN(NTU, **SMALL)(torch.zeros(2, 2, 6, 25, 3))).all()


def test_persons_can_change_places_and_be_any_number():
    x = clips(2, 3, 6, 25, 3)
    model = shaken(HDGCN(NTU, data_bn_type='VC', **SMALL)).double().eval()
    order = [2, 0, 1]
    torch.testing.assert_close(model(x[:, order]), model(x)[:, order], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model(x[:, :1]), model(x)[:, :1], rtol=1e-10, atol=1e-10)


def test_persons_a_few_at_a_time_without_gradients():
    x = clips(11, 2, 4, 25, 3)
    _, model = pair((2, *x.shape[1:]), training=False)
    with torch.no_grad():
        together = model(x)
        torch.testing.assert_close(together[7:8], model(x[7:8]), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(together, model(x), rtol=1e-10, atol=1e-10)


def test_float32_is_close_to_float64():
    x = clips(2, 2, 16, 25, 3)
    _, model = pair(x.shape, training=False)
    exact = model(x)
    torch.testing.assert_close(model.float()(x.float()).double(), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('training', [True, False])
def test_bfloat16_is_as_close_as_that_of_the_reference(training):
    x = clips(2, 2, 9, 25, 3).float()
    naive, model = (network.float() for network in pair(x.shape, training=training))
    exact = model(x)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        output, theirs = model(x), naive(x)
    output.float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    # Joints about as near as each other change places among the nearest.
    assert (output - exact).std() < 1.3 * (theirs - exact).std() < 0.3 * exact.std()


def frozen(model, chosen):
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d) and chosen(name):
            module.eval()
    return model


@pytest.mark.parametrize('chosen', [
    lambda name: True,
    lambda name: not name.endswith('gcn1.bn'),
    lambda name: '.gcn1.conv.' in name,
])
def test_frozen_batch_norms_keep_their_statistics(chosen):
    naive, model = (frozen(network, chosen) for network in pair((2, 2, 9, 25, 3)))
    # Names differ where layers lie in one tensor: freeze what ours has frozen.
    ours = {name for name, module in model.named_modules()
            if isinstance(module, nn.BatchNorm2d) and not module.training}
    for name, module in naive.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            key, = side_by_side({f'{name}.weight': module.weight})
            module.train(key.removesuffix('.weight') not in ours)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    x = clips(2, 2, 9, 25, 3)
    output, expected = model(x), naive(x)
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)
    statistics = side_by_side(dict(naive.named_buffers()))
    for name, buffer in model.named_buffers():
        if name.rpartition('.')[0] in ours:
            assert torch.equal(buffer, before[name])
        elif not name.endswith('members'):
            torch.testing.assert_close(buffer, statistics[name], rtol=1e-9, atol=1e-9)
    weights = torch.randn_like(output) / output.numel()**0.5
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    gradients = side_by_side({name: p.grad for name, p in naive.named_parameters()})
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-8, atol=1e-8)


def test_frozen_network_gives_the_numbers_of_evaluation_and_those_of_its_copy():
    _, model = pair((2, 2, 9, 25, 3), training=False)
    x = clips(2, 2, 9, 25, 3)
    expected = model(x)
    model.train()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.eval()
    torch.testing.assert_close(model(x), expected, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(copy.deepcopy(model)(x), expected, rtol=1e-11, atol=1e-11)
    with torch.no_grad():
        torch.testing.assert_close(model(x), expected, rtol=1e-11, atol=1e-11)


def test_some_norms_in_training_see_the_whole_batch_without_gradients_too():
    x = clips(9, 2, 4, 25, 3)
    _, model = pair((2, *x.shape[1:]), training=False)
    model.net[2].gcn1.bn.train()
    other = copy.deepcopy(model)
    with torch.no_grad():
        output = model(x)
    torch.testing.assert_close(output, other(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model.net[2].gcn1.bn.running_var, other.net[2].gcn1.bn.running_var)


@pytest.mark.parametrize('change', [nn.SyncBatchNorm.convert_sync_batchnorm, averaging])
def test_other_batch_norms_equal_the_reference(change):
    naive, model = (change(network) for network in pair((2, 2, 9, 25, 3)))
    for _ in range(2):
        x = clips(2, 2, 9, 25, 3)
        output, expected = model(x), naive(x)
        torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)
    statistics = side_by_side(dict(naive.named_buffers()))
    for name, buffer in model.named_buffers():
        if not name.endswith('members'):
            torch.testing.assert_close(buffer, statistics[name], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(model.eval()(x), naive.eval()(x), rtol=1e-9, atol=1e-9)


def test_second_backward_pass_gives_the_same_gradient():
    _, model = pair((2, 2, 5, 25, 3))
    x = clips(2, 2, 5, 25, 3).requires_grad_()
    output = model(x).square().mean()
    first, = torch.autograd.grad(output, x, retain_graph=True)
    second, = torch.autograd.grad(output, x)
    assert torch.equal(first, second)


def test_published_size_and_shapes():
    model = HDGCN(NTU)
    classifier = 256 * 120 + 120
    assert sum(p.numel() for p in model.parameters()) + classifier == 1_675_400
    groups = joint_groups('nturgb+d')
    naive = NaiveHDGCN(hierarchy_adjacency(groups), groups[1:])
    assert len(naive.state_dict()) + 2 == 3017
    model.load_state_dict(side_by_side(naive.state_dict()))
    with torch.no_grad():
        assert model(torch.randn(1, 2, 13, 25, 3)).shape == (1, 2, 256, 4, 25)


def test_start_is_the_published_one():
    torch.manual_seed(0)
    model = HDGCN(NTU, num_stages=6)
    adjacency = hierarchy_adjacency(joint_groups('nturgb+d'))
    assert model.net[0].gcn1.aha is None
    for block in model.net:
        assert torch.equal(block.gcn1.PA, adjacency)
        assert torch.all(block.gcn1.bn.weight == 1e-6)
        assert torch.all(block.gcn1.conv[1].weight == 1)
        norms = [m for m in block.tcn1.modules() if isinstance(m, nn.BatchNorm2d)]
        scales = torch.cat([norm.weight for norm in norms])
        assert abs(scales.mean() - 1) < 0.01 and 0.012 < scales.std() < 0.028
    gcn = model.net[5].gcn1
    width = 128 // 4
    for conv, fan_out in ((gcn.conv_down[0], width), (gcn.conv[0], width),
                          (gcn.edge_conv.conv[0], width), (gcn.aha.conv_down[0], width),
                          (model.net[4].gcn1.down[0], 128), (model.net[4].residual.conv, 128),
                          (model.net[4].tcn1.branches[1][3].conv, 5 * width)):
        deviation = conv.weight.std() * (fan_out / 2)**0.5
        assert abs(deviation - 1) < 5 / conv.weight.numel()**0.5
        assert conv.bias is None or not conv.bias.any()
    # The authors leave the one-dimensional convolution as it is.
    assert gcn.aha.aggregate.weight.abs().max() <= width**-0.5 and gcn.aha.aggregate.bias.any()


def test_centre_of_mass_decides_the_hierarchy():
    for com in (None, 21, 1, 2):
        graphs = HDGCN(NTU, com, num_stages=1).net[0].gcn1.PA
        assert torch.equal(graphs, hierarchy_adjacency(
            joint_groups('nturgb+d', 20 if com is None else com - 1)))
    assert len(HDGCN(dict(layout='nwucla'), 2, num_stages=1).net[0].gcn1.PA) == 5


def test_pretrained_weights_are_loaded_by_init_weights(tmp_path):
    trained = shaken(HDGCN(NTU, **SMALL))
    file = str(tmp_path / 'weights.pth')
    torch.save(trained.state_dict(), file)
    model = MODELS.build(dict(type='HDGCN', graph_cfg=NTU, pretrained=file, **SMALL))
    model.init_weights()
    assert all(torch.equal(value, trained.state_dict()[key])
               for key, value in model.state_dict().items())


@pytest.mark.parametrize('settings, message', [
    (dict(base_channels=20), 'base_channels=20, expected a multiple of 16'),
    (dict(center_of_mass=26), 'center_of_mass=26, expected one of the 25 joints of '
                              'graph_cfg.layout, counted from 1'),
    (dict(center_of_mass=0), 'center_of_mass=0'),
    (dict(max_layers=0), 'max_layers=0, expected at least 1'),
])
def test_refuses_settings_that_are_not_valid(settings, message):
    with pytest.raises(ValueError, match=message):
        HDGCN(**dict(dict(graph_cfg=NTU), **settings))


@pytest.mark.parametrize('training', [True, False])
def test_a_step_leaves_nothing_in_memory(training):
    model = HDGCN(NTU, **SMALL).train(training)
    for backward in (True, False):
        output = model(torch.randn(2, 2, 4, 25, 3)).sum()
        assert any(isinstance(thing, Layers) for thing in gc.get_objects())
        if backward:
            output.backward()
        del output
        gc.collect()
        assert not any(isinstance(thing, Layers) for thing in gc.get_objects())

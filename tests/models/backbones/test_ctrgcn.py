import copy
import re

import pytest
import torch
from mmaction.registry import MODELS
from references.ctrgcn_naive import NaiveCTRGCN
from torch import nn

from cocodiff_mm.models.backbones import CTRGCN
from cocodiff_mm.models.backbones.skeleton_backbone import stages
from cocodiff_mm.utils.graph import build_adjacency

NTU = dict(layout='nturgb+d', mode='spatial')
UCLA = dict(layout='nwucla')
# Two resolutions, two widths, every kind of residual connection.
SMALL = dict(base_channels=16, num_stages=4, inflate_stages=[2], down_stages=[3])


def small(graph_cfg=NTU, **settings):
    """Weights off their start, some scales of batch norm negative."""
    torch.manual_seed(0)
    model = CTRGCN(graph_cfg, **dict(SMALL, **settings))
    for name, parameter in model.named_parameters():
        if name.endswith(('PA', 'bias')):
            parameter.data += 0.1 * torch.randn_like(parameter)
        elif name.endswith('alpha') or parameter.dim() == 1:
            parameter.data.uniform_(0.5, 1.5)
            parameter.data *= torch.where(torch.rand_like(parameter) < 0.2, -1., 1.)
    return model.double()


def naive_of(model, graph_cfg=NTU, **settings):
    """The reference with the weights and in the mode of a small model."""
    settings = dict(SMALL, **settings)
    plan = list(stages(*(settings[key] for key in SMALL)))
    persons = settings.get('num_person', 2) if settings.get('data_bn_type') != 'VC' else None
    naive = NaiveCTRGCN(
        build_adjacency(graph_cfg), [width for _, width, _ in plan],
        [stride for *_, stride in plan], settings.get('in_channels', 3), persons,
        settings.get('tcn_relu', False)).to(next(model.parameters()).dtype)
    naive.load_state_dict(model.state_dict())
    return naive.train(model.training)


def clips(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def warm(model, x):
    """Let the running statistics be those of other clips of this kind."""
    for _ in range(5):
        model.train()(torch.randn_like(x))
    return model


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('graph_cfg, persons, joints, channels, frames, settings', [
    (NTU, 2, 25, 3, 8, {}),
    (dict(layout='openpose'), 1, 18, 3, 7, dict(num_person=1)),
    (dict(layout='coco'), 3, 17, 2, 5, dict(num_person=3, in_channels=2)),
    (UCLA, 1, 20, 3, 9, dict(data_bn_type='VC', tcn_relu=True)),
    (NTU, 2, 25, 3, 4, dict(base_channels=6, down_stages=[2, 3])),
])
def test_outputs_and_gradients_equal_the_reference(graph_cfg, persons, joints, channels, frames,
                                                   settings, training):
    x = clips(2, persons, frames, joints, channels)
    model = warm(small(graph_cfg, **settings), x).train(training)
    naive = naive_of(model, graph_cfg, **settings)
    assert_equal(model, naive, x)
    assert model.net[1].gcn1.alpha.grad.abs() > 1e-6


def assert_equal(model, naive, x):
    """Outputs, running statistics and all gradients."""
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    output, expected = model(ours), naive(theirs)
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)
    found = dict(model.named_buffers())
    for name, value in naive.named_buffers():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-9)
    weights = torch.randn_like(output) / output.numel()**0.5
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-8, atol=1e-8)
    found = dict(model.named_parameters())
    for name, parameter in naive.named_parameters():
        torch.testing.assert_close(found[name].grad, parameter.grad, rtol=1e-8, atol=1e-8,
                                   msg=lambda text, name=name: f'{name}: {text}')


@pytest.mark.parametrize('training', [True, False])
def test_absent_persons_and_other_memory_layouts_equal_the_reference(training):
    x = clips(2, 2, 9, 25, 3)
    x[:, 1] = 0
    model = warm(small(), clips(2, 2, 9, 25, 3)).train(training)
    other = x.permute(0, 4, 2, 3, 1).contiguous().permute(0, 4, 2, 3, 1)
    assert not other.is_contiguous()
    assert_equal(model, naive_of(model), other)


@pytest.mark.parametrize('frozen', [r'gcn1\.bn', r'branches\.\d\.[14]', 'data_bn|residual', 'down'])
def test_norms_that_are_frozen_equal_the_reference(frozen):
    x = clips(2, 2, 8, 25, 3)
    model = warm(small(), x)
    naive = naive_of(model)
    for network in (model, naive):
        for name, part in network.named_modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm) and re.search(frozen, name):
                part.eval()
    assert_equal(model, naive, x)


@pytest.mark.parametrize('momentum', [None, 0.3])
def test_running_statistics_by_any_momentum(momentum):
    x = clips(2, 2, 8, 25, 3)
    model = small()
    naive = naive_of(model)
    for network in (model, naive):
        for part in network.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.momentum = momentum
    for _ in range(2):
        assert_equal(model, naive, x)
        model.zero_grad()
        naive.zero_grad()


def test_clips_a_few_at_a_time_without_gradients():
    x = clips(11, 2, 6, 25, 3)
    model = warm(small(), x).eval()
    expected = model(x)
    with torch.no_grad():
        torch.testing.assert_close(model(x), expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(model(x[7:8]), expected[7:8], rtol=1e-10, atol=1e-10)


def test_float32_is_close_to_float64():
    x = clips(2, 2, 16, 25, 3)
    model = warm(small(), x).eval()
    exact = model(x)
    error = model.float()(x.float()) - exact
    assert error.abs().max() < 1e-4 * exact.abs().max()


def test_second_backward_pass_gives_the_same_gradient():
    x = clips(2, 2, 6, 25, 3).requires_grad_()
    output = small()(x).square().mean()
    first, = torch.autograd.grad(output, x, retain_graph=True)
    second, = torch.autograd.grad(output, x)
    assert torch.equal(first, second)


def test_published_size_and_shapes():
    model = CTRGCN(NTU)
    classifier = 256 * 120 + 120
    assert sum(p.numel() for p in model.parameters()) + classifier == 1_462_092
    assert len(model.state_dict()) == 820
    with torch.no_grad():
        assert model(torch.randn(1, 2, 13, 25, 3)).shape == (1, 2, 256, 4, 25)


def test_keys_are_the_authors_names():
    keys = set(CTRGCN(NTU, num_stages=5).state_dict())
    prefixes = {
        'data_bn.weight', 'net.0.gcn1.PA', 'net.0.gcn1.alpha', 'net.0.gcn1.convs.2.conv4.bias',
        'net.0.gcn1.bn.running_var', 'net.0.gcn1.down.0.weight', 'net.0.gcn1.down.1.weight',
        'net.1.tcn1.branches.0.0.weight', 'net.1.tcn1.branches.0.1.weight',
        'net.1.tcn1.branches.1.3.conv.weight', 'net.1.tcn1.branches.1.3.bn.weight',
        'net.1.tcn1.branches.2.4.weight', 'net.1.tcn1.branches.3.1.weight',
        'net.4.residual.conv.weight', 'net.4.residual.bn.weight'
    }
    assert prefixes <= keys
    assert not [key for key in keys if key.startswith('net.1.gcn1.down')]
    assert not [key for key in keys if key.startswith(('net.0.residual', 'net.3.residual'))]


def test_start_is_the_published_one():
    torch.manual_seed(0)
    model = CTRGCN(NTU)
    for block in model.net:
        assert torch.equal(block.gcn1.PA, build_adjacency(NTU))
        assert block.gcn1.alpha.item() == 0
        assert torch.all(block.gcn1.bn.weight == 1e-6)
        norms = [m for m in block.tcn1.modules() if isinstance(m, nn.BatchNorm2d)]
        scales = torch.cat([norm.weight for norm in norms])
        assert abs(scales.mean() - 1) < 0.01 and 0.012 < scales.std() < 0.028
    assert torch.all(model.data_bn.weight == 1)
    assert torch.all(model.net[4].residual.bn.weight == 1)
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0]
            deviation = module.weight.std() * (fan_out / 2)**0.5
            assert abs(deviation - 1) < 5 / module.weight.numel()**0.5, name
            assert not module.bias.any()


def test_init_weights_keeps_the_start_and_the_seed_decides_it():
    def start(seed):
        torch.manual_seed(seed)
        return small_start().state_dict()

    def small_start():
        return MODELS.build(dict(type='CTRGCN', graph_cfg=NTU, base_channels=8, num_stages=2))

    torch.manual_seed(3)
    model = small_start()
    before = copy.deepcopy(model.state_dict())
    model.init_weights()
    after, again, other = model.state_dict(), start(3), start(4)
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(torch.equal(before[key], again[key]) for key in before)
    assert not torch.equal(before['net.0.gcn1.convs.0.conv1.weight'],
                           other['net.0.gcn1.convs.0.conv1.weight'])


def test_pretrained_weights_are_loaded_by_init_weights(tmp_path):
    trained = small(num_stages=2).float()
    file = str(tmp_path / 'weights.pth')
    torch.save(trained.state_dict(), file)
    for start in (dict(pretrained=file), dict(init_cfg=dict(type='Pretrained', checkpoint=file))):
        model = CTRGCN(NTU, base_channels=16, num_stages=2, inflate_stages=[2], **start)
        model.init_weights()
        assert all(torch.equal(value, trained.state_dict()[key])
                   for key, value in model.state_dict().items())


def test_persons_can_change_places():
    x = clips(2, 3, 6, 25, 3)
    model = warm(small(data_bn_type='VC'), x).eval()
    order = [2, 0, 1]
    torch.testing.assert_close(model(x[:, order]), model(x)[:, order], rtol=1e-12, atol=1e-12)
    # One person more changes nothing for the others.
    torch.testing.assert_close(model(x[:, :1]), model(x)[:, :1], rtol=1e-12, atol=1e-12)


def test_clips_of_a_batch_do_not_touch_in_eval():
    x = clips(3, 2, 6, 25, 3)
    model = warm(small(), x).eval()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]), rtol=1e-12, atol=1e-12)


def test_all_persons_absent_is_finite():
    assert torch.isfinite(small()(torch.zeros(2, 2, 6, 25, 3).double())).all()


@pytest.mark.parametrize('training', [True, False])
def test_bfloat16_is_as_close_as_that_of_the_reference(training):
    x = clips(2, 2, 9, 25, 3).float()
    model = warm(small().float(), x).train(training)
    naive, exact = naive_of(model), model(x)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        output, theirs = model(x), naive(x)
    output.float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    # Batch norms that are folded into weights are rounded with them.
    assert (output - exact).std() < 2 * (theirs - exact).std() < 0.1 * exact.std()


@pytest.mark.parametrize('depth, inflate, down, shape', [
    (10, (5, 8), (5, 8), (64, 8)),
    (6, (5, 8), (5, 8), (32, 16)),
    (3, (2, ), (2, ), (32, 16)),
    (1, (1, ), (1, ), (16, 32)),
])
def test_small_variants(depth, inflate, down, shape):
    model = CTRGCN(NTU, base_channels=16, num_stages=depth, inflate_stages=inflate,
                   down_stages=down).eval()
    with torch.no_grad():
        assert model(torch.randn(2, 2, 32, 25, 3)).shape == (2, 2, *shape, 25)


@pytest.mark.parametrize('channels, relations', [(3, 8), (16, 8), (32, 4), (64, 8), (128, 16)])
def test_relations_are_an_eighth_of_the_channels_but_eight_for_few(channels, relations):
    conv = CTRGCN(NTU, in_channels=channels, num_stages=1).net[0].gcn1.convs[0]
    assert conv.conv1.out_channels == conv.conv2.out_channels == relations
    assert conv.conv4.in_channels == relations


def test_dropout_acts_in_training_after_the_first_block():
    x = clips(1, 2, 6, 25, 3)
    model = small(tcn_dropout=0.5)
    assert [block.tcn1.drop.p for block in model.net] == [0, 0.5, 0.5, 0.5]
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


@pytest.mark.parametrize('settings, message', [
    (dict(kernel_size=4), 'kernel_size=4 .* expected an odd number'),
    (dict(base_channels=3), '3 channels are too few for 4 temporal branches'),
])
def test_refuses_settings_that_are_not_valid(settings, message):
    with pytest.raises(ValueError, match=message):
        CTRGCN(**dict(dict(graph_cfg=NTU), **settings))


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match='gcn_ratio'):
        CTRGCN(NTU, gcn_ratio=2)

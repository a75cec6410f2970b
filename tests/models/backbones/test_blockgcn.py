import copy
import re

import pytest
import torch
from mmaction.registry import MODELS
from references.blockgcn_naive import NaiveBlockGCN
from torch import nn

from cocodiff_mm.models.backbones import BlockGCN
from cocodiff_mm.utils.graph import build_adjacency

NTU = dict(layout='nturgb+d', mode='spatial')
CHAIN = dict(layout=dict(num_node=4, center=0, inward=[(1, 0), (2, 1), (3, 2)]))


def shape_of(settings):
    return dict(dict(base_channels=16, num_stages=3, inflate_stages=[2], down_stages=[3]),
                **settings)


def small(graph_cfg=NTU, **settings):
    """Two resolutions, two widths, every kind of residual connection; weights off their start."""
    torch.manual_seed(0)
    model = BlockGCN(graph_cfg, **shape_of(settings))
    for name, parameter in model.named_parameters():
        if name.endswith(('fc1', 'rpe', 'bias')):
            parameter.data += 0.1 * torch.randn_like(parameter)
        elif parameter.dim() == 1:
            parameter.data.uniform_(0.5, 1.5)
    return model.double()


def naive_names(state):
    """Names of the authors for the names here; they are the reference's."""
    rules = [(r'net\.(\d+)', lambda found: f'l{int(found[1]) + 1}'),
             (r'topo\.embed\.(\d+)', r't\1'), (r'topo\.elements', 'topo.pl')]
    renamed = {}
    for key, value in state.items():
        for pattern, name in rules:
            key = re.sub('^' + pattern + r'\.', lambda m, name=name: (
                name(m) if callable(name) else m.expand(name)) + '.', key)
        renamed[key] = value
    return renamed


def naive_of(model, graph_cfg, published=False, **settings):
    settings = shape_of(settings)
    naive = NaiveBlockGCN(
        build_adjacency(graph_cfg), settings.get('in_channels', 3), model.num_person,
        settings['base_channels'], settings['num_stages'], settings['inflate_stages'],
        settings['down_stages'], by_batch=published).double()
    naive.load_state_dict(naive_names(model.state_dict()))
    return naive.train(model.training)


def clips(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def warm(model, x):
    """Let the running statistics be those of other clips of this kind."""
    for _ in range(3):
        model.train()(torch.randn_like(x))
    return model


def assert_equals_naive(model, naive, x, joints=None):
    """Outputs, gradients and running statistics, of which ``naive`` gets joints on their own."""
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    output = model(ours)
    expected = naive(theirs) if joints is None else naive(theirs[..., :3], theirs[..., joints:])
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)
    weights = torch.randn_like(output) / output.numel()**0.5
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-8, atol=1e-8)
    grads = naive_names({name: p.grad for name, p in model.named_parameters()})
    for name, parameter in naive.named_parameters():
        torch.testing.assert_close(grads[name], parameter.grad, rtol=1e-8, atol=1e-8,
                                   msg=lambda text, name=name: f'{name}: {text}')
    torch.testing.assert_close(naive_names(model.state_dict()), dict(naive.state_dict()),
                               rtol=1e-9, atol=1e-9)
    return grads


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('graph_cfg, persons, joints, frames, settings', [
    (NTU, 2, 25, 8, {}),
    (dict(layout='openpose'), 1, 18, 7, dict(num_person=1, in_channels=2)),
    (dict(layout='nwucla'), 3, 20, 5, dict(num_person=3)),
    (CHAIN, 2, 4, 4, dict(down_stages=[2, 3])),
])
def test_outputs_and_gradients_equal_the_reference(graph_cfg, persons, joints, frames, settings,
                                                   training):
    x = clips(3, persons, frames, joints, settings.get('in_channels', 3))
    model = warm(small(graph_cfg, **settings), x).train(training)
    grads = assert_equals_naive(model, naive_of(model, graph_cfg, **settings), x)
    assert all(grad is not None for grad in grads.values())
    assert grads['l2.gcn1.rpe'].abs().max() > 1e-6 and grads['topo.pl.centres'].abs().max() > 1e-9


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('published', [True, False])
def test_absent_persons_and_clips_equal_the_reference(published, training):
    x = clips(3, 2, 6, 25, 3)
    model = warm(small(published_topology=published), x).train(training)
    x[0], x[1, 1] = 0, 0
    assert_equals_naive(model, naive_of(model, NTU, published), x)


@pytest.mark.parametrize('training', [True, False])
def test_joints_of_another_stream_come_behind_it(training):
    x = clips(3, 2, 6, 25, 6)
    model = warm(small(joint_channels=3), x).train(training)
    assert_equals_naive(model, naive_of(model, NTU), x, joints=3)


def test_frozen_norms_stay_as_they_are():
    x = clips(3, 2, 6, 25, 3)
    model = warm(small(), x)
    naive = naive_of(model, NTU)
    for net in (model.net[1].tcn1, naive.l2.tcn1):
        net.branches[0][1].eval()
        net.branches[1][3].bn.eval()
    for net in (model.net[2].gcn1, naive.l3.gcn1):
        net.bn.eval()
    model.data_bn.eval()
    naive.data_bn.eval()
    assert_equals_naive(model, naive, x)


def test_clips_go_through_in_parts_where_nothing_is_learned():
    x = clips(5, 2, 7, 25, 3)
    model = warm(small(), x).eval()
    with torch.no_grad():
        output = model(x)
    torch.testing.assert_close(output, model(x).detach(), rtol=1e-12, atol=1e-12)
    assert output.is_contiguous()


@pytest.mark.parametrize('published', [True, False])
def test_clips_of_a_batch_touch_in_eval_as_published_only(published):
    x = clips(3, 2, 6, 25, 3)
    model = warm(small(published_topology=published), x).eval()
    difference = (model(x)[1:2] - model(x[1:2])).abs().max()
    assert difference > 1e-3 if published else difference < 1e-12
    other = warm(small(), x).eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(x[:1]), model(x[:1]), rtol=1e-12, atol=1e-12)


def test_float32_scores_are_those_of_float64():
    x = clips(4, 2, 16, 25, 3)
    model = warm(small(), x)
    for training in (True, False):
        exact = copy.deepcopy(model).train(training)(x)
        output = copy.deepcopy(model).float().train(training)(x.float())
        torch.testing.assert_close(output.mean((3, 4)).double(), exact.mean((3, 4)), rtol=1e-4,
                                   atol=1e-4)


def test_published_size_and_shapes():
    model = BlockGCN(NTU)
    classifier = 256 * 120 + 120
    assert sum(p.numel() for p in model.parameters()) + classifier == 1_388_200
    assert len(model.state_dict()) + 2 == 703
    with torch.no_grad():
        assert model.eval()(torch.randn(1, 2, 13, 25, 3)).shape == (1, 2, 256, 4, 25)


def test_start_is_the_published_one():
    torch.manual_seed(0)
    model = BlockGCN(NTU)
    for block in model.net:
        assert torch.equal(block.gcn1.fc1, torch.eye(25).expand(3, 8, 25, 25))
        assert block.gcn1.rpe.shape == (3, 8, 12) and not block.gcn1.rpe.any()
        assert torch.all(block.gcn1.bn.weight == 1e-6)
        scales = torch.cat([m.weight for m in block.tcn1.modules()
                            if isinstance(m, nn.BatchNorm2d)])
        assert abs(scales.mean() - 1) < 0.01 and 0.012 < scales.std() < 0.028
    assert torch.all(model.data_bn.weight == 1)
    assert torch.all(model.net[4].residual.bn.weight == 1)
    assert torch.all(model.topo.elements.sharpness == 3)
    assert 0 <= model.topo.elements.centres.min() and model.topo.elements.centres.max() < 1
    assert abs(model.pos_embedding.std() - 1) < 0.05
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0]
            deviation = module.weight.std() * (fan_out / 2)**0.5
            assert abs(deviation - 1) < 5 / module.weight.numel()**0.5, name
            assert not module.bias.any()


def test_first_step_has_finite_gradients_and_reaches_the_hops():
    torch.manual_seed(0)
    model = BlockGCN(NTU, base_channels=16, num_stages=2)
    model(torch.randn(3, 2, 8, 25, 3)).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    assert model.net[0].gcn1.rpe.grad.abs().max() > 0


def test_init_weights_keeps_the_start_and_pretrained_weights_are_loaded(tmp_path):
    torch.manual_seed(3)
    model = MODELS.build(dict(type='BlockGCN', graph_cfg=NTU, base_channels=16, num_stages=2))
    before = copy.deepcopy(model.state_dict())
    model.init_weights()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    file = str(tmp_path / 'weights.pth')
    torch.save(before, file)
    for start in (dict(pretrained=file), dict(init_cfg=dict(type='Pretrained', checkpoint=file))):
        other = BlockGCN(NTU, base_channels=16, num_stages=2, **start)
        other.init_weights()
        assert all(torch.equal(before[key], value) for key, value in other.state_dict().items())


def test_memory_layout_does_not_matter():
    x = clips(3, 2, 6, 25, 3)
    model = warm(small(data_bn_type='VC'), x).eval()
    other = x.permute(0, 4, 2, 3, 1).contiguous().permute(0, 4, 2, 3, 1)
    assert not other.is_contiguous()
    torch.testing.assert_close(model(other), model(x), rtol=1e-12, atol=1e-12)
    order = [1, 0]
    torch.testing.assert_close(model(x[:, order]), model(x)[:, order], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('training', [True, False])
def test_bfloat16_is_close_to_float32(training):
    x = clips(4, 2, 9, 25, 3).float()
    model = warm(small().float(), x).train(training)
    exact = model(x)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        output = model(x)
    assert output.dtype == torch.bfloat16
    output.float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    assert (output - exact).std() < 0.05 * exact.std()


@pytest.mark.parametrize('settings, message', [
    (dict(joint_channels=-1), 'joint_channels=-1'),
    (dict(num_heads=3), 'base_channels=128 can not be shared out to num_heads=3; give a multiple'),
    (dict(kernel_size=4), 'kernel_size=4 .* expected an odd number'),
])
def test_refuses_settings_that_are_not_valid(settings, message):
    with pytest.raises(ValueError, match=message):
        BlockGCN(**dict(dict(graph_cfg=NTU), **settings))

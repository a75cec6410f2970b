import copy
import re

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope
from published_weights import authors_names

from cocodiff_mm.models.backbones import CTRGCN
from cocodiff_mm.models.backbones.skeleton_backbone import stages

NTU = dict(layout='nturgb+d', mode='spatial')
GAP = dict(num_node=3, inward=[(1, 0)], center=0)
every_backbone = pytest.mark.parametrize('backbone', ['CTRGCN', 'HDGCN', 'BlockGCN'])


def build(backbone, **settings):
    return MODELS.build(dict(dict(type=backbone, graph_cfg=NTU, base_channels=16), **settings))


def test_stages_by_hand():
    assert list(stages(8, 4, (1, 2, 4), (1, 3, 9))) == [(8, 8, 1), (8, 16, 1), (16, 16, 2),
                                                        (16, 32, 1)]


@every_backbone
@pytest.mark.parametrize('shape, message', [
    ((1, 2, 6, 25), r'takes clips of shape \(N, M, T, V, C\), none of them 0, got \(1, 2, 6, 25\)'),
    ((1, 2, 0, 25, 3), r'none of them 0, got \(1, 2, 0, 25, 3\)'),
    ((1, 3, 6, 25, 3), r'have 3 persons, but \w+ was built for 2; set num_person'),
    ((1, 1, 6, 25, 3), r'have 1 persons, but \w+ was built for 2; set num_person'),
    ((1, 2, 6, 20, 3), r'have 20 joints, but \w+ was built for 25; set graph_cfg.layout'),
    ((1, 2, 6, 25, 2), r'have 2 coordinates, but \w+ was built for 3; set in_channels'),
    ((1, 2, 3, 25, 3), r'have 3 frames, but \w+ halves them in down_stages=\[2, 3\] and takes at '
                       'least 4; sample longer clips'),
])
def test_refuses_clips_that_do_not_fit(backbone, shape, message):
    with pytest.raises(ValueError, match=f'{backbone} takes|{message}') as error:
        build(backbone, num_stages=3, down_stages=(2, 3, 8))(torch.zeros(shape))
    assert error.match(message) and backbone in str(error.value)


@every_backbone
def test_the_shortest_clips_are_taken(backbone):
    model = build(backbone, num_stages=3, inflate_stages=(), down_stages=(2, 3)).eval()
    assert model(torch.randn(1, 2, 4, 25, 3)).shape[2:] == (16, 1, 25)


def test_joints_that_come_along_are_counted():
    with pytest.raises(ValueError, match='have 3 coordinates, but BlockGCN was built for 6; set '
                                         'in_channels and joint_channels'):
        build('BlockGCN', num_stages=1, joint_channels=3)(torch.zeros(1, 2, 4, 25, 3))


@every_backbone
@pytest.mark.parametrize('settings, message', [
    (dict(data_bn_type='MV'), "unknown data_bn_type 'MV'; allowed: 'MVC', 'VC'"),
    (dict(num_stages=0), 'num_stages=0, num_person=2, in_channels=3, expected at least 1'),
    (dict(num_person=0), 'num_person=0'),
    (dict(graph_cfg=dict(layout='ntu')), "unknown layout 'ntu'"),
    (dict(graph_cfg=dict(layout=GAP)), r'joints \[2\] do not lead to center=0'),
    (dict(pretrained='w.pth', init_cfg=dict(type='Pretrained', checkpoint='w.pth')),
     'both pretrained'),
])
def test_refuses_settings_that_are_not_valid(backbone, settings, message):
    with pytest.raises(ValueError, match=message):
        build(backbone, **settings)


def test_any_number_of_persons_where_batch_norm_does_not_tell_them_apart():
    assert CTRGCN(NTU, data_bn_type='VC', base_channels=8, num_stages=1).num_person is None


SMALL = dict(num_stages=2, inflate_stages=[2], down_stages=[2])
UNSEEN = dict(CTRGCN=dict(tcn_relu=True), HDGCN=dict(center_of_mass=2),
              BlockGCN=dict(published_topology=True))


def recognizer(backbone, classes=60, **settings):
    """A recognizer of a small backbone, drawn anew."""
    init_default_scope('mmaction')
    return MODELS.build(dict(
        type='RecognizerGCN',
        backbone=dict(dict(type=backbone, graph_cfg=NTU, base_channels=16, **SMALL), **settings),
        cls_head=dict(type='GCNHead', num_classes=classes, in_channels=32)))


def same(one, other):
    return all(torch.equal(value, other.state_dict()[key])
               for key, value in one.state_dict().items())


@every_backbone
@pytest.mark.parametrize('content', [
    lambda model: dict(meta=dict(epoch=3), state_dict=model.state_dict()),
    lambda model: model.state_dict(),
    lambda model: dict(state_dict=model.backbone.state_dict()),
    lambda model: model.backbone.state_dict(),
], ids=['checkpoint', 'recognizer', 'backbone checkpoint', 'backbone'])
def test_pretrained_takes_the_backbone_out_of_a_checkpoint(backbone, content, tmp_path):
    file, trained = tmp_path / 'epoch_9.pth', recognizer(backbone)
    torch.save(content(trained), file)
    model = recognizer(backbone, classes=7, pretrained=str(file))
    assert not same(model.backbone, trained.backbone)
    model.init_weights()
    assert same(model.backbone, trained.backbone)


def test_pretrained_is_read_the_first_time_only(tmp_path):
    torch.save(recognizer('CTRGCN').state_dict(), tmp_path / 'a.pth')
    model = recognizer('CTRGCN', pretrained=str(tmp_path / 'a.pth')).backbone
    model.init_weights()
    model.net[0].gcn1.PA.data += 1
    trained = copy.deepcopy(model)
    model.init_weights()
    assert same(model, trained)


@every_backbone
def test_pretrained_of_another_width_is_refused_with_keys_and_recipe(backbone, tmp_path):
    file = tmp_path / 'epoch_9.pth'
    torch.save(dict(state_dict=recognizer(backbone).state_dict()), file)
    model = build(backbone, **{**SMALL, 'base_channels': 32}, pretrained=str(file))
    with pytest.raises(ValueError, match=(
            rf'epoch_9\.pth does not fit {backbone}: of \d+ keys \d+ of another shape \(.*, '
            rf'expected .*weights of {backbone} of this package \(60 classes, 25 joints\); take '
            rf'the recipe .* configs/{backbone.lower()}\.py with --cfg-options data=ntu60')):
        model.init_weights()


@every_backbone
def test_pretrained_as_published_is_refused_with_the_command_that_converts_it(backbone, tmp_path):
    file = tmp_path / 'runs-65.pt'
    state = authors_names(recognizer(backbone).state_dict())
    if backbone == 'HDGCN':  # its layers have one tensor each there
        state['l1.gcn1.conv_down.0.0.weight'] = state.pop('l1.gcn1.conv_down.0.weight')
    torch.save(state, file)
    command = (f'make them fit with python tools/convert_checkpoint.py {file} --from '
               f'{backbone.lower()} --out NEW.pth')
    with pytest.raises(ValueError, match=re.escape(command)):
        build(backbone, **SMALL, pretrained=str(file)).init_weights()


@every_backbone
def test_pretrained_that_needs_another_setting_is_refused(backbone, tmp_path):
    file, (name, value) = str(tmp_path / 'new.pth'), *UNSEEN[backbone].items()
    trained = recognizer(backbone, **UNSEEN[backbone])
    torch.save(dict(meta=dict(backbone_settings={name: [value]}), state_dict=trained.state_dict()),
               file)
    with pytest.raises(ValueError, match=f'were trained with {name}={value!r}, but the recipe has'):
        build(backbone, **SMALL, pretrained=file).init_weights()
    model = build(backbone, **SMALL, **UNSEEN[backbone], pretrained=file)
    model.init_weights()
    assert same(model, trained.backbone)

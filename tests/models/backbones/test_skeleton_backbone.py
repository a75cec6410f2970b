import pytest
import torch
from mmaction.registry import MODELS

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

import pytest
import torch
from mmaction.registry import MODELS
from published_weights import SMALL, authors_file, classifier, pooled, scores, shaken
from references.hdgcn_naive import NaiveHDGCN
from tiny_recipe import ROOT

from cocodiff_mm.conversion import convert_state
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.hierarchy import hierarchy_adjacency, joint_groups
from cocodiff_mm.utils.weight_fit import check_fit
from cocodiff_mm.utils.weight_origin import check_settings


def naive(center, layout='nturgb+d', persons=2, layers=6, **shape):
    groups = joint_groups(layout, center - 1, layers)
    return NaiveHDGCN(hierarchy_adjacency(groups),
                      [a + b for a, b in zip(groups[:-1], groups[1:], strict=True)],
                      num_person=persons, **shape)


def small(center, *clips, **settings):
    network = naive(center, channels=(16, 32, 32), strides=(1, 2, 2), **settings)
    return shaken(network, *clips), classifier(32, 7)


@pytest.mark.parametrize('center, layout, persons, joints', [
    (21, 'nturgb+d', 2, 25), (1, 'nturgb+d', 2, 25), (2, 'nturgb+d', 2, 25), (2, 'nwucla', 1, 20),
])
def test_scores_and_centre_of_the_published_network(center, layout, persons, joints):
    network, fc = small(center, 3, persons, 8, joints, 3, layout=layout, persons=persons)
    conversion = convert_state(authors_file(network, fc), 'hdgcn')
    x = torch.randn(2, persons, 8, joints, 3, dtype=torch.float64)
    torch.testing.assert_close(scores(conversion, x), fc(pooled(network(x))), rtol=1e-9, atol=1e-9)
    backbone = conversion.model['backbone']
    assert backbone['center_of_mass'] == center
    assert {name: backbone[name] for name in SMALL} == SMALL


def test_fewer_layers_are_told():
    network, fc = small(21, 2, 2, 4, 25, 3, layers=3)
    conversion = convert_state(authors_file(network, fc), 'hdgcn')
    assert conversion.model['backbone']['max_layers'] == 3
    assert 'model.backbone.max_layers=3' in conversion.options
    x = torch.randn(2, 2, 4, 25, 3, dtype=torch.float64)
    torch.testing.assert_close(scores(conversion, x), fc(pooled(network(x))), rtol=1e-9, atol=1e-9)


def test_graphs_that_moved_far_still_tell_the_centre():
    network, fc = small(2, 2, 2, 4, 25, 3)
    for name, parameter in network.named_parameters():
        if name.endswith('PA'):
            parameter.data = 0.3 * parameter.data + 0.2 * torch.randn_like(parameter)
    conversion = convert_state(authors_file(network, fc), 'hdgcn')
    assert conversion.model['backbone']['center_of_mass'] == 2


def test_graphs_that_tell_no_centre_leave_it_to_the_user():
    network, fc = small(2, 2, 2, 4, 25, 3)
    for name, parameter in network.named_parameters():
        if name.endswith('PA'):
            parameter.data = torch.randn_like(parameter)
    conversion = convert_state(authors_file(network, fc), 'hdgcn')
    assert 'center_of_mass' not in conversion.model['backbone']
    assert 'center_of_mass' not in conversion.meta['backbone_settings']
    assert any('do not tell which centre of mass' in line for line in conversion.lines)


def test_last_layer_must_be_the_same_both_times():
    state = authors_file(*small(21, 2, 2, 4, 25, 3))
    state['l2.gcn1.conv_d.1.0.bias'] = state['l2.gcn1.conv_d.1.0.bias'] + 1
    with pytest.raises(ValueError, match=r'1 tensors are not the same in both: '
                                         r'l2\.gcn1\.conv_d\.1\.0\.bias'):
        convert_state(state, 'hdgcn')


def test_layers_that_saw_different_numbers_of_batches_are_refused():
    state = authors_file(*small(21, 2, 2, 4, 25, 3))
    state['l1.gcn1.conv_down.2.1.num_batches_tracked'] = torch.tensor(9)
    with pytest.raises(ValueError, match=r'conv_down\.0\.1\.num_batches_tracked.* are one number '
                                         r'in this package, but are \[3, 9\] there'):
        convert_state(state, 'hdgcn')


def test_a_missing_layer_is_named_as_in_the_file():
    state = authors_file(*small(21, 2, 2, 4, 25, 3))
    del state['l1.gcn1.conv.3.1.0.weight']
    with pytest.raises(ValueError, match=r'1 missing \(l1\.gcn1\.conv\.3\.1\.0\.weight\)\.'):
        convert_state(state, 'hdgcn')


@pytest.mark.parametrize('center, more', [
    (21, []), (1, ['model.backbone.center_of_mass=1']),
])
def test_published_size_fits_the_recipe_that_is_named(center, more):
    state = authors_file(naive(center), torch.nn.Linear(256, 120))
    assert len(state) == 3017
    conversion = convert_state(state, 'hdgcn')
    assert conversion.config == 'configs/hdgcn.py'
    assert conversion.options == ['data=ntu120', *more]
    cfg = load_config(ROOT / conversion.config, dict(data='ntu120'))
    check_fit(MODELS.build(cfg.model), conversion.state_dict, 'OUT')
    if more:
        with pytest.raises(ValueError, match=r'Add --cfg-options model\.backbone\.center_of_mass='):
            check_settings(cfg.model.backbone, dict(meta=conversion.meta), 'OUT')
        cfg.model.backbone.center_of_mass = center
    check_settings(cfg.model.backbone, dict(meta=conversion.meta), 'OUT')

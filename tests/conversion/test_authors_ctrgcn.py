from collections import OrderedDict

import pytest
import torch
from mmaction.registry import MODELS
from published_weights import SMALL, authors_names, recognizer, scores, shaken
from tiny_recipe import ROOT

from cocodiff_mm.conversion import convert_state
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.weight_fit import check_fit
from cocodiff_mm.utils.weight_origin import check_settings


def published(classes=5, layout='nturgb+d', persons=2, joints=25, coordinates=3):
    model = recognizer(dict(type='CTRGCN', graph_cfg=dict(layout=layout), num_person=persons,
                            in_channels=coordinates, **SMALL), classes, 32)
    shaken(model.backbone, 2, persons, 8, joints, coordinates)
    return model


@pytest.mark.parametrize('settings, found', [
    ({}, dict(graph_cfg=dict(layout='nturgb+d'), num_person=2)),
    (dict(layout='nwucla', joints=20, persons=1, classes=10),
     dict(graph_cfg=dict(layout='nwucla'), num_person=1)),
    (dict(layout='utd_mhad', joints=20, persons=1, classes=27),
     dict(graph_cfg=dict(layout='utd_mhad'))),
    (dict(layout='openpose', joints=18, coordinates=2), dict(in_channels=2)),
])
def test_same_scores_after_conversion(settings, found):
    model = published(**settings)
    x = torch.randn(2, model.backbone.num_person, 8, model.backbone.num_joints,
                    settings.get('coordinates', 3), dtype=torch.float64)
    conversion = convert_state(authors_names(model.state_dict()), 'ctrgcn')
    backbone = conversion.model['backbone']
    assert {name: backbone[name] for name in found} == found
    assert {name: backbone[name] for name in SMALL} == SMALL
    assert conversion.model['cls_head']['num_classes'] == settings.get('classes', 5)
    torch.testing.assert_close(scores(conversion, x), model.cls_head(model.backbone(x)),
                               rtol=1e-9, atol=1e-9)


def test_prefix_of_data_parallel_makes_no_difference():
    state = authors_names(published().state_dict())
    wrapped = OrderedDict((f'module.{key}', value) for key, value in state.items())
    one, other = (convert_state(file, 'ctrgcn').state_dict for file in (state, wrapped))
    assert list(one) == list(other) and all(one[key].equal(other[key]) for key in one)


def test_nothing_of_the_file_is_shared():
    state = authors_names(published().state_dict())
    converted = convert_state(state, 'ctrgcn').state_dict
    assert not {value.data_ptr() for value in state.values()} & {
        value.data_ptr() for value in converted.values()}


def test_published_size_fits_the_recipe_that_is_named():
    own = recognizer(dict(type='CTRGCN', graph_cfg=dict(layout='nturgb+d')), 120, 256)
    state = authors_names(own.state_dict())
    assert len(state) == 822
    conversion = convert_state(state, 'ctrgcn')
    assert (conversion.config, conversion.options) == ('configs/ctrgcn.py', ['data=ntu120'])
    cfg = load_config(ROOT / conversion.config, dict(data='ntu120'))
    check_fit(MODELS.build(cfg.model), conversion.state_dict, 'OUT')
    check_settings(cfg.model.backbone, dict(meta=conversion.meta), 'OUT')
    with pytest.raises(ValueError, match='trained with tcn_relu=False, but the recipe has '
                                         r'model\.backbone\.tcn_relu=True.*Add --cfg-options '
                                         r'model\.backbone\.tcn_relu=False'):
        check_settings(dict(tcn_relu=True), dict(meta=conversion.meta), 'OUT')

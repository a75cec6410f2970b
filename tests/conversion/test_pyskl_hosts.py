import pytest
import torch
from mmaction.registry import MODELS
from published_weights import scores, shaken
from tiny_recipe import ROOT

from cocodiff_mm.conversion import convert_state
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.weight_fit import check_fit

GRAPH = dict(layout='nturgb+d', mode='spatial')
TINY = dict(base_channels=16, num_stages=3, inflate_stages=[2], down_stages=[2, 3])
PLUS = dict(gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn')


def recognizer(backbone, classes, width):
    return MODELS.build(dict(
        type='RecognizerGCN', backbone=dict(backbone, graph_cfg=GRAPH),
        cls_head=dict(type='GCNHead', num_classes=classes, in_channels=width)))


def pyskl_file(model):
    return dict(state_dict={key.replace('cls_head.fc.', 'cls_head.fc_cls.'): value
                            for key, value in model.state_dict().items()})


@pytest.mark.parametrize('backbone', [
    dict(type='STGCN'), dict(type='STGCN', **PLUS), dict(type='AAGCN'),
    dict(type='AAGCN', gcn_attention=False),
])
def test_same_scores_with_the_classifier_renamed(backbone):
    model = recognizer(dict(backbone, **TINY), 5, 32)
    shaken(model.backbone, 2, 2, 8, 25, 3)
    model.double().eval()
    conversion = convert_state(pyskl_file(model), 'pyskl')
    x = torch.randn(2, 2, 8, 25, 3, dtype=torch.float64)
    torch.testing.assert_close(scores(conversion, x), model.cls_head(model.backbone(x)),
                               rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('backbone, options', [
    (dict(type='STGCN'), ['backbone=stgcn', 'data=ntu60']),
    (dict(type='STGCN', **PLUS), ['backbone=stgcnpp', 'data=ntu60']),
    (dict(type='AAGCN'), ['backbone=2s-agcn', 'data=ntu60', 'model.backbone.gcn_attention=True']),
])
def test_published_size_fits_the_recipe_that_is_named(backbone, options):
    conversion = convert_state(pyskl_file(recognizer(backbone, 60, 256)), 'pyskl')
    assert (conversion.config, conversion.options) == ('configs/mmaction.py', options)
    overrides = dict(option.split('=') for option in options)
    if 'model.backbone.gcn_attention' in overrides:
        overrides['model.backbone.gcn_attention'] = True
    cfg = load_config(ROOT / conversion.config, overrides)
    check_fit(MODELS.build(cfg.model), conversion.state_dict, 'OUT')

import pytest
import torch
from mmaction.registry import MODELS
from published_weights import (
    SMALL,
    authors_file,
    authors_names,
    classifier,
    pooled,
    recognizer,
    scores,
    shaken,
)
from references.blockgcn_naive import NaiveBlockGCN
from tiny_recipe import ROOT

from cocodiff_mm.conversion import convert_state
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.graph import build_adjacency
from cocodiff_mm.utils.weight_fit import check_fit
from cocodiff_mm.utils.weight_origin import check_settings


@pytest.mark.parametrize('layout, joints, persons', [('nturgb+d', 25, 2), ('nwucla', 20, 1)])
def test_scores_of_the_published_network(layout, joints, persons):
    naive = NaiveBlockGCN(build_adjacency(dict(layout=layout)), persons=persons, base=16, blocks=3,
                          wide=(2, ), down=(2, 3), by_batch=True)
    naive, fc = shaken(naive, 3, persons, 8, joints, 3), classifier(32, 7)
    conversion = convert_state(authors_file(naive, fc), 'blockgcn')
    x = torch.randn(3, persons, 8, joints, 3, dtype=torch.float64)
    x[0, persons - 1] *= 0.1
    torch.testing.assert_close(scores(conversion, x), fc(pooled(naive(x))), rtol=1e-9, atol=1e-9)
    assert {name: conversion.model['backbone'][name] for name in SMALL} == SMALL
    assert conversion.model['backbone']['num_heads'] == 8


def test_published_size_fits_the_recipe_that_is_named():
    own = recognizer(dict(type='BlockGCN', graph_cfg=dict(layout='nturgb+d')), 60, 256)
    state = authors_names(own.state_dict())
    assert len(state) == 703
    conversion = convert_state(state, 'blockgcn')
    assert conversion.config == 'configs/blockgcn.py'
    assert conversion.options == ['data=ntu60', 'model.backbone.published_topology=True']
    assert any('batch_size=64' in line for line in conversion.lines)
    cfg = load_config(ROOT / conversion.config, dict(data='ntu60'))
    check_fit(MODELS.build(cfg.model), conversion.state_dict, 'OUT')
    with pytest.raises(ValueError, match=r'published_topology=None.*Add --cfg-options '
                                         r'model\.backbone\.published_topology=True'):
        check_settings(cfg.model.backbone, dict(meta=conversion.meta), 'OUT')
    cfg.merge_from_dict({'model.backbone.published_topology': True})
    check_settings(cfg.model.backbone, dict(meta=conversion.meta), 'OUT')

import importlib

import pytest
import torch
import yaml
from mmaction.registry import MODELS
from tiny_recipe import ROOT

from cocodiff_mm.utils.config import load_config

INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())
PAGES = {page.stem: page.read_text() for page in (ROOT / 'docs' / 'backbones').glob('*.md')}


def test_every_recipe_is_listed_once():
    configs = [model['Config'] for model in INDEX['Models']]
    assert sorted(configs) == sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').glob('*.py'))
    assert [model['Name'] for model in INDEX['Models']] == [
        config.removeprefix('configs/').removesuffix('.py') for config in configs]


def test_collections_have_a_page_and_models():
    names = [one['Name'] for one in INDEX['Collections']]
    assert len(set(names)) == len(names)
    assert {model['In Collection'] for model in INDEX['Models']} == set(names)
    readmes = {one['README'] for one in INDEX['Collections']}
    assert readmes == {'README.md', *(f'docs/backbones/{page}.md' for page in PAGES)}
    for model in INDEX['Models']:
        plain = model['Metadata']['Architecture']
        assert model['In Collection'] == ('CoCoDiff' if 'cocodiff' in model['Name'] else plain)


@pytest.mark.parametrize('model', INDEX['Models'], ids=lambda model: model['Name'])
def test_what_is_said_of_a_recipe(model):
    cfg, said = load_config(ROOT / model['Config']), model['Metadata']
    network = MODELS.build(cfg.model)
    parameters = sum(parameter.numel() for name, parameter in network.named_parameters()
                     if not name.startswith('neck.'))
    assert said['Parameters'] == f'{parameters / 1e6:.3f}M'
    assert (said['Training Data'], said['Epochs'], said['Batch Size']) == (
        cfg.label_set, cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size)


@pytest.mark.parametrize('name, page, kind', [
    ('ctrgcn', 'ctrgcn', 'CTRGCN'), ('hdgcn', 'hdgcn', 'HDGCN'),
    ('blockgcn', 'blockgcn', 'BlockGCN'), ('mmaction', 'others', None)])
def test_flops_and_sizes_are_those_of_the_networks(name, page, kind, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'benchmarks')
    floor, pairs = (importlib.import_module(module) for module in ('floor', 'backbone_pairs'))
    # By the paper's layers: ours reaches the same with fewer products.
    network = MODELS.build(load_config(ROOT / 'configs' / 'mmaction.py').model).backbone \
        if kind is None else pairs.make_scorer(kind, 'naive', pairs.WIDTHS[kind])
    flops = f'{floor.products(network, torch.randn(1, 2, 64, 25, 3)) / 1e9:.3f}'
    for model in INDEX['Models']:
        if model['Name'] in (name, name + '_cocodiff'):
            assert model['Metadata']['FLOPs'] == flops + 'G'
            assert f' {flops} ' in PAGES[page]
            assert model['Metadata']['Parameters'].replace('M', ' M') in PAGES[page]


def test_pages_link_to_pages_that_exist():
    links = {link.split(')')[0] for text in PAGES.values() for link in text.split('](')[1:]}
    inside = {link for link in links if not link.startswith('https://')}
    assert inside
    assert not [link for link in inside if not (ROOT / 'docs' / 'backbones' / link).is_file()]

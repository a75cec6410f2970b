from pathlib import Path

import pytest
from mmengine.config import Config
from tiny_recipe import ROOT

from cocodiff_mm.datasets.inspection.expectation import Expectation, kind_of, read_recipe
from cocodiff_mm.utils.config import load_config


@pytest.mark.parametrize('name, layout, classes, persons, bank', [
    ('ctrgcn_cocodiff_nwucla', 'nwucla', 10, 1, 'nwucla'),
    ('ctrgcn_ntu120', 'nturgb+d', 120, 2, None)])
def test_reads_the_recipes(monkeypatch, name, layout, classes, persons, bank):
    monkeypatch.setenv('COCODIFF_DATA_ROOT', '/elsewhere')
    recipe = read_recipe(load_config(ROOT / 'configs' / f'{name}.py'))
    assert (recipe.layout, recipe.num_classes, recipe.num_person, recipe.text_bank,
            recipe.bank_classes) == (layout, classes, persons, bank, None)
    for reading, role in zip(recipe.readings, ('train', 'val', 'test'), strict=True):
        assert reading.role == role and reading.key.startswith(f'{role}_dataloader.dataset')
        assert kind_of(reading) == 'SkeletonStoreDataset' and reading.config['pipeline'] == []
        assert reading.path.parent == Path('/elsewhere') and reading.config['layout'] == layout


def test_reads_through_wrappers():
    inner = dict(type='cocodiff_mm.SkeletonStoreDataset', ann_file='a', data_root='~/x')
    recipe = read_recipe(Config(dict(
        model=dict(neck=dict(text_bank='ntu120', classes=['drop', 'throw'])),
        train_dataloader=dict(dataset=dict(type='RepeatDataset', times=2, dataset=dict(
            type='ConcatDataset', datasets=[inner, dict(type='Made')]))),
        val_dataloader=None)))
    first, second = recipe.readings
    assert first.key == 'train_dataloader.dataset.dataset.datasets.0' and first.role == 'train'
    assert first.path == Path.home() / 'x' / 'a' and kind_of(first) == 'SkeletonStoreDataset'
    assert second.path is None and recipe.bank_classes == ('drop', 'throw')


def test_names_the_steps_of_pipelines():
    steps = [dict(type='mmaction.PreNormalize3D', zaxis=[0, 1]), dict(type='PoseDecode')]
    reading, = read_recipe(Config(dict(train_dataloader=dict(
        dataset=dict(type='SkeletonStoreDataset', pipeline=steps))))).readings
    assert reading.steps == ('PreNormalize3D', 'PoseDecode') and reading.config['pipeline'] == []


def test_a_config_without_a_model():
    assert read_recipe(Config(dict())) == Expectation(())

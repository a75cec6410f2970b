import json
import logging

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.dataset import BaseDataset
from tiny_recipe import tiny_recipe

from cocodiff_mm.engine.feature_cache import (
    FeatureCache,
    extract_features,
    feature_loader_cfg,
    load_or_extract,
)
from cocodiff_mm.utils.recipe import plain_recipe

LOGGER = logging.getLogger('features')


@pytest.fixture(scope='module')
def recipe(tmp_path_factory):
    cfg = plain_recipe(tiny_recipe(tmp_path_factory.mktemp('cache')))
    # Sampling as in testing: the features are then a function of the clip.
    cfg.train_dataloader.dataset.pipeline = cfg.val_dataloader.dataset.pipeline
    return cfg


def build(cfg):
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


def test_features_are_what_the_classifier_sees(recipe):
    model = build(recipe)
    feats, labels = extract_features(model, recipe.train_dataloader, 1, 0, LOGGER)
    dataset: BaseDataset = _dataset(recipe)
    assert len(feats) == len(labels) == len(dataset)
    for i in (0, len(dataset) - 1):  # in the order of the data, the last batch not dropped
        sample = dataset[i]
        data = model.data_preprocessor(
            dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]))
        with torch.no_grad():
            scores = model.cls_head(model.extract_feat(data['inputs'])[0])
        torch.testing.assert_close(model.cls_head.fc(feats[i:i + 1]), scores, rtol=1e-4, atol=1e-4)
        assert labels[i] == sample['data_samples'].gt_label


def _dataset(recipe):
    from mmengine.runner import Runner
    return Runner.build_dataloader(feature_loader_cfg(recipe.train_dataloader), seed=0).dataset


def test_loader_visits_every_clip_once_in_order():
    cfg = feature_loader_cfg(dict(
        batch_size=4, drop_last=True, persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(type='RepeatDataset', times=5, dataset=dict(type='X', split='a'))))
    assert cfg.dataset == dict(type='X', split='a')
    assert cfg.sampler == dict(type='DefaultSampler', shuffle=False)
    assert not cfg.drop_last and not cfg.persistent_workers


@pytest.mark.parametrize('max_memory_mb', [100, 0])
def test_round_trip_in_memory_and_on_disk(tmp_path, max_memory_mb):
    cache = FeatureCache(tmp_path, 'a', max_memory_mb)
    feats, labels = torch.randn(10, 4), torch.arange(5)
    assert not cache.exists()
    cache.write(feats, labels)
    assert cache.exists() and not FeatureCache(tmp_path, 'b').exists()
    read, read_labels = cache.read()
    assert torch.equal(read, feats) and torch.equal(read_labels, labels.repeat(2))
    assert torch.equal(read[torch.tensor([3, 1])], feats[[3, 1]])


def test_half_written_counts_as_none(tmp_path):
    cache = FeatureCache(tmp_path, 'a')
    cache.write(torch.randn(4, 2), torch.arange(4))
    (tmp_path / 'cache.json').unlink()
    assert not cache.exists()


def test_the_model_is_built_only_when_needed(recipe, tmp_path):
    cache = FeatureCache(tmp_path, 'a')
    first = load_or_extract(cache, lambda: build(recipe), recipe.train_dataloader, 1, 0, LOGGER)
    again = load_or_extract(cache, None, recipe.train_dataloader, 1, 0, LOGGER)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert json.loads((tmp_path / 'cache.json').read_text())['features'] == list(first[0].shape)

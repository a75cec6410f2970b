"""Real recordings, when COCODIFF_REAL_DATA names their folder."""

import os
from pathlib import Path

import pytest
from mmengine.runner import Runner
from tiny_recipe import ROOT

from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.pyskl_pickle import PickleSource
from cocodiff_mm.utils.config import load_config

pytestmark = pytest.mark.skipif(
    not os.environ.get('COCODIFF_REAL_DATA'),
    reason='COCODIFF_REAL_DATA does not name the folder of the real recordings')


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    folder, source = tmp_path_factory.mktemp('stores'), Path(os.environ['COCODIFF_REAL_DATA'])
    convert(PickleSource(source / 'nw_ucla.pkl', 'nwucla'), folder / 'nwucla', processes=1)
    convert(PickleSource(source / 'sbu_interaction.pkl', 'sbu'), folder / 'sbu', processes=1)
    return folder


@pytest.fixture(autouse=True)
def data_root(stores, monkeypatch):
    monkeypatch.setenv('COCODIFF_DATA_ROOT', str(stores))


@pytest.mark.parametrize('split, sampling, train, val, frames', [
    ('xview_clean', 'official', 5 * 925, 464, 52), ('xview', 'pyskl', 1020, 464, 100)])
def test_nwucla_is_served_whole(split, sampling, train, val, frames):
    cfg = load_config(ROOT / 'configs' / 'ctrgcn_nwucla.py', dict(split=split, sampling=sampling))
    assert serve(cfg, (1, 1, frames, 20, 3)) == [train, val]


@pytest.mark.parametrize('sampling, frames', [('official', 64), ('pyskl', 100)])
def test_sbu_is_served_whole(sampling, frames, tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = 'cocodiff_mm::_base_/datasets/sbu.py'\n")
    cfg = load_config(tmp_path / 'mine.py', dict(split='fold3', sampling=sampling))
    assert serve(cfg, (1, 2, frames, 15, 3)) == [226, 56]


def serve(cfg, shape):
    """Go through train and validation set once; their sizes."""
    sizes = []
    for mode in ('train', 'val'):
        loader = dict(cfg[f'{mode}_dataloader'], num_workers=0, persistent_workers=False,
                      drop_last=False)
        loader = Runner.build_dataloader(loader, seed=0)
        sizes.append(len(loader.dataset))
        for batch in loader:  # clips of one frame among them
            for clip in batch['inputs']:
                assert clip.shape == shape and clip.isfinite().all()
    return sizes


def test_both_stages_train_on_nwucla(tmp_path):
    cfg = load_config(ROOT / 'configs' / 'ctrgcn_cocodiff_nwucla.py', {
        'model.backbone.base_channels': 8, 'model.cls_head.in_channels': 32,
        'model.neck.in_channels': 32, 'train_cfg.max_epochs': 1, 'custom_hooks.0.epochs': 20,
        'custom_hooks.0.strategy': 'untrained', 'default_hooks.logger.interval': 20,
        'train_dataloader.dataset.times': 1})
    cfg.work_dir = str(tmp_path)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.message_hub.get_scalar('val/acc/top1').current() > 0.15  # chance is 0.1

"""Real recordings, when COCODIFF_REAL_DATA names their folder."""

import os

import pytest
from mmengine.runner import Runner
from tiny_recipe import ROOT

from cocodiff_mm.utils.config import load_config

pytestmark = pytest.mark.skipif(
    not os.environ.get('COCODIFF_REAL_DATA'),
    reason='COCODIFF_REAL_DATA does not name the folder of the real recordings')


@pytest.mark.parametrize('split, train, val', [('xview_clean', 925, 464), ('xview', 1020, 464)])
def test_nwucla_is_served_whole(split, train, val):
    cfg = load_config(ROOT / 'configs' / 'ctrgcn_nwucla.py', dict(split=split))
    sizes = []
    for mode in ('train', 'val'):
        loader = dict(cfg[f'{mode}_dataloader'], num_workers=0, persistent_workers=False,
                      drop_last=False)
        loader = Runner.build_dataloader(loader, seed=0)
        sizes.append(len(loader.dataset))
        for batch in loader:  # clips of one frame among them
            for clip in batch['inputs']:
                assert clip.shape == (1, 1, 32, 20, 3) and clip.isfinite().all()
    assert sizes == [train, val]


def test_both_stages_train_on_nwucla(tmp_path):
    cfg = load_config(ROOT / 'configs' / 'ctrgcn_cocodiff_nwucla.py', {
        'model.backbone.base_channels': 8, 'model.cls_head.in_channels': 32,
        'model.neck.in_channels': 32, 'train_cfg.max_epochs': 1, 'custom_hooks.0.epochs': 20,
        'custom_hooks.0.strategy': 'untrained', 'default_hooks.logger.interval': 20})
    cfg.work_dir = str(tmp_path)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.message_hub.get_scalar('val/acc/top1').current() > 0.15  # chance is 0.1

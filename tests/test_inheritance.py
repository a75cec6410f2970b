"""Recipes outside the checkout that inherit from MMAction2's and from ours."""

import pickle
import subprocess
import sys

import pytest
from mmaction.registry import TRANSFORMS
from tiny_recipe import ROOT

from cocodiff_mm.datasets.synthetic import make_synthetic
from cocodiff_mm.utils.config import load_config
from cocodiff_mm.utils.recipe import innermost_datasets

RECIPE = '''\
_base_ = ['mmaction::skeleton/stgcn/stgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py',
          'cocodiff_mm::_base_/cocodiff.py']
model = dict(type='CoCoDiffRecognizer', neck=dict(_base_.cocodiff_neck, text_bank='synthetic'),
             cls_head=dict(type='CoCoDiffHead', num_classes=17))
custom_hooks = _base_.cocodiff_hooks
train_dataloader = dict(dataset=dict(times=1, dataset=dict(ann_file='synthetic.pkl')))
val_dataloader = test_dataloader = dict(dataset=dict(ann_file='synthetic.pkl'))
train_cfg = dict(max_epochs=1)
'''


def test_a_recipe_of_eight_lines_over_mmaction2_trains_an_epoch(tmp_path):
    assert len(RECIPE.splitlines()) == 8
    (tmp_path / 'mine.py').write_text(RECIPE)
    data = make_synthetic(seed=0, num_subjects=4)
    data['split'] = {name: names[::6] for name, names in data['split'].items()}
    (tmp_path / 'synthetic.pkl').write_bytes(pickle.dumps(data))
    result = subprocess.run(
        [sys.executable, str(ROOT / 'tools' / 'train.py'), 'mine.py', '--cfg-options',
         'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
         'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
         'default_hooks.logger.interval=1', 'custom_hooks.0.epochs=2',
         'custom_hooks.0.strategy=untrained'],
        cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    log = next(tmp_path.glob('work_dirs/mine/2*/*.log')).read_text()
    assert 'loss_con' in log and 'acc/top1' in log
    assert (tmp_path / 'work_dirs' / 'mine' / 'epoch_1.pth').is_file()


@pytest.mark.parametrize('name', ['ctrgcn_cocodiff_ntu120', 'ctrgcn_nwucla'])
def test_our_recipes_are_bases_for_others(name, tmp_path):
    recipe = tmp_path / 'mine.py'
    recipe.write_text(f"_base_ = 'cocodiff_mm::{name}.py'\ntrain_cfg = dict(max_epochs=3)\n")
    cfg = load_config(recipe, dict(stream='b'))
    assert cfg.train_cfg.max_epochs == 3 and cfg.stream == 'b'
    assert cfg.model.backbone.type == 'CTRGCN'


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('*.py')), ids=lambda p: p.stem)
def test_clips_are_drawn_at_random_in_training_only(path):
    cfg = load_config(path)
    for mode in ('train', 'val', 'test'):
        ((_, dataset), ) = innermost_datasets(cfg[f'{mode}_dataloader'].dataset, mode)
        for step in dataset.pipeline:
            transform = TRANSFORMS.build(step)
            assert getattr(transform, 'test_mode', mode != 'train') == (mode != 'train')

"""Every recipe on every data set: built whole, and one step forward and backward."""

import inspect
import math

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner
from recipe_store import recipe_store
from tiny_recipe import ROOT
from torch import nn

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.utils.config import VARIABLES, load_config
from cocodiff_mm.utils.recipe import innermost_datasets, plain_recipe

GCNS = ('ctrgcn', 'hdgcn', 'blockgcn')
# Data set -> a split that is not the default.
SPLITS = dict(ntu60='xview', ntu120='xset', kinetics=None, nwucla='xsub')
CASES = [
    *((gcn, dict(data=data)) for gcn in GCNS for data in SPLITS),
    ('ctrgcn', dict(data='sbu')), ('hdgcn', dict(data='utd_mhad')),
    ('blockgcn', dict(data='synthetic')), ('hdgcn', dict(sampling='pyskl')),
    ('blockgcn', dict(data='kinetics', sampling='pyskl')),
    ('ctrgcn_ntu120', {}), ('ctrgcn_nwucla', {}), ('ctrgcn_demo', {}),
    *(('mmaction', dict(backbone=backbone, data=data))
      for backbone in ('stgcn', '2s-agcn', 'stgcnpp') for data in ('ntu60', 'ntu120')),
]
NAMES = [f'{name}-{"-".join(variables.values())}'.strip('-') for name, variables in CASES]
every_recipe = pytest.mark.parametrize('name, variables', CASES, ids=NAMES)
both = pytest.mark.parametrize('guest', [False, True], ids=['plain', 'cocodiff'])
# What a recipe may say beside what MMEngine's runner takes, and where it is used.
DECLARED = {
    *VARIABLES, 'label_set', 'num_classes', 'num_person', 'layout', 'clip_len',  # by our bases
    'auto_scale_lr', 'custom_imports', 'cocodiff_neck', 'cocodiff_hooks',
    # MMAction2's
    'vis_backends', 'dataset_type', 'ann_file', 'train_pipeline', 'val_pipeline', 'test_pipeline',
}


def recipe(name, guest, variables, **options):
    head, _, tail = name.partition('_')
    name = '_'.join(filter(None, [head, 'cocodiff' if guest else '', tail]))
    return load_config(ROOT / 'configs' / f'{name}.py', {**variables, **options})


@every_recipe
@both
def test_nothing_in_a_recipe_is_unused(name, variables, guest):
    cfg = recipe(name, guest, variables)
    taken = set(inspect.signature(Runner.from_cfg).parameters) | set(
        inspect.signature(Runner.__init__).parameters)
    assert set(cfg) - taken - DECLARED == set()


@every_recipe
@both
def test_full_size_model_is_built_for_its_data(name, variables, guest):
    cfg = recipe(name, guest, variables)
    model = MODELS.build(cfg.model)
    label_set = variables.get('data') or cfg.label_set
    classes = len(CLASSES['kinetics400' if label_set == 'kinetics' else label_set])
    assert model.cls_head.num_classes == classes and hasattr(model, 'neck') == guest
    if guest:
        assert model.neck.num_classes == classes
        assert model.neck.num_timesteps == (10 if name == 'hdgcn' else 30)
        assert plain_recipe(cfg).model == recipe(name, False, variables).model


@every_recipe
@both
def test_a_step_forward_and_backward_reaches_every_weight(name, variables, guest, tmp_path,
                                                          monkeypatch):
    monkeypatch.setenv('COCODIFF_DATA_ROOT', str(tmp_path))
    width = 32 if name == 'blockgcn' else 16
    small = {'model.backbone.base_channels': width, 'model.backbone.num_stages': 4,
             'model.backbone.inflate_stages': [3], 'model.backbone.down_stages': [3],
             'model.cls_head.in_channels': 2 * width}
    if guest:
        small.update({'model.neck.in_channels': 2 * width,
                      'model.neck.denoiser': dict(type='LinearUNet', channels=(32, 16))})
    synthetic = name == 'ctrgcn_demo' or variables.get('data') == 'synthetic'
    if name == 'ctrgcn_demo':
        small = {}
    if synthetic:
        small |= {f'{mode}_dataloader.dataset.num_subjects': 4 for mode in ('train', 'val', 'test')}
    cfg = recipe(name, guest, variables, **small)
    if not synthetic:
        ((_, dataset), ) = innermost_datasets(cfg.train_dataloader.dataset, 'train')
        recipe_store(tmp_path / dataset.ann_file.rsplit('/', 1)[1], cfg)
    for mode in ('train', 'val', 'test'):
        cfg[f'{mode}_dataloader'].update(batch_size=4, num_workers=0, persistent_workers=False)
    cfg.update(work_dir=str(tmp_path), log_level='ERROR')
    runner = Runner.from_cfg(cfg)
    model, batch = runner.model.train(), next(iter(runner.build_dataloader(cfg.train_dataloader)))
    optimizer = runner.build_optim_wrapper(cfg.optim_wrapper)
    losses = model(**model.data_preprocessor(batch, True), mode='loss')
    optimizer.backward(model.parse_losses(losses)[0])
    assert all(loss.isfinite().all() for loss in losses.values())
    assert guest == any(key.startswith('loss_con') for key in losses)
    assert not [key for key, weight in model.named_parameters()
                if weight.grad is None or not weight.grad.isfinite().all()]
    optimizer.step()
    model.eval()
    with torch.no_grad():
        (sample, *_) = model.val_step(next(iter(runner.build_dataloader(cfg.test_dataloader))))
    assert sample.pred_score.isfinite().all() and abs(sample.pred_score.sum() - 1) < 1e-4


def rates(name, variables, epochs, steps=2):
    """Learning rate in each step, from the schedule of a recipe."""
    cfg = recipe(name, False, variables)
    assert cfg.train_cfg.max_epochs == epochs
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = []
    for scheduler in cfg.param_scheduler:
        by_step = scheduler.pop('convert_to_iter_based', False)
        kind = PARAM_SCHEDULERS.get(scheduler.pop('type'))
        schedulers.append((by_step, kind.build_iter_from_epoch(
            optimizer, **scheduler, epoch_length=steps) if by_step else kind(
                optimizer, **scheduler)))
    found = []
    for _ in range(epochs):
        for _ in range(steps):
            found.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            for by_step, scheduler in schedulers:
                if by_step:
                    scheduler.step()
        for by_step, scheduler in schedulers:
            if not by_step:
                scheduler.step()
    return found


@pytest.mark.parametrize('name, variables, lr, epochs, drops', [
    ('ctrgcn_ntu120', {}, 0.1, 90, (70, 80)),
    ('ctrgcn', dict(schedule='ctrgcn'), 0.1, 65, (35, 55)),
    ('ctrgcn_nwucla', {}, 0.1, 65, (50, )),
    ('blockgcn', {}, 0.05, 140, (110, 120)),
    ('hdgcn', dict(schedule='cocodiff'), 0.1, 90, (70, 80)),
])
def test_published_steps_of_the_learning_rate(name, variables, lr, epochs, drops):
    expected = [lr * min(1, (epoch + 1) / 5) * 0.1**sum(epoch >= drop for drop in drops)
                for epoch in range(epochs)]
    assert rates(name, variables, epochs) == pytest.approx(
        [rate for rate in expected for _ in range(2)])


def test_published_cosine_of_hdgcn():
    expected = []
    for step in range(180):
        epoch, done = step // 2, (step - 10) / 170
        cosine = 1e-4 + 0.5 * (0.1 - 1e-4) * (1 + math.cos(math.pi * done))
        expected.append(0.1 * (epoch + 1) / 5 if epoch < 5 else cosine)
    assert rates('hdgcn', {}, 90) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('name', GCNS)
def test_published_optimizer(name):
    optimizer = recipe(name, False, {}).optim_wrapper.optimizer
    assert (optimizer.momentum, optimizer.nesterov, optimizer.weight_decay) == (0.9, True, 4e-4)
    assert recipe('ctrgcn_nwucla', False, {}).optim_wrapper.optimizer.weight_decay == 1e-4


@pytest.mark.parametrize('name', [*GCNS, 'mmaction'])
def test_variables_reach_the_data(name):
    for data, split in SPLITS.items():
        if split is None or name == 'mmaction' and data == 'nwucla':
            continue
        cfg = recipe(name, True, dict(data=data, split=split, stream='bm'))
        for mode, part in (('train', 'train'), ('val', 'val'), ('test', 'val')):
            ((_, dataset), ) = innermost_datasets(cfg[f'{mode}_dataloader'].dataset, mode)
            assert dataset.split == f'{split}_{part}'
            assert dataset.ann_file == f'data/{data}' and dataset.label_set == data
            steps = [step.step if step.type == 'AppendJoints' else step
                     for step in dataset.pipeline]
            streams = [step.get('stream') or step.get('feats') for step in steps
                       if step.type in ('SkeletonStream', 'RelativeStream', 'GenSkeFeat')]
            assert streams in (['bm'], [['bm']])
            assert dataset.test_mode == (mode != 'train')


def test_batches_are_the_published_ones():
    sizes = {data: recipe('ctrgcn', True, dict(data=data)).train_dataloader.batch_size
             for data in SPLITS}
    assert sizes == dict(ntu60=64, ntu120=64, kinetics=128, nwucla=16)


def test_every_recipe_is_tested():
    names = {name for name, _ in CASES}
    expected = names | {'_'.join([*name.split('_')[:1], 'cocodiff', *name.split('_')[1:]])
                        for name in names}
    assert {path.stem for path in (ROOT / 'configs').glob('*.py')} == expected

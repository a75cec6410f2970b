import copy
import random
import runpy
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner, loops
from mmengine.runner.runner import _SlicedDataset
from small_store import small_store

from cocodiff_mm.datasets.skeleton_store_dataset import SkeletonStoreDataset
from cocodiff_mm.engine.hooks.augmentation_seed_hook import seeded_datasets


def draw(info):
    """A pipeline that tells what was drawn, by NumPy and by Python."""
    return dict(inputs=torch.tensor([np.random.random(), random.random()], dtype=torch.float64))


class Model(BaseModel):
    """Learns nothing."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mode='loss'):
        return dict(loss=self.weight.sum())


class Collect(Hook):
    """Keeps what training was fed with, epoch by epoch."""

    def __init__(self):
        self.epochs = []

    def before_train_epoch(self, runner):
        self.epochs.append([])

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.epochs[-1] += [tuple(drawn.tolist()) for drawn in data_batch['inputs']]


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return str(small_store(tmp_path_factory.mktemp('data') / 'store', number=8))


def recipe(path, work_dir, workers=2, persistent=False, epochs=3, wrap=None, seed=0, hook=True,
           resume=False):
    dataset = dict(type='SkeletonStoreDataset', ann_file=path, pipeline=[draw], split='all')
    hooks = dict(augmentation_seed=dict(type='AugmentationSeedHook')) if hook else {}
    return dict(
        model=Model(), work_dir=str(work_dir), resume=resume,
        train_dataloader=dict(
            dataset=wrap(dataset) if wrap else dataset, batch_size=2, num_workers=workers,
            persistent_workers=persistent, sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=hooks, default_scope='mmaction', log_level='ERROR',
        randomness=dict(seed=seed))


def train(tmp_path, path, stop_after=None, name='run', **settings):
    """Epochs of draws of a run; it can be interrupted after some, and resumed."""
    epochs = []
    for resume, until in ([(False, stop_after), (True, None)] if stop_after else [(False, None)]):
        runner = Runner(**recipe(path, tmp_path / name, resume=resume, **settings),
                        experiment_name=f'{tmp_path.name}-{name}-{resume}')
        collect = Collect()
        runner.register_hook(collect)
        if until:
            runner._train_loop['max_epochs'] = until
        runner.train()
        runner.train_dataloader._iterator = None  # ends workers that live on
        epochs += collect.epochs
    return epochs


@pytest.mark.parametrize('workers, persistent', [(0, False), (2, False), (2, True)])
def test_no_draw_comes_twice(path, tmp_path, workers, persistent):
    """Neither in another epoch nor in another worker, nor in the other repeat of a clip."""
    epochs = train(tmp_path, path, workers=workers, persistent=persistent,
                   wrap=lambda dataset: dict(type='RepeatDataset', dataset=dataset, times=2))
    numbers = list(chain(*epochs))
    assert [len(epoch) for epoch in epochs] == [16] * 3
    assert len({a for a, _ in numbers}) == len({b for _, b in numbers}) == 48


@pytest.mark.parametrize('workers, persistent', [(0, False), (2, False), (2, True)])
def test_a_resumed_run_draws_what_an_uninterrupted_one_does(path, tmp_path, workers, persistent):
    settings = dict(workers=workers, persistent=persistent)
    whole = train(tmp_path, path, name='whole', **settings)
    assert train(tmp_path, path, name='cut', stop_after=1, **settings) == whole
    assert train(tmp_path, path, name='again', **settings) == whole
    other = train(tmp_path, path, name='seed', seed=1, **settings)
    assert not set(chain(*other)) & set(chain(*whole))


def test_workers_that_live_on_draw_as_new_ones(path, tmp_path):
    assert train(tmp_path, path, name='a', persistent=True) == train(
        tmp_path, path, name='b', persistent=False)


def test_why_it_is_needed(path, tmp_path):
    """MMEngine alone: new workers draw the same in every epoch, old ones go back on resuming."""
    first, second, _ = train(tmp_path, path, workers=0, hook=False, name='main')
    assert not set(first) & set(second)
    epochs = train(tmp_path, path, persistent=True, hook=False, name='cut', stop_after=1)
    assert sorted(epochs[0]) == sorted(epochs[1])


def test_a_loop_by_iterations_resumes_exactly(path, tmp_path, monkeypatch):
    monkeypatch.setattr(loops, 'time', SimpleNamespace(sleep=lambda seconds: None))

    def run(name, iterations):
        epochs = []
        for resume, until in iterations:
            cfg = recipe(path, tmp_path / name, resume=resume)
            cfg['train_cfg'] = dict(by_epoch=False, max_iters=until)
            cfg['default_hooks']['checkpoint'] = dict(
                type='CheckpointHook', interval=5, by_epoch=False)
            runner = Runner(**cfg, experiment_name=f'{tmp_path.name}-{name}-{resume}')
            runner.register_hook(collect := Collect())
            runner.train()
            runner.train_loop.dataloader_iterator._iterator = None
            epochs += collect.epochs
        return list(chain(*epochs))
    whole = run('whole', [(False, 10)])
    assert len(set(whole)) == len(whole) == 20  # two and a half times eight clips
    assert run('cut', [(False, 5), (True, 10)]) == whole


def test_datasets_are_found_through_wrappers(path):
    one, two, three = (SkeletonStoreDataset(path, [draw]) for _ in range(3))
    wrapped = ConcatDataset([one, two])
    wrapped.datasets.append(ClassBalancedDataset(three, 0.1))
    assert list(seeded_datasets(wrapped)) == [one, two, three]
    sliced = _SlicedDataset(RepeatDataset(one, times=2), 4)
    assert list(seeded_datasets(sliced)) == [one]
    assert [found.draw_seeds for found in seeded_datasets(_SlicedDataset(one, 4))] == [
        one.draw_seeds]
    assert list(seeded_datasets([1, 2])) == []


def test_two_views_of_the_same_clips_draw_differently(path, tmp_path):
    epochs = train(tmp_path, path, epochs=2, wrap=lambda dataset: dict(
        type='ConcatDataset', datasets=[dataset, copy.deepcopy(dataset)]))
    assert len(set(chain(*epochs))) == 2 * 16


def test_every_recipe_has_it(repo_root):
    cfg = Config.fromfile(repo_root / 'configs' / '_base_' / 'default_runtime.py')
    assert cfg.default_hooks.augmentation_seed.type == 'AugmentationSeedHook'


@pytest.mark.parametrize('hooks', [
    '', "default_hooks = dict(_delete_=True, timer=dict(type='IterTimerHook'))"])
def test_the_command_line_adds_it_once(repo_root, tmp_path, monkeypatch, hooks):
    (tmp_path / 'mine.py').write_text(f"_base_ = '{repo_root}/configs/ctrgcn_demo.py'\n{hooks}\n")
    tool = runpy.run_path(str(repo_root / 'tools' / 'train.py'))
    runners = []
    monkeypatch.setattr(Runner, 'train', lambda runner: runners.append(runner))
    tool['main']([str(tmp_path / 'mine.py'), '--work-dir', str(tmp_path / 'run')])
    kinds = [type(hook).__name__ for hook in runners[0].hooks]
    assert kinds.count('AugmentationSeedHook') == 1

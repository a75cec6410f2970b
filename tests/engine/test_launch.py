import random
from argparse import ArgumentParser, ArgumentTypeError

import pytest
import torch
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from cocodiff_mm.engine import launch


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setenv('LOCAL_RANK', '0')


def test_one_process_needs_nothing():
    cfg = Config(dict())
    launch.set_launcher(cfg, 'none', 0)
    assert cfg.launcher == 'none' and 'model_wrapper_cfg' not in cfg


@pytest.mark.parametrize('launcher, message', [
    ('slurm', '--launcher slurm needs GPUs'),
    ('pytorch', 'use tools/dist_train.sh CONFIG PROCESSES'),
])
def test_launchers_that_cannot_work_say_so(launcher, message, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    with pytest.raises(ValueError, match=message):
        launch.set_launcher(Config(dict()), launcher, 0)


@pytest.mark.parametrize('given, in_config, options, expected', [
    ('here', 'there', dict(stream='b'), 'here'), (None, 'there', dict(stream='b'), 'there'),
    (None, None, {}, 'work_dirs/recipe'),
    (None, None, {'stream': 'b', 'train_cfg.max_epochs': 3, 'data': 'ntu60'},
     'work_dirs/recipe_ntu60_b')])
def test_work_dir(given, in_config, options, expected):
    cfg = Config(dict(work_dir=in_config))
    launch.set_work_dir(cfg, 'some/recipe.py', given, options)
    assert cfg.work_dir == expected


def test_variables_of_the_environment_are_in_the_work_dir_too(monkeypatch):
    monkeypatch.setenv('COCODIFF_STREAM', 'bm')
    monkeypatch.setenv('COCODIFF_SPLIT', 'xset')
    cfg = Config()
    launch.set_work_dir(cfg, 'some/recipe.py', None, dict(split='xsub'))
    assert cfg.work_dir == 'work_dirs/recipe_xsub_bm'


def test_amp_chooses_by_device(monkeypatch):
    cfg = Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD'))))
    launch.use_amp(cfg)
    assert cfg.optim_wrapper.type == 'AutocastOptimWrapper'
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    launch.use_amp(cfg)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.loss_scale == 'dynamic'


def test_amp_refuses_other_wrappers():
    cfg = Config(dict(optim_wrapper=dict(type='ApexOptimWrapper')))
    with pytest.raises(ValueError, match="'ApexOptimWrapper'; expected OptimWrapper"):
        launch.use_amp(cfg)


def test_options_are_spelt_as_in_mmaction2():
    parser = ArgumentParser()
    launch.add_common_arguments(parser)
    args = parser.parse_args(['--launcher', 'slurm', '--local-rank', '3', '--cfg-options',
                              'a.b=1', 'c=[1,2]', '--work-dir', 'x'])
    assert args.cfg_options == {'a.b': 1, 'c': [1, 2]}
    assert (args.launcher, args.local_rank, args.work_dir) == ('slurm', 3, 'x')


def test_whole_numbers_from_a_least_one():
    assert launch.at_least(0)('0') == 0 and launch.at_least(2)('12') == 12
    for text in ('1', '-3', '2.5', 'two', ''):
        with pytest.raises(ArgumentTypeError, match=f"a number from 2, got '{text}'"):
            launch.at_least(2)(text)


def test_what_the_package_refuses_is_a_sentence_through_any_library(capsys):
    init_default_scope('mmaction')

    def main():
        DATASETS.build(dict(type='SkeletonStoreDataset', ann_file='nowhere', pipeline=[]))

    assert launch.run_tool(main) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: 'nowhere' does not exist; a store is")
    assert len(shown.splitlines()) == 1


def test_a_fault_of_a_library_keeps_its_traceback():
    with pytest.raises(ValueError, match='Sample larger than population'):
        launch.run_tool(lambda: random.sample([1], 2))


def test_a_tool_that_ends_well():
    assert launch.run_tool(lambda: None) == 0

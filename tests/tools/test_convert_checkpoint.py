import copy
import importlib.util
import os
import re
import subprocess
import sys

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.fileio import load
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from published_weights import authors_names, shaken
from tiny_recipe import ROOT, tiny_options, tiny_recipe

from cocodiff_mm.conversion import SOURCES
from cocodiff_mm.engine.launch import run_tool
from cocodiff_mm.utils.checkpoint import load_checkpoint

CONFIG = ROOT / 'configs' / 'ctrgcn_demo.py'
TINY = [f'{key}={value}'.replace(' ', '') for key, value in tiny_options(guest=False).items()]


@pytest.fixture(autouse=True)
def no_rank_stays(monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')  # the tools would set it


def run(tool, *arguments):
    """A tool as a program of its own; what it tells."""
    result = subprocess.run([sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)],
                            capture_output=True, text=True, env=os.environ)
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'Traceback' not in result.stderr, result.stderr[-3000:]
    return result.stdout


def call(name, *arguments):
    """A tool without the seconds that a new process takes; its exit status."""
    spec = importlib.util.spec_from_file_location(name, ROOT / 'tools' / f'{name}.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return run_tool(lambda: tool.main(list(map(str, arguments))))


def convert(*arguments):
    return call('convert_checkpoint', *arguments)


def run_test(weights, folder, *arguments):
    return call('test', CONFIG, weights, '--work-dir', folder, *arguments, '--cfg-options', *TINY)


def start_training(cfg, weights):
    """Train an epoch from weights, with the hook that the tool adds."""
    cfg = copy.deepcopy(cfg)
    cfg.update(custom_hooks=[dict(type='RecipeCheckHook')], load_from=str(weights),
               val_dataloader=None, val_cfg=None, val_evaluator=None)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    Runner.from_cfg(cfg).train()


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """A recipe on the synthetic set and a network for it, off its start."""
    torch.manual_seed(0)
    init_default_scope('mmaction')
    cfg = tiny_recipe(tmp_path_factory.mktemp('work'), guest=False)
    model = MODELS.build(copy.deepcopy(cfg.model))
    shaken(model.backbone, 2, 2, 8, 25, 3)
    return cfg, model.float().eval()


@pytest.fixture(scope='module')
def published(tiny, tmp_path_factory):
    """The file that the authors' code would write for it."""
    file = tmp_path_factory.mktemp('published') / 'runs-65-40950.pt'
    torch.save(authors_names(tiny[1].state_dict()), file)
    return file


def test_converted_file_gives_the_scores_of_its_network(tiny, published, tmp_path):
    cfg, model = tiny
    out = tmp_path / 'ctrgcn.pth'
    told = run('convert_checkpoint.py', published, '--from', 'ctrgcn', '--out', out)
    assert f'{published}: 262 tensors of CTRGCN of its authors (17 classes, 25 joints)' in told
    assert f'{out}: 262 tensors, every one of the network' in told
    assert 'add stream=b, jm or bm if not joints' in told
    dump = tmp_path / 'scores.pkl'
    assert run_test(out, tmp_path, '--dump', dump) == 0
    expected = []
    with torch.no_grad():
        for batch in Runner.build_dataloader(copy.deepcopy(cfg.test_dataloader)):
            expected += model.test_step(batch)
    scores, expected = (torch.stack([sample['pred_score'] for sample in samples])
                        for samples in (load(str(dump)), [one.to_dict() for one in expected]))
    assert len(scores) > 10 and scores.std(0).max() > 1e-3
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-6)


def test_another_source_is_answered_with_its_command(published, tmp_path, capsys):
    out = tmp_path / 'new.pth'
    assert convert(published, '--from', 'hdgcn', '--out', out) == 1
    assert (f'give python tools/convert_checkpoint.py {published} --from ctrgcn --out {out}'
            in capsys.readouterr().err)
    assert not out.exists()


def test_an_earlier_file_is_replaced_on_demand_only(published, tmp_path, capsys):
    out = tmp_path / 'new.pth'
    out.write_text('mine')
    assert convert(published, '--from', 'ctrgcn', '--out', out) == 1
    assert 'exists' in capsys.readouterr().err and out.read_text() == 'mine'
    assert convert(published, '--from', 'ctrgcn', '--out', out, '--overwrite') == 0
    assert len(load_checkpoint(out)['state_dict']) == 262


def test_help_names_every_source(capsys):
    with pytest.raises(SystemExit):
        convert('--help')
    told = capsys.readouterr().out
    assert all(f'\n  {source} ' in told for source in SOURCES)


def test_file_as_published_is_answered_with_the_command_that_converts_it(tiny, published,
                                                                        tmp_path, capsys):
    command = (f'make them fit with python tools/convert_checkpoint.py {published} --from ctrgcn '
               '--out NEW.pth')
    assert run_test(published, tmp_path) == 1 and command in capsys.readouterr().err
    with pytest.raises(ValueError, match=re.escape(command)):
        start_training(tiny[0], published)


def test_weights_that_need_another_setting_are_not_tested_or_trained(tiny, tmp_path, capsys):
    file = tmp_path / 'relu.pth'
    torch.save(dict(meta=dict(backbone_settings=dict(tcn_relu=[True])),
                    state_dict=tiny[1].state_dict()), file)
    sentence = ('trained with tcn_relu=True, but the recipe has model.backbone.tcn_relu=None: the '
                'scores would not be theirs. Add --cfg-options model.backbone.tcn_relu=True')
    assert run_test(file, tmp_path) == 1 and sentence in capsys.readouterr().err
    with pytest.raises(ValueError, match=re.escape(sentence)):
        start_training(tiny[0], file)
    cfg = copy.deepcopy(tiny[0])
    cfg.model.backbone.tcn_relu = True
    start_training(cfg, file)

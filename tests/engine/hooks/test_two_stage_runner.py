import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from mmengine.runner import Runner
from tiny_recipe import ROOT, tiny_options, tiny_recipe

from cocodiff_mm.engine.hooks import TwoStageRunner
from cocodiff_mm.engine.pretrained_gcn import PretrainedGCN
from cocodiff_mm.engine.timing import read_stages


def scalars(work_dir):
    """Logged training values of all parts of a run, in order."""
    files = sorted(work_dir.glob('2*/vis_data/scalars.json'))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if 'loss' in line]


def stage1(work_dir):
    file = work_dir / 'stage1' / 'stage1.jsonl'
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """One run through everything: plain network first, both stages, evaluation."""
    work_dir = tmp_path_factory.mktemp('two_stages')
    runner = Runner.from_cfg(tiny_recipe(work_dir))
    start = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    return work_dir, runner, start


def test_both_stages_train_the_neck(trained):
    work_dir, runner, start = trained
    assert len(stage1(work_dir)) == 2
    after_stage1 = torch.load(work_dir / 'stage1' / 'stage1.pth', weights_only=True)['neck']
    end = runner.model.state_dict()
    for name, _ in runner.model.neck.named_parameters():
        assert not torch.equal(after_stage1[name], start[f'neck.{name}']), name
        assert not torch.equal(after_stage1[name], end[f'neck.{name}']), name


def test_the_backbone_of_stage_2_starts_anew(trained):
    work_dir, runner, start = trained
    plain = torch.load(next(work_dir.glob('pretrain-*/plain.pth')), weights_only=True)
    plain = plain['state_dict']
    assert not any(key.startswith('neck.') for key in plain)
    features = torch.load(work_dir / 'stage1' / 'stage1.pth', weights_only=True)['neck']
    assert features['scale.num_batches'] == 1  # set from the cache of the plain network
    assert not torch.equal(plain['cls_head.fc.weight'], start['cls_head.fc.weight'])
    assert scalars(work_dir)[0]['loss_cls'] > 2, 'near log(17): nothing is inherited'


def test_log_names_every_term_stage_and_eta(trained):
    work_dir, runner, _ = trained
    line = scalars(work_dir)[0]
    assert {'loss_cls', 'loss_rec', 'loss_con', 'ce_real', 'ce_generated', 'top1_acc'} <= set(line)
    assert line['loss'] == pytest.approx(
        line['loss_cls'] + line['loss_rec'] + line['loss_con'], rel=1e-4)
    log = next(work_dir.glob('2*/*.log')).read_text()
    for part in ('stage 1 of 2', 'training the plain recipe first', 'features, pass 1/1',
                 'stage 1, epoch: 2/2  eta: 0:00:00', 'stage 2 of 2'):
        assert part in log, part
    assert set(read_stages(work_dir)) == {'pre-trained GCN', 'features', 'stage 1', 'stage 2'}


def test_neck_has_its_own_learning_rate(trained):
    host, guest = trained[1].optim_wrapper.optimizer.param_groups
    assert guest['initial_lr'] == pytest.approx(0.1 * host['initial_lr'])
    assert len(guest['params']) == len(list(trained[1].model.neck.parameters()))


def test_pre_training_is_skipped_when_it_is_there(trained, tmp_path):
    work_dir, _, _ = trained
    before = next(work_dir.glob('pretrain-*/plain.pth')).stat().st_mtime_ns
    runs = len(list(work_dir.glob('pretrain-*/2*')))
    cfg = tiny_recipe(work_dir, **{'train_cfg.max_epochs': 2})
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert next(work_dir.glob('pretrain-*/plain.pth')).stat().st_mtime_ns == before
    assert len(list(work_dir.glob('pretrain-*/2*'))) == runs
    # Having trained the plain network first or found it leaves stage 2 the same.
    lines = scalars(work_dir)
    half = len(lines) // 2
    assert [line['loss'] for line in lines[:half]] == [line['loss'] for line in lines[half:]]


@pytest.mark.parametrize('strategy, lines', [('untrained', 2), ('joint_only', 0)])
def test_other_strategies(strategy, lines, tmp_path):
    cfg = tiny_recipe(tmp_path, **{'custom_hooks.0.strategy': strategy, 'train_cfg.max_epochs': 1})
    Runner.from_cfg(cfg).train()
    assert len(stage1(tmp_path)) == lines
    assert not list(tmp_path.glob('pretrain-*'))
    assert scalars(tmp_path)


def test_views_are_augmented_passes(trained, tmp_path):
    from cocodiff_mm.engine.feature_cache import FeatureCache
    plain = next(trained[0].glob('pretrain-*/plain.pth'))
    cfg = tiny_recipe(tmp_path, **{
        'custom_hooks.0.strategy': 'checkpoint', 'custom_hooks.0.checkpoint': str(plain),
        'custom_hooks.0.views': 2, 'train_cfg.max_epochs': 1})
    Runner.from_cfg(cfg).train()
    feats, labels = FeatureCache(tmp_path / 'stage1', '').read()
    count = len(feats) // 2
    assert torch.equal(labels[:count], labels[count:])
    assert not torch.equal(feats[:count], feats[count:])
    drift = (feats[:count] - feats[count:]).norm() / feats.norm()
    assert drift < 0.5, 'the same clips under other augmentation'


@pytest.mark.parametrize('content, message', [
    (None, 'nothing.pth'),
    (dict(backbone=torch.zeros(1)), 'missing.*unexpected'),
])
def test_a_checkpoint_that_does_not_fit_is_named(content, message, tmp_path):
    path = tmp_path / 'nothing.pth'
    if content is not None:
        torch.save(dict(state_dict=content), path)
    cfg = tiny_recipe(tmp_path / 'run', **{
        'custom_hooks.0.strategy': 'checkpoint', 'custom_hooks.0.checkpoint': str(path)})
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Runner.from_cfg(cfg).train()


@pytest.mark.parametrize('settings, message', [
    (dict(strategy='both'), "'both'; allowed: 'train_first', 'checkpoint', 'untrained'"),
    (dict(strategy='checkpoint'), 'needs a path'),
    (dict(checkpoint='a.pth'), 'the others take none'),
    (dict(epochs=0), 'epochs must be >= 1, got 0'),
    (dict(views=0), 'views must be >= 1, got 0'),
])
def test_refuses_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        TwoStageRunner(**settings)


def test_a_plain_recipe_with_the_hook_is_refused(tmp_path):
    cfg = tiny_recipe(tmp_path, guest=False)
    cfg.custom_hooks = [dict(type='TwoStageRunner')]
    with pytest.raises(ValueError, match='needs model.neck.*got NoneType'):
        Runner.from_cfg(cfg).train()


def test_a_run_that_starts_anew_is_not_resumed_from_an_older_one(trained):
    work_dir = trained[0]
    assert (work_dir / 'last_checkpoint').is_file()
    runner = Runner.from_cfg(tiny_recipe(work_dir))
    runner.hooks[:] = [hook for hook in runner.hooks if not isinstance(hook, TwoStageRunner)]
    hook = TwoStageRunner()
    hook._run_stage1 = lambda runner: (_ for _ in ()).throw(KeyboardInterrupt)
    runner.register_hook(hook)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert not (work_dir / 'last_checkpoint').is_file()


def test_a_seed_that_is_drawn_anew_leaves_earlier_work_usable(tmp_path):
    digests = []
    for seed in (None, None, 3, 4):
        cfg = tiny_recipe(tmp_path)
        cfg.randomness = dict(seed=seed)
        digests.append(PretrainedGCN(Runner.from_cfg(cfg), 'train_first', None).path.parent.name)
    assert digests[0] == digests[1] and len(set(digests)) == 3


def command(work_dir, *more):
    options = tiny_options(**{
        'custom_hooks.0.strategy': 'untrained', 'custom_hooks.0.epochs': 60,
        'custom_hooks.0.checkpoint_seconds': 0, 'train_cfg.max_epochs': 4})
    options = [f'{key}={value}'.replace(' ', '') for key, value in options.items()
               if not isinstance(value, dict)]
    return [sys.executable, str(ROOT / 'tools' / 'train.py'),
            str(ROOT / 'configs' / 'ctrgcn_cocodiff_demo.py'), '--work-dir', str(work_dir),
            '--no-validate', *more, '--cfg-options', *options]


def kill_when(work_dir, condition, *more):
    """Start a run and send it SIGKILL as soon as ``condition`` holds."""
    with subprocess.Popen(command(work_dir, *more), stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as process:
        limit = time.monotonic() + 120
        while not condition():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < limit
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)


def test_killed_in_either_stage_and_resumed_follows_the_uninterrupted_run(tmp_path):
    whole, cut = tmp_path / 'whole', tmp_path / 'cut'
    subprocess.run(command(whole, '--seed', '5'), check=True, capture_output=True)
    kill_when(cut, lambda: len(stage1(cut)) >= 4, '--seed', '5')
    assert len(stage1(cut)) < 60 and not scalars(cut)
    kill_when(cut, lambda: (cut / 'epoch_2.pth').is_file(), '--resume')
    subprocess.run(command(cut, '--resume'), check=True, capture_output=True)

    def values(line):
        return {k: v for k, v in line.items() if k not in ('seconds', 'time', 'data_time')}

    assert [values(line) for line in stage1(cut)] == [values(line) for line in stage1(whole)]
    expected = {line['step']: values(line) for line in scalars(whole)}
    resumed = {line['step']: values(line) for line in scalars(cut)}
    assert resumed == expected

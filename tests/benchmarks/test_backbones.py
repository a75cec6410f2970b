import importlib
import json
import sys

import pytest
import torch
from torch import nn

SMALL = '--batch-size 1 --frames 8 --width 16 --threads 1 --dtypes fp32'.split()
NAMES = ['CTRGCN', 'HDGCN', 'BlockGCN']


@pytest.fixture
def load(repo_root, monkeypatch):
    """Modules of the benchmark, which are no package."""
    monkeypatch.syspath_prepend(repo_root / 'benchmarks')
    return importlib.import_module


@pytest.fixture
def run(load, monkeypatch):
    def run(*words):
        monkeypatch.setattr(sys, 'argv', ['backbones.py', *map(str, words)])
        load('backbones').main()
    return run


def test_a_small_comparison(run, tmp_path, capsys):
    run(*SMALL, '--rounds', 1, '--skip-memory', '--json', tmp_path / 'figures.json')
    found = json.loads((tmp_path / 'figures.json').read_text())
    assert found['machine']['torch'] == torch.__version__ and found['memory'] == []
    assert found['clips'] == dict(batch_size=1, persons=2, frames=8, joints=25, channels=3,
                                  classes=120)
    assert set(found['equal']) == set(NAMES) and max(found['equal'].values()) < 1e-9
    assert [(row['backbone'], row['work']) for row in found['speed']] == [
        (name, work) for name in NAMES for work in ('training step', 'forward')]
    for row in found['speed']:
        ratios = [naive / ours for ours, naive in
                  zip(row['seconds']['ours'], row['seconds']['naive'], strict=True)]
        assert len(ratios) == 1 and row['ratio']['median'] == ratios[0]
        assert row['threads'] == 1 and row['target'] >= 1.6
    printed = capsys.readouterr().out
    assert printed.count('scores of both forms differ by') == 3
    assert printed.count(' >= ') == 6


@pytest.mark.parametrize('name', ['CTRGCN', 'BlockGCN'])
def test_forms_of_other_weights_are_not_compared(load, name):
    pairs = load('backbone_pairs')
    pair = pairs.make_pair(name, 16, 4)
    assert pairs.check_equal(pair, name, 4) < 1e-9
    with torch.no_grad():
        pair['ours'].backbone.net[-1].gcn1.bn.bias[0] += 1e-3
    with pytest.raises(ValueError, match=f'{name} and its naive form differ by .* can not be comp'):
        pairs.check_equal(pair, name, 4)


def test_memory_is_that_of_the_step_alone(load):
    held = torch.ones(150_000_000)  # 600 MB, which the process of the step does not have
    options = {'batch-size': 4, 'frames': 64, 'width': 16}
    # The features of a block alone are 0.8 MB in fp32.
    assert 10 < load('step_memory').run('CTRGCN', 'ours', options) < 300 < held.nbytes / 1e6


def test_the_floor(run, tmp_path, capsys):
    run(*SMALL, '--floor', '--backbones', 'BlockGCN', '--json', tmp_path / 'figures.json')
    found = json.loads((tmp_path / 'figures.json').read_text())['floor']
    counts = found['counts']['BlockGCN']
    assert counts['training step']['flops'] == 3 * counts['forward']['flops'] > 0
    assert counts['training step']['bytes'] > 2 * counts['forward']['bytes'] > 0
    limit, = found['limits']
    assert limit['threads'] == 1 and limit['fp32'] > 1e9 and limit['bytes_per_second'] > 1e8
    assert 'at least' in capsys.readouterr().out


def test_products_and_traffic_are_counted(load):
    floor, x = load('floor'), torch.randn(5, 4, 7, 3)
    model = nn.Sequential(nn.Conv2d(4, 6, (3, 1), bias=False), nn.ReLU())
    assert floor.products(model, x) == 2 * 5 * 6 * 5 * 3 * 4 * 3
    a, b = torch.randn(10, 3), torch.randn(10, 1)
    assert floor.traffic(lambda: (a.mT.mT + b).relu()) == 4 * (30 + 10 + 30 + 30 + 30)


def test_a_profile_of_both_forms(run, capsys):
    run(*SMALL, '--profile', 'CTRGCN')
    printed = capsys.readouterr().out
    for kind in ('ours', 'naive'):
        assert f'CTRGCN, {kind}: a training step in fp32' in printed
    assert printed.count('Self CPU time total') == 2


def test_the_table_of_a_gpu(load, capsys):
    cuda_steps = load('cuda_steps')
    row = dict(backbone='HDGCN', precision='bf16', seconds=dict(median=0.02), ratio=dict(median=3.),
               kernels=900, megabytes=1500., flops=4e12, matmul_peak=8e14, of_peak=0.25, bytes=2e10)
    cuda_steps.show([dict(row, variant='ours'),
                     dict(row, variant='graph', megabytes=None, bytes=None),
                     dict(backbone='HDGCN', precision='bf16', variant='compiled', failure='no')])
    _, head, ours, graph, compiled = capsys.readouterr().out.split('\n')[:-1]
    assert ours.split() == ['HDGCN', 'bf16', 'ours', '20.00', '3.00', '900', '1500', '200.00',
                            '25.0%', '200.0']
    assert len(head) == len(ours) > len(graph) and compiled.split() == ['HDGCN', 'bf16',
                                                                        'compiled', 'no']

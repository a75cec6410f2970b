import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_recipe import ROOT, tiny_options

WORKER = Path(__file__).with_name('two_process_worker.py')
ENVIRONMENT = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable,
               'PYTHONPATH': f'{ROOT}{os.pathsep}{ROOT / "tests"}'}


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


def launch(command, folder):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            cwd=folder, env={**ENVIRONMENT, 'PORT': free_port()})
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return result.stdout + result.stderr


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """The first step of one process with batch 8 and of two processes with batch 4."""
    one, two = tmp_path_factory.mktemp('one'), tmp_path_factory.mktemp('two')
    launch([sys.executable, WORKER, one, 8, 'none'], one)
    launch([sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', 2,
            '--master_port', free_port(), WORKER, two, 4, 'pytorch'], two)
    return [json.loads((folder / 'result.json').read_text()) for folder in (one, two)]


@pytest.mark.parametrize('term', ['loss_cls', 'loss_rec', 'loss_con', 'ce_real', 'ce_generated'])
def test_two_processes_have_the_loss_of_one_with_the_doubled_batch(results, term):
    one, two = results
    assert abs(one[term] - two[term]) < 1e-5
    assert one[term] > 0


def test_and_its_gradients(results):
    one, two = (result['grads'] for result in results)
    assert one.keys() == two.keys()
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-3, abs=1e-6), name


def test_command_line_trains_and_tests_on_two_processes(tmp_path):
    options = [f'{key}={value}'.replace(' ', '') for key, value in tiny_options(**{
        'train_cfg.max_epochs': 1}).items() if not isinstance(value, dict)]
    config = ROOT / 'configs' / 'ctrgcn_cocodiff_demo.py'
    launch([ROOT / 'tools' / 'dist_train.sh', config, 2, '--work-dir', tmp_path,
            '--cfg-options', *options], tmp_path)
    log = next(tmp_path.glob('2*/*.log')).read_text()
    for part in ('stage 1, epoch: 2/2', 'stage 2 of 2', 'Epoch(val) [1]'):
        assert part in log
    output = launch([ROOT / 'tools' / 'dist_test.sh', config, tmp_path / 'epoch_1.pth', 2,
                     '--work-dir', tmp_path / 'test', '--cfg-options', *options], tmp_path)
    assert 'acc/top1' in output

import json
import os
import subprocess
import sys

import pytest
import torch
from mmengine.fileio import load
from tiny_recipe import ROOT, tiny_options

from cocodiff_mm.utils.checkpoint import load_checkpoint

GUEST, PLAIN = (ROOT / 'configs' / f'ctrgcn_{name}.py' for name in ('cocodiff_demo', 'demo'))


def options(guest=True, **more):
    return [f'{key}={value}'.replace(' ', '') for key, value in
            tiny_options(guest, **more).items() if not isinstance(value, dict)]


def run(tool, *arguments, check=True, **environment):
    result = subprocess.run(
        [sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)],
        capture_output=True, text=True, env={**os.environ, **environment})
    assert not check or result.returncode == 0, result.stderr[-3000:]
    return result


def accuracy(work_dir):
    return json.loads(max(work_dir.glob('2*/*.json')).read_text())['acc/top1']


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A CoCoDiff checkpoint made by the command line, with mixed precision."""
    work_dir = tmp_path_factory.mktemp('cli')
    run('train.py', GUEST, '--work-dir', work_dir, '--amp', '--seed', 3, '--cfg-options',
        *options(custom_hooks__0__strategy='joint_only', train_cfg__max_epochs=1))
    return work_dir / 'epoch_1.pth'


def test_seed_is_obeyed(checkpoint):
    assert load_checkpoint(checkpoint)['meta']['seed'] == 3  # the recipe says 0


def test_stripped_checkpoint_tests_the_same_under_the_plain_recipe(checkpoint, tmp_path):
    state = load_checkpoint(checkpoint)['state_dict']
    plain = {k: v for k, v in state.items() if not k.startswith('neck.')}
    assert len(plain) < len(state)
    torch.save(dict(state_dict=plain), tmp_path / 'plain.pth')
    scores = []
    for recipe, weights, guest in ((GUEST, checkpoint, True),
                                   (PLAIN, tmp_path / 'plain.pth', False)):
        dump = tmp_path / f'{recipe.stem}.pkl'
        run('test.py', recipe, weights, '--work-dir', tmp_path / recipe.stem, '--dump', dump,
            '--cfg-options', *options(guest))
        scores.append(torch.stack([sample['pred_score'] for sample in load(str(dump))]))
    assert torch.equal(*scores)
    assert accuracy(tmp_path / GUEST.stem) == accuracy(tmp_path / PLAIN.stem)


def test_testing_loads_no_diffusion_and_no_text(checkpoint, tmp_path):
    program = '''
import gc, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as end:
    assert not end.code
loaded = [name for name in sys.modules if name.split('.')[0] in
          ('diffusers', 'open_clip', 'openai', 'safetensors', 'transformers')
          or name.startswith(('cocodiff_mm.models.diffusion', 'cocodiff_mm.text'))]
assert not loaded, loaded
from torch import nn
kinds = {type(m).__name__ for m in gc.get_objects() if isinstance(m, nn.Module)}
assert 'RecognizerGCN' in kinds
assert not kinds & {'LatentDiffusionNeck', 'LinearUNet', 'TextGuidanceLoss'}, kinds
print('CLEAN')
'''
    result = subprocess.run(
        [sys.executable, '-c', program, str(ROOT / 'tools' / 'test.py'), str(GUEST),
         str(checkpoint), '--work-dir', str(tmp_path), '--cfg-options', *options()],
        capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert 'CLEAN' in result.stdout, result.stderr[-3000:]


@pytest.mark.parametrize('tool, arguments, message', [
    ('train.py', ['configs/nothing.py'], 'no such config'),
    ('train.py', [str(ROOT / 'configs' / 'ctrgcn_cocodiff_ntu120.py')],
     "train_dataloader.dataset.ann_file: no such store or file: 'data/ntu120'"),
    ('test.py', [str(PLAIN), 'nothing.pth'], 'nothing.pth'),
    ('test.py', [str(PLAIN), 'nothing.pth', '--dump', 'x.txt'], 'ends in .pkl'),
])
def test_bad_input_ends_in_a_sentence(tool, arguments, message, tmp_path):
    result = subprocess.run([sys.executable, str(ROOT / 'tools' / tool), *arguments], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert message in last and 'Traceback' not in result.stderr, result.stderr[-2000:]


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'a.pth')
    result = run('test.py', PLAIN, tmp_path / 'a.pth', '--work-dir', tmp_path, '--cfg-options',
                 *options(guest=False), check=False)
    assert result.returncode != 0
    assert 'missing' in result.stderr and 'unexpected' in result.stderr

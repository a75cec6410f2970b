import dataclasses

import pytest
import torch
import torch.nn.functional as F
from letters_encoder import LettersEncoder, letters

from cocodiff_mm.text.bank import ASSETS
from cocodiff_mm.text.class_text import PARTS
from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.text.encoders import LongText, build_bank, long_texts


@pytest.fixture(scope='module')
def corpus() -> Corpus:
    """Three classes, of which the second has fewer texts."""
    whole = Corpus.load(ASSETS / 'sbu.json')
    first, second, third = whole.classes[:3]
    second = dataclasses.replace(second, synonyms=second.synonyms[:5],
                                 descriptions=second.descriptions[:3])
    third = dataclasses.replace(third, descriptions=(
        *third.descriptions, 'A headache of a cabbage faced deaf egg.'))
    return dataclasses.replace(whole, classes=(first, second, third))


def plain(corpus: Corpus) -> Corpus:
    return dataclasses.replace(corpus, classes=tuple(
        dataclasses.replace(entry, parts=None, joints=None) for entry in corpus.classes))


def test_every_text_is_embedded_at_its_place(corpus):
    bank = build_bank(corpus, LettersEncoder())
    assert bank.classes == corpus.labels
    assert bank.parts.shape == (3, len(PARTS), 8)
    for index, entry in enumerate(corpus.classes):
        for rows, texts in ((bank.fine, entry.descriptions), (bank.coarse, entry.coarse),
                            (bank.parts, entry.parts)):
            expected = F.normalize(letters(texts).double(), dim=1).float()
            torch.testing.assert_close(rows[index, :len(texts)], expected)
            assert not rows[index, len(texts):].any()
        assert bank.fine_count[index] == len(entry.descriptions)
        assert bank.coarse_count[index] == len(entry.coarse)
    assert bank.fine_count[2] == bank.fine.shape[1] > bank.fine_count[1]


def test_texts_are_encoded_in_batches_of_the_encoder(corpus):
    encoder = LettersEncoder(batch_size=11)
    build_bank(corpus, encoder)
    total = sum(len(entry.descriptions) + len(entry.coarse) + 7 for entry in corpus.classes)
    assert encoder.batches == [11] * (total // 11) + [total % 11]


def test_a_corpus_without_parts_makes_a_bank_without_parts(corpus):
    bank = build_bank(plain(corpus), LettersEncoder())
    assert bank.parts is None
    assert torch.equal(bank.fine, build_bank(corpus, LettersEncoder()).fine)


def test_the_provenance_is_kept(corpus):
    provenance, metadata = corpus.provenance, build_bank(corpus, LettersEncoder()).metadata
    prompts = {key: metadata.pop(key) for key in list(metadata) if '_prompt' in key}
    assert metadata == {
        'label_set': 'sbu', 'language': 'en', 'encoder': 'letters', 'encoder_version': '1.0',
        'encoder_width': '8', 'writer': provenance.writer, 'date': provenance.date,
        'licence': provenance.licence, 'corpus_sha256': corpus.sha256}
    assert set(provenance.prompts) >= {'coarse', 'fine'}
    assert prompts == {
        **{f'{kind}_prompt': prompt.id for kind, prompt in provenance.prompts.items()},
        **{f'{kind}_prompt_sha256': prompt.sha256 for kind, prompt in provenance.prompts.items()}}


def test_the_same_corpus_makes_the_same_bytes(corpus, tmp_path):
    for name, size in (('one', 1), ('two', 64)):
        build_bank(corpus, LettersEncoder(batch_size=size)).save(tmp_path / name)
    assert (tmp_path / 'one').read_bytes() == (tmp_path / 'two').read_bytes()


def test_some_classes_keep_the_hash_of_the_whole_corpus(corpus):
    first, _, third = corpus.labels
    whole, encoder = build_bank(corpus, LettersEncoder()), LettersEncoder()
    some = build_bank(corpus, encoder, [third, first])
    assert some.classes == [third, first] and some.metadata == whole.metadata
    expected = whole.subset([third, first])
    assert torch.equal(some.fine, expected.fine) and torch.equal(some.parts, expected.parts)
    assert sum(encoder.batches) == int(some.fine_count.sum() + some.coarse_count.sum()) + 14
    with pytest.raises(ValueError, match='no texts for 1 of 1 classes'):
        build_bank(corpus, LettersEncoder(), ['juggling'])


def test_an_invalid_corpus_is_refused(corpus):
    entry = dataclasses.replace(corpus.classes[0], synonyms=('one',))
    broken = dataclasses.replace(corpus, classes=(entry, *corpus.classes[1:]))
    with pytest.raises(ValueError, match="corpus 'sbu': class .*: synonyms: 1 texts"):
        build_bank(broken, LettersEncoder())


def test_long_texts_are_told_with_their_place(corpus, monkeypatch):
    monkeypatch.setattr(LettersEncoder, 'max_tokens', 20)
    expected = [LongText(entry.label, field, len(text.split()), 20) for entry in corpus.classes
                for field, text in entry.texts()
                if len(text.split()) > 20 and not field.startswith('joints')]
    assert len(expected) > 3
    assert long_texts(corpus, LettersEncoder()) == expected
    assert str(expected[0]) == (f'class {expected[0].label!r}: {expected[0].field}: '
                                f'{expected[0].tokens} tokens, 20 are read')
    monkeypatch.setattr(LettersEncoder, 'max_tokens', 50)
    assert long_texts(corpus, LettersEncoder()) == []


def test_progress_is_shown_on_demand(corpus, capsys):
    build_bank(corpus, LettersEncoder())
    assert capsys.readouterr() == ('', '')
    build_bank(corpus, LettersEncoder(), show=True)
    total = sum(len(entry.descriptions) + len(entry.coarse) + 7 for entry in corpus.classes)
    assert f'texts: {total}/{total}' in capsys.readouterr().err

import re

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.text.bank import ASSETS, SHIPPED, TextBank
from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.utils import files

FILES = ['ntu120', 'kinetics400', 'nwucla', 'sbu', 'utd_mhad', 'synthetic']


def toy() -> TextBank:
    generator = torch.Generator().manual_seed(0)
    fine = F.normalize(torch.randn(3, 4, 8, generator=generator), dim=-1)
    coarse = F.normalize(torch.randn(3, 6, 8, generator=generator), dim=-1)
    fine[1, 3:] = 0
    coarse[2, 5:] = 0
    parts = F.normalize(torch.randn(3, 7, 8, generator=generator), dim=-1)
    return TextBank(['a', 'b', 'c'], fine, torch.tensor([4, 3, 4]), coarse,
                    torch.tensor([6, 6, 5]), parts, {'label_set': 'toy'})


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_bank_has_the_classes_of_its_dataset(name):
    bank = TextBank.load(name)
    assert tuple(bank.classes) == CLASSES[name]
    bank.check_classes(CLASSES[name], f'CLASSES[{name!r}]')
    assert bank.metadata['label_set'] == name
    assert bank.fine.dtype == bank.coarse.dtype == torch.float32
    assert bank.fine.shape[2] == bank.coarse.shape[2] == 384
    assert bank.metadata['encoder_width'] == '384'


@pytest.mark.parametrize('name', FILES)
def test_shipped_bank_is_that_of_the_shipped_corpus(name):
    bank, corpus = TextBank.load(name), Corpus.load(ASSETS / f'{name}.json')
    assert bank.metadata['corpus_sha256'] == corpus.sha256, 'run tools/text/encode.py again'
    assert bank.fine_count.tolist() == [len(entry.descriptions) for entry in corpus.classes]
    assert bank.coarse_count.tolist() == [len(entry.coarse) for entry in corpus.classes]
    assert bank.parts.shape == (len(corpus.classes), 7, 384)
    for key in ('writer', 'date', 'licence'):
        assert bank.metadata[key] == getattr(corpus.provenance, key)
    for kind, prompt in corpus.provenance.prompts.items():
        assert bank.metadata[f'{kind}_prompt'] == prompt.id
        assert bank.metadata[f'{kind}_prompt_sha256'] == prompt.sha256


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_rows_are_normalised_and_zero_beyond_their_count(name):
    bank = TextBank.load(name)
    for rows, count in ((bank.fine, bank.fine_count), (bank.coarse, bank.coarse_count)):
        used = (torch.arange(rows.shape[1])[None] < count[:, None]).float()
        torch.testing.assert_close(rows.norm(dim=-1), used, atol=1e-6, rtol=0)


def test_shipped_banks_are_small():
    assert sum((ASSETS / f'{name}_minilm.safetensors').stat().st_size for name in FILES) < 6e6


@pytest.mark.parametrize('name, least', [
    ('ntu120', 0.98), ('kinetics400', 0.97), ('nwucla', 1), ('sbu', 1), ('utd_mhad', 0.95),
    ('synthetic', 1)])
def test_descriptions_are_nearest_to_the_name_of_their_class(name, least):
    bank = TextBank.load(name)
    fine, coarse = (F.normalize(rows.sum(1), dim=-1) for rows in (bank.fine, bank.coarse))
    similarity = coarse @ fine.T
    own = torch.arange(len(bank.classes))
    for best in (similarity.argmax(1), similarity.argmax(0)):
        wrong = {bank.classes[i]: bank.classes[int(best[i])] for i in own if best[i] != i}
        assert len(wrong) <= (1 - least) * len(own), wrong


def test_ntu60_is_a_view_of_the_first_rows_of_ntu120():
    small, large = TextBank.load('ntu60'), TextBank.load('ntu120')
    assert small.classes == large.classes[:60]
    for key in ('fine', 'fine_count', 'coarse', 'coarse_count', 'parts'):
        assert torch.equal(getattr(small, key), getattr(large, key)[:60])
    assert small.fine.untyped_storage().nbytes() == large.fine.untyped_storage().nbytes()


@pytest.mark.parametrize('dtype, error', [(torch.float16, 5e-4), (torch.int8, 6e-3)])
def test_round_trip_keeps_everything_and_repeats_its_bytes(tmp_path, dtype, error):
    bank, path = toy(), tmp_path / 'new' / 'toy.safetensors'
    bank.metadata['note'] = 'naïve'
    bank.save(path, dtype)
    first = path.read_bytes()
    again = TextBank.load(path)
    assert again.classes == bank.classes and again.metadata == bank.metadata
    assert torch.equal(again.fine_count, bank.fine_count)
    assert torch.equal(again.coarse_count, bank.coarse_count)
    for key in ('fine', 'coarse', 'parts'):
        torch.testing.assert_close(getattr(again, key), getattr(bank, key), atol=error, rtol=0)
    again.save(path, dtype)
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ['toy.safetensors']


def test_short_numbers_hardly_move_a_cosine(tmp_path):
    bank, path = TextBank.load('nwucla'), tmp_path / 'toy.safetensors'
    rows = bank.fine[bank.fine_mask]
    for dtype, error in ((torch.float16, 1e-3), (torch.int8, 1e-2)):
        bank.save(path, dtype)
        again = TextBank.load(path).fine[bank.fine_mask]
        torch.testing.assert_close(again @ again.T, rows @ rows.T, atol=error, rtol=0)
    with pytest.raises(ValueError, match='dtype must be one of'):
        bank.save(path, torch.float64)


def test_a_bank_without_parts(tmp_path):
    bank, path = toy(), tmp_path / 'toy.safetensors'
    bank.parts = None
    bank.save(path)
    again = TextBank.load(path)
    assert again.parts is None and again.subset(['b']).parts is None


def test_masks_tell_texts_from_padding():
    bank = toy()
    assert bank.fine_mask.sum(1).tolist() == [4, 3, 4] and not bank.fine_mask[1, 3]
    assert bank.coarse_mask.sum(1).tolist() == [6, 6, 5] and not bank.coarse_mask[2, 5]
    assert torch.equal(bank.fine.any(-1), bank.fine_mask)


def test_select_gives_a_text_per_sample():
    bank, labels = toy(), torch.tensor([1, 0, 1])
    assert torch.equal(bank.select('fine', labels, 'first'), bank.fine[labels, 0])
    mean = F.normalize(bank.coarse[2, :5].mean(0), dim=0)
    torch.testing.assert_close(bank.select('coarse', torch.tensor([2]), 'mean')[0], mean)
    torch.manual_seed(0)
    drawn = bank.select('fine', torch.ones(300, dtype=torch.int64), 'random')
    assert len(drawn.unique(dim=0)) == 3  # none of the padding
    with pytest.raises(ValueError, match="unknown kind 'parts'; allowed: 'fine', 'coarse'"):
        bank.select('parts', labels)
    with pytest.raises(ValueError, match="unknown choice 'last'"):
        bank.select('fine', labels, 'last')


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'toy.safetensors'
    toy().save(path)
    before = path.read_bytes()

    def no_space(source, target):
        raise OSError('no space left')

    monkeypatch.setattr(files.os, 'replace', no_space)
    with pytest.raises(OSError, match='no space left'):
        toy().subset(['b']).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_subset_takes_rows_by_name_in_the_order_asked_for():
    bank = toy()
    part = bank.subset(['c', 'a'])
    assert part.classes == ['c', 'a']
    assert torch.equal(part.fine, bank.fine[[2, 0]])
    assert torch.equal(part.parts, bank.parts[[2, 0]])
    assert part.coarse_count.tolist() == [5, 6]
    with pytest.raises(ValueError, match=re.escape("['d'] not in the text bank")):
        bank.subset(['a', 'd'])


@pytest.mark.parametrize('names, message', [
    (['a', 'x', 'y'], "class 1 is 'b' in the text bank and 'x' in the train set"),
    (['a', 'c', 'b'], "class 1 is 'b' in the text bank and 'c' in the train set"),
    (['a', 'b'], 'the text bank has 3 classes and the train set has 2'),
    (['a', 'b', 'c', 'd'], 'the text bank has 3 classes and the train set has 4')])
def test_check_classes_names_the_first_difference(names, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        toy().check_classes(names, 'the train set')
    toy().check_classes(('a', 'b', 'c'), 'the train set')


def test_unknown_name_lists_the_shipped_ones(tmp_path):
    with pytest.raises(ValueError, match="'kinetics'; shipped are ntu120, ntu60, kinetics400, nwu"):
        TextBank.load('kinetics')
    with pytest.raises(FileNotFoundError, match='no text bank at .*none.safetensors'):
        TextBank.load(tmp_path / 'none.safetensors')


@pytest.mark.parametrize('size', [0, 4, 100, -1])
def test_a_truncated_file_is_refused(tmp_path, size):
    path = tmp_path / 'toy.safetensors'
    toy().save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=f'{path}: truncated, or not a safetensors file'):
        TextBank.load(path)


@pytest.mark.parametrize('edit, message', [
    (lambda t: t.pop('coarse'), 'coarse missing'),
    (lambda t: t.update(fine_count=torch.tensor([5, 3, 4])), 'fine_count goes from 3 to 5'),
    (lambda t: t.update(coarse_count=torch.tensor([6, 0, 5])), 'coarse_count goes from 0 to 6'),
    (lambda t: t.update(fine_count=torch.tensor([4, 3])), r'fine_count has shape \(2,\)'),
    (lambda t: t.update(fine_count=torch.tensor([4., 3, 4])), 'and is torch.float32; expected'),
    (lambda t: t.update(fine_count=torch.tensor([4, 2, 4])), 'fine rows do not have length 1'),
    (lambda t: t.update(fine=t['fine'][:2]), r'fine has shape \(2, 4, 8\).*K = 3'),
    (lambda t: t.update(parts=t['parts'][:, :6].contiguous()),
     r'parts has shape \(3, 6, 8\); expected'),
    (lambda t: t['parts'].zero_(), 'parts rows do not have length 1'),
    (lambda t: t.update(coarse=t['coarse'][0]), r'coarse has shape \(6, 8\)'),
    (lambda t: t.update(coarse=F.normalize(t['coarse'].float()[..., :7], dim=-1)),
     'fine rows are 8 wide and coarse rows 7')])
def test_an_inconsistent_file_is_refused(tmp_path, edit, message):
    path = tmp_path / 'toy.safetensors'
    toy().save(path)
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, {'text_bank': '{"classes": ["a", "b", "c"]}'})
    with pytest.raises(ValueError, match=message) as caught:
        TextBank.load(path)
    assert str(path) in str(caught.value)


def test_a_file_without_header_is_refused(tmp_path):
    path = tmp_path / 'toy.safetensors'
    toy().save(path)
    tensors = load_file(path)
    save_file(tensors, path)
    with pytest.raises(ValueError, match="header 'text_bank' missing"):
        TextBank.load(path)


@pytest.mark.parametrize('header', [
    '{}', '{bad', '[1]', '7', '{"classes": 3}', '{"classes": "abc"}', '{"classes": ["a", "b", 3]}',
    '{"classes": ["a", "b", "c"], "writer": 5}'])
def test_a_damaged_header_is_refused(tmp_path, header):
    path = tmp_path / 'toy.safetensors'
    toy().save(path)
    save_file(load_file(path), path, {'text_bank': header})
    with pytest.raises(ValueError, match='toy.safetensors: the header is damaged, or has no list'):
        TextBank.load(path)


def test_a_bank_checks_what_it_is_made_of():
    bank = toy()
    with pytest.raises(ValueError, match='class names must differ'):
        TextBank(['a', 'b', 'a'], bank.fine, bank.fine_count, bank.coarse, bank.coarse_count)
    with pytest.raises(ValueError, match='fine rows do not have length 1'):
        TextBank(['a', 'b', 'c'], bank.fine * 2, bank.fine_count, bank.coarse, bank.coarse_count)

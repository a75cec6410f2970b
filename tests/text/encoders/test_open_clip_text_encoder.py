import sys

import open_clip
import pytest
import torch
import torch.nn.functional as F
from hub_server import hub_server
from mmaction.registry import MODELS
from tiny_clip import (
    COCA,
    COCA_TEXT,
    TEXT,
    WIDTH,
    add_model,
    hf_text,
    make_model,
    save_model,
    tiny_clip,
)

from cocodiff_mm.text.bank import ASSETS
from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.text.encoders import OpenCLIPTextEncoder

TEXTS = ['drink water', 'A person lifts a cup to the mouth, tips it, and lowers it again.', 'wave',
         'Sit-down!!', 'caf\N{LATIN SMALL LETTER E WITH ACUTE}', '&amp; a fist']


def reference(model, tokenizer, texts) -> torch.Tensor:
    with torch.no_grad():
        return F.normalize(model.encode_text(tokenizer(texts)), dim=1)


@pytest.mark.parametrize('suffix', ['.pt', '.safetensors'])
def test_rows_are_those_of_open_clip(tiny_clip, tmp_path, suffix):
    model = make_model(tiny_clip)
    path = save_model(model, tmp_path / f'weights{suffix}')
    encoder = MODELS.build(dict(type='OpenCLIPTextEncoder', model=tiny_clip, pretrained=str(path)))
    rows = encoder(TEXTS)
    assert rows.dtype == torch.float32 and rows.shape == (len(TEXTS), encoder.width) == (6, WIDTH)
    assert rows.device.type == 'cpu' and not rows.requires_grad
    expected = reference(model, open_clip.get_tokenizer(tiny_clip), TEXTS)
    torch.testing.assert_close(rows, expected, atol=1e-6, rtol=0)
    assert (rows @ rows.T - torch.eye(6)).abs().triu(1).max() < 0.9999  # texts make a difference


def test_rows_of_a_built_in_model(tmp_path):
    model = make_model('ViT-S-32-alt')  # the smallest
    path = save_model(model, tmp_path / 'weights.safetensors')
    encoder = OpenCLIPTextEncoder('ViT-S-32-alt', str(path))
    path.unlink()
    assert (encoder.width, encoder.max_tokens) == (256, 77)
    expected = reference(model, open_clip.get_tokenizer('ViT-S-32-alt'), TEXTS)
    torch.testing.assert_close(encoder(TEXTS), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize('text, more', [
    (TEXT, {'custom_text': True}), (hf_text, {}), (COCA_TEXT, COCA)],
    ids=['custom text', 'transformers', 'CoCa'])
def test_other_kinds_of_models(tiny_clip, tmp_path, text, more):
    text = text(tmp_path) if callable(text) else text
    name = add_model(tmp_path, 'tiny-other', text, **more)
    model = make_model(name)
    assert not isinstance(model, open_clip.CLIP)
    encoder = OpenCLIPTextEncoder(name, str(save_model(model, tmp_path / 'weights.pt')))
    tokenizer = open_clip.get_tokenizer(name)
    assert encoder.max_tokens == tokenizer.context_length == text['context_length']
    torch.testing.assert_close(encoder(TEXTS), reference(model, tokenizer, TEXTS), atol=1e-6,
                               rtol=0)


def test_only_the_text_tower_is_kept(tiny_clip, tmp_path):
    model = make_model(tiny_clip)
    encoder = OpenCLIPTextEncoder(tiny_clip, str(save_model(model, tmp_path / 'weights.pt')))
    vision = sum(value.numel() for value in model.visual.parameters())
    kept = sum(value.numel() for value in encoder._tower.parameters())
    assert kept == sum(value.numel() for value in model.parameters()) - vision
    assert not any(value.requires_grad for value in encoder._tower.parameters())


def test_batches_make_no_difference(tiny_clip, tmp_path):
    path = str(save_model(make_model(tiny_clip), tmp_path / 'weights.pt'))
    encoders = [OpenCLIPTextEncoder(tiny_clip, path, batch_size=size) for size in (1, 4, 64)]
    rows = [encoder(TEXTS) for encoder in encoders]
    torch.testing.assert_close(rows[0], rows[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(rows[0], rows[2], atol=1e-6, rtol=0)
    assert torch.equal(rows[2], encoders[2](TEXTS))


def test_tokens_are_counted_before_the_cut(tiny_clip, tmp_path):
    path = str(save_model(make_model(tiny_clip), tmp_path / 'weights.pt'))
    encoder = OpenCLIPTextEncoder(tiny_clip, path)
    long = ' '.join(['wave'] * 90)
    assert encoder.count_tokens(['wave', 'wave wave', long]) == [3, 4, 92]
    cut = encoder([long, ' '.join(['wave'] * 75), ' '.join(['wave'] * 74)])
    assert torch.equal(cut[0], cut[1]) and not torch.equal(cut[1], cut[2])


def test_tokens_of_a_tokenizer_of_transformers(tiny_clip, tmp_path):
    name = add_model(tmp_path, 'tiny-transformers', hf_text(tmp_path))
    encoder = OpenCLIPTextEncoder(name, str(save_model(make_model(name), tmp_path / 'weights.pt')))
    long = ' '.join(['wave'] * 40)
    assert encoder.count_tokens(['wave', 'wave  wave', long]) == [3, 4, 42]
    cut = encoder([long, ' '.join(['wave'] * 30), ' '.join(['wave'] * 29)])
    torch.testing.assert_close(cut[0], cut[1])
    assert (cut[1] - cut[2]).abs().max() > 1e-4


def test_the_version_names_the_weights_by_their_content(tiny_clip, tmp_path):
    paths = [save_model(make_model(tiny_clip, seed), tmp_path / f'{seed}' / 'w.safetensors')
             for seed in (0, 1) if (tmp_path / f'{seed}').mkdir() is None]
    (tmp_path / 'copy').mkdir()
    copy = paths[0].rename(tmp_path / 'copy' / 'w.safetensors')
    again = save_model(make_model(tiny_clip, 0), paths[0])
    versions = [OpenCLIPTextEncoder(tiny_clip, str(path)).version
                for path in (copy, again, paths[1])]
    assert versions[0] == versions[1] != versions[2]
    assert versions[0].startswith(f'open_clip_torch {open_clip.__version__}, w.safetensors sha256 ')
    assert str(tmp_path) not in versions[0]


@pytest.mark.parametrize('key', ['hf_tokenizer_name', 'hf_model_name'])
def test_a_tokenizer_that_the_hub_does_not_give(tiny_clip, tmp_path, monkeypatch, key):
    name = add_model(tmp_path, 'tiny-far', {**hf_text(tmp_path), key: 'someone/far-away'})
    with hub_server(monkeypatch, tmp_path / 'cache') as server:
        server.mood = 'busy'
        with pytest.raises(FileNotFoundError) as error:
            OpenCLIPTextEncoder(name, 'any.pt')
    sentence = str(error.value)
    assert sentence.startswith('the tokenizer of tiny-far (')
    assert 'status 503' in sentence and 'copy the folder of the cache' in sentence
    assert 'such as ViT-B-32' in sentence and '--encoder minilm' in sentence


@pytest.mark.parametrize('missing', ['open_clip', 'transformers'])
def test_the_missing_package_is_named_with_the_command(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{missing} .* 'cocodiff_mm\[text\]'"):
        OpenCLIPTextEncoder()


@pytest.mark.parametrize('path', sorted(ASSETS.glob('*.json')), ids=lambda path: path.stem)
def test_shipped_texts_fit_the_tokens_of_clip(path):
    tokenizer = open_clip.SimpleTokenizer()
    long = [(entry.label, field, text) for entry in Corpus.load(path, check=False).classes
            for field, text in (('label', entry.label), *entry.texts())
            if len(tokenizer.encode(text)) + 2 > tokenizer.context_length]
    assert tokenizer.context_length == 77 and long == []


__all__ = ['tiny_clip']

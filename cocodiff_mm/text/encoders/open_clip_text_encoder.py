from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from mmaction.registry import MODELS
from torch import Tensor

from .hub import fetch
from .open_clip_weights import OTHER_ENCODER, check_model, find_weights, load_text_tower
from .text_encoder import TextEncoder


@MODELS.register_module()
class OpenCLIPTextEncoder(TextEncoder):
    """Text tower of any model of open_clip, as CoCoDiff uses it.

    CLIP: Radford et al., arXiv 2103.00020; open_clip: Cherti et al., arXiv 2212.07143. The CLIP
    of OpenAI is the default.

    Args:
        model (str): Name of an architecture (``open_clip.list_models()``).
        pretrained (str): Tag of its weights, which are downloaded the first time, or the path of a
            file (``.safetensors``, ``.pt``). A file that was trained with QuickGELU, as OpenAI's,
            belongs to the model ``'ViT-B-32-quickgelu'`` and the like; tags know that themselves.
        device (str): Device that encodes. Defaults to ``'cpu'``.
        batch_size (int): Texts encoded at the same time. Defaults to 64.

    Raises:
        FileNotFoundError: If there is no such file, or a download is not possible.
        ModuleNotFoundError: If open_clip is not installed.
        ValueError: If there is no such model, tag or device, or the file does not fit the model.
    """

    def __init__(self, model: str = 'ViT-B-32', pretrained: str = 'openai', device: str = 'cpu',
                 batch_size: int = 64) -> None:
        super().__init__(device, batch_size)
        try:
            import open_clip
            import transformers  # noqa: F401  (open_clip does not require it; many models do)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f'{error.name} is not installed; OpenCLIPTextEncoder needs it (training does '
                "not): pip install 'cocodiff_mm[text]'", name=error.name) from error
        check_model(model)
        config = open_clip.get_model_config(model)
        self._tokenizer = _load_tokenizer(model, config['text_cfg'])
        weights = find_weights(model, pretrained)
        self._tower = load_text_tower(model, weights).to(self.device)
        self.name, self.width = model, config['embed_dim']
        self.version = f'open_clip_torch {version("open_clip_torch")}, {weights.source}'
        self.max_tokens = self._tokenizer.context_length

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        from open_clip import SimpleTokenizer

        if isinstance(self._tokenizer, SimpleTokenizer):
            return [len(self._tokenizer.encode(text)) + 2 for text in texts]  # start and end
        cleaned = [self._tokenizer.clean_fn(text) for text in texts]
        return [len(ids) for ids in
                self._tokenizer.tokenizer(cleaned, verbose=False)['input_ids']]

    def encode_batch(self, texts: list[str]) -> Tensor:
        return self._tower.encode_text(self._tokenizer(texts).to(self.device))


def _load_tokenizer(model: str, text_config: Mapping[str, Any]) -> Callable[[list[str]], Tensor]:
    """The tokenizer and, into the cache, the config of a text tower of transformers."""
    import open_clip
    from transformers import AutoConfig

    names = [text_config[key] for key in ('hf_tokenizer_name', 'hf_model_name')
             if text_config.get(key)]

    def get() -> Callable[[list[str]], Tensor]:
        if text_config.get('hf_model_name'):
            AutoConfig.from_pretrained(text_config['hf_model_name'])
        return open_clip.get_tokenizer(model)

    if not names:
        return get()
    return fetch(f'the tokenizer of {model} ({names[0]}) is', get,
                 'copy the folder of the cache from a machine that has used the model, take a '
                 "model with open_clip's own tokenizer, such as ViT-B-32, with "
                 f'pretrained=/path/to/file, or {OTHER_ENCODER}')

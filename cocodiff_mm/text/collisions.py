"""Which classes and which single texts of a bank are hard to tell apart.

Training draws single texts of a class, so a text that is nearer to another class than to its own
teaches the wrong class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .bank import TextBank
from .class_text import ClassText
from .similarity import class_embeddings, similarities

# Cosines that differ by less are equal: sums of other order differ by some 1e-16.
_TIE = 1e-12


@dataclass(frozen=True)
class TextRef:
    """Which text of a bank.

    Args:
        label (int): Index of its class.
        kind (str): ``'fine'`` or ``'coarse'``.
        row (int): Which of the fine or coarse rows of the class.
    """

    label: int
    kind: str
    row: int

    @property
    def field(self) -> str:
        """str: Name of the text in a corpus, such as ``'synonyms[2]'``."""
        if self.kind == 'fine':
            return f'descriptions[{self.row}]'
        return f'synonyms[{self.row - 1}]' if self.row else 'label'

    def read(self, classes: Sequence[ClassText]) -> str:
        """The text itself.

        Args:
            classes (Sequence[ClassText]): Classes of the bank's corpus.

        Returns:
            str: As written.
        """
        entry = classes[self.label]
        return (entry.descriptions if self.kind == 'fine' else entry.coarse)[self.row]


@dataclass(frozen=True)
class Taken:
    """A class whose coarse embedding is not nearest to its own fine embedding.

    Args:
        name (TextRef): Its coarse text that is most similar to a description of the winner.
        near (TextRef): That description of the winner, the class whose fine embedding is nearest.
        own (float): Cosine of the coarse embedding with the fine embedding of its own class.
        other (float): Cosine with that of the winner.
    """

    name: TextRef
    near: TextRef
    own: float
    other: float


@dataclass(frozen=True)
class Sanity:
    """How many coarse embeddings find the fine embedding of their own class.

    Args:
        classes (int): Number of classes.
        taken (tuple[Taken, ...]): Those that do not, the worst first. A tie counts as taken.
        coarse_right (int): Single coarse texts whose nearest fine embedding is that of their
            class.
        coarse_texts (int): All coarse texts.
        fine_right (int): Single fine texts whose nearest coarse embedding is that of their class.
        fine_texts (int): All fine texts.
    """

    classes: int
    taken: tuple[Taken, ...]
    coarse_right: int
    coarse_texts: int
    fine_right: int
    fine_texts: int

    @property
    def right(self) -> int:
        """int: Classes whose coarse embedding finds its own class."""
        return self.classes - len(self.taken)

    @property
    def fraction(self) -> float:
        """float: Part of the classes that find their own, from 0 to 1."""
        return self.right / self.classes

    def __str__(self) -> str:
        return (f'{self.right} of {self.classes} classes ({self.fraction:.1%}) find their own '
                f'descriptions by their names; of single texts, {self.coarse_right} of '
                f'{self.coarse_texts} names ({self.coarse_right / self.coarse_texts:.1%}) and '
                f'{self.fine_right} of {self.fine_texts} descriptions '
                f'({self.fine_right / self.fine_texts:.1%})')


@dataclass(frozen=True)
class Stray:
    """A text that is nearer to another class than to the rest of its own.

    Args:
        text (TextRef): The text.
        near (TextRef): Text most similar to it of the winner, the nearest other class.
        own (float): Cosine with the centre of its class, made without this text.
        other (float): Cosine with the centre of the winner.
    """

    text: TextRef
    near: TextRef
    own: float
    other: float

    @property
    def margin(self) -> float:
        """float: How much nearer the other class is; not negative."""
        return self.other - self.own


@dataclass(frozen=True)
class Pair:
    """Two classes and how similar they are.

    Args:
        first (int): The one that comes first in the bank.
        second (int): The other.
        fine (float): Cosine of their fine embeddings.
        coarse (float): Cosine of their coarse embeddings.
        fine_texts (tuple[TextRef, TextRef]): The two descriptions, one of each, that are most
            similar.
        coarse_texts (tuple[TextRef, TextRef]): The same of the names.
    """

    first: int
    second: int
    fine: float
    coarse: float
    fine_texts: tuple[TextRef, TextRef]
    coarse_texts: tuple[TextRef, TextRef]

    @property
    def both(self) -> float:
        """float: Mean of the two cosines; what pairs are ordered by."""
        return (self.fine + self.coarse) / 2


def sanity(bank: TextBank) -> Sanity:
    """Check that names and descriptions of a class mean the same.

    Args:
        bank (TextBank): Bank of one class or more.

    Returns:
        Sanity: For how many classes the fine embedding that is nearest to the coarse one is
        their own, and for which it is not.
    """
    cosine = similarities(bank).coarse_to_fine
    winner, own, other = (part.numpy() for part in _nearest_other(
        torch.from_numpy(cosine), torch.arange(len(cosine))))
    taken = [Taken(*_closest(bank, (i, 'coarse'), (winner[i], 'fine')), float(own[i]),
                   float(other[i]))
             for i in np.flatnonzero(other >= own - _TIE)]
    taken.sort(key=lambda one: one.own - one.other)
    coarse_right, coarse_texts = _found(bank.coarse, bank.coarse_mask, bank.fine)
    fine_right, fine_texts = _found(bank.fine, bank.fine_mask, bank.coarse)
    return Sanity(len(cosine), tuple(taken), coarse_right, coarse_texts, fine_right, fine_texts)


def stray_texts(bank: TextBank) -> list[Stray]:
    """Single texts that are nearer to another class than to the rest of their own.

    The centre of a class is the normalised sum of its fine and its coarse embedding; that of the
    text's own class is made without the text.

    Args:
        bank (TextBank): Bank of K classes.

    Returns:
        list[Stray]: The texts, those that are off by the largest margin first.
    """
    fine, coarse = class_embeddings(bank.fine), class_embeddings(bank.coarse)
    centres = F.normalize(fine + coarse, dim=-1)
    found = []
    for kind, rows, mask, other_kind in (('fine', bank.fine, bank.fine_mask, coarse),
                                         ('coarse', bank.coarse, bank.coarse_mask, fine)):
        label, text = mask.nonzero(as_tuple=True)
        rows = rows.double()
        # A class with one text of a kind is known by the other kind alone.
        rest = F.normalize(rows.sum(dim=1)[label] - rows[label, text], dim=-1)
        rest = torch.where((mask.sum(dim=1) > 1)[label, None], rest, 0.)
        rest = F.normalize(rest + other_kind[label], dim=-1)
        cosine = rows[label, text] @ centres.T
        cosine[torch.arange(len(label)), label] = (rows[label, text] * rest).sum(dim=-1)
        winner, own, other = _nearest_other(cosine, label)
        for i in (other >= own - _TIE).nonzero()[:, 0].tolist():
            ref = TextRef(int(label[i]), kind, int(text[i]))
            found.append(Stray(ref, _nearest_text(bank, ref, int(winner[i])), float(own[i]),
                               float(other[i])))
    return sorted(found, key=lambda one: -one.margin)


def worst_pairs(bank: TextBank, number: int) -> list[Pair]:
    """The classes that are most alike.

    Args:
        bank (TextBank): Bank of K classes.
        number (int): How many pairs; there are K (K - 1) / 2.

    Returns:
        list[Pair]: The pairs, the most similar by the mean of both cosines first.
    """
    cosine = similarities(bank)
    first, second = np.triu_indices(len(cosine.fine), 1)
    order = np.argsort(-cosine.both[first, second], kind='stable')[:number]
    return [Pair(int(i), int(j), float(cosine.fine[i, j]), float(cosine.coarse[i, j]),
                 _closest(bank, (i, 'fine'), (j, 'fine')),
                 _closest(bank, (i, 'coarse'), (j, 'coarse')))
            for i, j in zip(first[order], second[order], strict=True)]


def _nearest_other(cosine: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Nearest other class, own cosine and its cosine of N rows of shape (N, K), shape (N,)."""
    rows = torch.arange(len(label))
    others = cosine.clone()
    others[rows, label] = -torch.inf
    other, winner = others.max(dim=1)
    return winner, cosine[rows, label], other


def _found(rows: Tensor, mask: Tensor, targets: Tensor) -> tuple[int, int]:
    """How many texts are nearest to their class in another kind of text, and how many there are."""
    label, text = mask.nonzero(as_tuple=True)
    _, own, other = _nearest_other(rows[label, text].double() @ class_embeddings(targets).T, label)
    return int((own > other + _TIE).sum()), len(label)


def _closest(bank: TextBank, first: tuple[int, str],
             second: tuple[int, str]) -> tuple[TextRef, TextRef]:
    """The most similar texts of two classes, each a (class, kind)."""
    cosine = _rows(bank, *first) @ _rows(bank, *second).T
    i, j = divmod(int(cosine.argmax()), cosine.shape[1])
    return TextRef(int(first[0]), first[1], i), TextRef(int(second[0]), second[1], j)


def _nearest_text(bank: TextBank, ref: TextRef, winner: int) -> TextRef:
    row = _rows(bank, ref.label, ref.kind)[ref.row]
    cosine = {kind: _rows(bank, winner, kind) @ row for kind in ('fine', 'coarse')}
    kind = max(cosine, key=lambda kind: float(cosine[kind].max()))
    return TextRef(winner, kind, int(cosine[kind].argmax()))


def _rows(bank: TextBank, label: int, kind: str) -> Tensor:
    """Texts of a class, float64, shape (n, E)."""
    rows, mask = ((bank.fine, bank.fine_mask) if kind == 'fine'
                  else (bank.coarse, bank.coarse_mask))
    return rows[label][mask[label]].double()

"""What looks wrong in a corpus: rules broken, and texts that mean what another class means."""

from collections.abc import Callable, Sequence

from torch import Tensor

from .bank import TextBank
from .class_text import ClassText
from .collisions import Stray, Taken, TextRef, sanity, stray_texts
from .corpus import Corpus
from .embedding import embed_groups
from .rules import find_problems, plain

# Longer lists are not read; what is worst comes first.
MOST = 40


def review(corpus: Corpus, encoder: Callable[[Sequence[str]], Tensor] | None = None,
           most: int = MOST) -> str:
    """Report what looks wrong in a corpus.

    Broken rules have to be mended; collisions are for somebody to look at. Classes that can't be
    embedded (an empty text, no descriptions, a label that occurs twice) are left out of the search
    for collisions.

    Args:
        corpus (Corpus): Corpus, loaded with ``check=False``.
        encoder (Callable[[Sequence[str]], Tensor], optional): Maps N texts to normalised
            embeddings of shape (N, E). Without it, collisions are not looked for.
        most (int): Longest list; of more it says how many. Defaults to 40.

    Returns:
        str: Lines: rules broken; classes whose names mean another class and texts nearer to
        another class, the worst first, with the texts of both sides; last, how many.
    """
    problems = find_problems(corpus.classes)
    lines = _section(f'{_count(len(problems), "rule")} broken:', map(str, problems), most)
    collisions = ''
    if encoder is not None:
        usable = _usable(corpus.classes)
        if len(usable) < len(corpus.classes):
            left = len(corpus.classes) - len(usable)
            lines += [f'{_count(left, "class", "classes")} left out of the search for collisions: '
                      'an empty text, no descriptions, or a label that occurs twice', '']
        bank = embed(usable, encoder) if len(usable) > 1 else None
        taken = sanity(bank).taken if bank else ()
        strays = stray_texts(bank) if bank else []
        lines += taken_lines(taken, bank, usable, most) + stray_lines(strays, bank, usable, most)
        collisions = f', {_count(len(taken) + len(strays), "collision")}'
    total = _count(len(corpus.classes), 'class', 'classes')
    return '\n'.join([*lines, f'{total}: {_count(len(problems), "rule")} broken{collisions}'])


def taken_lines(taken: Sequence[Taken], bank: TextBank, classes: Sequence[ClassText] | None,
                most: int = MOST) -> list[str]:
    """List classes whose names are nearer to the descriptions of another class.

    Args:
        taken (Sequence[Taken]): Of ``collisions.sanity``.
        bank (TextBank): The bank.
        classes (Sequence[ClassText], optional): Texts of its classes, if they are known.
        most (int): Longest list. Defaults to 40.

    Returns:
        list[str]: Lines; none if there is nothing to list.
    """
    number = _count(len(taken), 'class', 'classes')
    return _section(
        f'{number} with names nearer to the descriptions of another class, by how much:',
        (_both_sides(f'{one.other - one.own:.3f}', one.name, one.near, bank, classes,
                     f'{one.own:.3f} to its own, {one.other:.3f} to the other')
         for one in taken), most)


def stray_lines(strays: Sequence[Stray], bank: TextBank, classes: Sequence[ClassText] | None,
                most: int = MOST) -> list[str]:
    """List texts that are nearer to another class than to the rest of their own.

    Args:
        strays (Sequence[Stray]): Of ``collisions.stray_texts``.
        bank (TextBank): The bank.
        classes (Sequence[ClassText], optional): Texts of its classes, if they are known.
        most (int): Longest list. Defaults to 40.

    Returns:
        list[str]: Lines; none if there is nothing to list.
    """
    return _section(
        f'{_count(len(strays), "text")} nearer to another class than to the rest of its own, '
        'by how much:',
        (_both_sides(f'{one.margin:.3f}', one.text, one.near, bank, classes,
                     f'{one.own:.3f} to its own, {one.other:.3f} to the other')
         for one in strays), most)


def embed(classes: Sequence[ClassText], encoder: Callable[[Sequence[str]], Tensor]) -> TextBank:
    """Embed the names and descriptions of classes whether or not they keep the rules.

    Args:
        classes (Sequence[ClassText]): K classes of different labels, none without a description.
        encoder (Callable[[Sequence[str]], Tensor]): Maps N texts to normalised embeddings of
            shape (N, E).

    Returns:
        TextBank: Their bank, without metadata.
    """
    (fine, fine_count), (coarse, coarse_count) = embed_groups(
        ([entry.descriptions for entry in classes], [entry.coarse for entry in classes]), encoder)
    return TextBank([entry.label for entry in classes], fine, fine_count, coarse, coarse_count)


def _usable(classes: Sequence[ClassText]) -> list[ClassText]:
    labels = [plain(entry.label) for entry in classes]
    return [entry for entry in classes
            if entry.descriptions and labels.count(plain(entry.label)) == 1
            and all(text.strip() for text in (*entry.coarse, *entry.descriptions))]


def _both_sides(margin: str, text: TextRef, near: TextRef, bank: TextBank,
                classes: Sequence[ClassText] | None, cosines: str) -> str:
    own, other = bank.classes[text.label], bank.classes[near.label]
    line = f'{margin}  {own!r}: {text.field} -> {other!r}: {near.field} ({cosines})'
    if classes is None:
        return line
    return f'{line}\n         {text.read(classes)}\n         {near.read(classes)}'


def _section(heading: str, items, most: int) -> list[str]:
    items = list(items)
    if not items:
        return []
    lines = [heading, *(f'  {item}' for item in items[:most])]
    if len(items) > most:
        lines.append(f'  ... and {len(items) - most} more')
    return [*lines, '']


def _count(number: int, one: str, many: str | None = None) -> str:
    return f'{number} {one if number == 1 else many or f"{one}s"}'

"""What the texts of a label set have to keep so that a classifier can learn from them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .class_text import ClassText

# Fewest texts, and fewest and most words of one. The longest stay under CLIP's 77 tokens.
MIN_COUNT = {'synonyms': 5, 'descriptions': 3}
WORDS = {'label': (1, 12), 'synonyms': (1, 12), 'descriptions': (6, 50), 'parts': (1, 20),
         'joints': (5, 40)}
# What language models leave around an answer, and templates that nobody filled.
LEFTOVERS = re.compile(
    r"\bas an ai\b|language model|\bhere (?:are|is) |^(?:sure|certainly|of course)\b[,!]|[{}<>`]"
    r'|\*\*|\\n|^\s*(?:\d+[.)]|[-*#])\s|^["\'].*["\']$'
    r'|^(?:label|synonyms?|descriptions?|answer|output|parts?|action)\s*:', re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """A text that breaks a rule.

    Args:
        label (str): Class of the text.
        field (str): Where it is in the class, such as ``'synonyms[2]'``.
        message (str): What is wrong and what to do.
    """

    label: str
    field: str
    message: str

    def __str__(self) -> str:
        return f'class {self.label!r}: {self.field}: {self.message}'


def class_problems(entry: ClassText, labels: Sequence[str]) -> list[Problem]:
    """Rules that one class breaks by itself.

    Args:
        entry (ClassText): Texts of the class.
        labels (Sequence[str]): Labels of all classes, for texts that name another one.

    Returns:
        list[Problem]: Too few texts, texts too short or too long, leftovers of a prompt or an
        answer, a text that names another class.
    """
    problems = []
    for field, least in MIN_COUNT.items():
        count = len(getattr(entry, field))
        if count < least:
            problems.append(Problem(
                entry.label, field, f'{count} texts, expected at least {least}; write more'))
    own = plain(entry.label)
    # 'throw' is part of 'throw up cap or hat': such a class cannot avoid the word.
    foreign = [(label, name) for label in labels if not _holds(own, name := plain(label))]
    for field, text in (('label', entry.label), *entry.texts()):
        problems += [Problem(entry.label, field, message)
                     for message in _text_problems(field, text)]
        if field == 'label':
            continue
        content = plain(text)
        problems += [
            Problem(entry.label, field,
                    f'{text!r} names another class, {label!r}; say it in other words')
            for label, name in foreign if _holds(content, name)]
    return problems


def find_problems(classes: Sequence[ClassText]) -> list[Problem]:
    """Rules that a label set breaks.

    Args:
        classes (Sequence[ClassText]): Texts of all classes.

    Returns:
        list[Problem]: Those of every class by itself; labels, synonyms and descriptions that
        occur twice; classes without the parts or joints that others have.
    """
    labels = [entry.label for entry in classes]
    problems = [problem for entry in classes for problem in class_problems(entry, labels)]
    problems += _repeated(classes)
    for field in ('parts', 'joints'):
        if any(getattr(entry, field) is not None for entry in classes):
            problems += [
                Problem(entry.label, field, 'missing, while other classes have them; write them, '
                                            'or leave them out of every class')
                for entry in classes if getattr(entry, field) is None]
    return problems


def plain(text: str) -> str:
    """Form in which texts are compared: case, spacing and hyphens do not make a difference.

    Args:
        text (str): Text as written.

    Returns:
        str: Its plain form.
    """
    return ' '.join(text.casefold().replace('-', ' ').split())


def _text_problems(field: str, text: str) -> Iterator[str]:
    if not text.strip():
        yield 'empty; write a text or remove the entry'
        return
    if text != ' '.join(text.split()):
        yield f'{text!r} has spaces or line breaks to spare; remove them'
    least, most = WORDS[re.split(r'[.\[]', field)[0]]
    words = len(text.split())
    if not least <= words <= most:
        yield f'{text!r} has {words} words; expected {least} to {most}'
    leftover = LEFTOVERS.search(text)
    if field != 'label' and leftover:
        yield (f'{text!r} has a leftover of a prompt or an answer, {leftover.group().strip()!r}; '
               'keep only the text itself')


def _repeated(classes: Sequence[ClassText]) -> Iterator[Problem]:
    seen: dict[str, tuple[int, str]] = {}
    # Labels first, so that a synonym equal to a later label is reported as that.
    for index, entry in enumerate(classes):
        first, _ = seen.setdefault(plain(entry.label), (index, 'label'))
        if first != index:
            yield Problem(entry.label, 'label', f'equals that of class {first}, '
                          f'{classes[first].label!r}; every class needs its own label')
    for index, entry in enumerate(classes):
        for field, text in entry.texts():
            if not field.startswith(('synonyms', 'descriptions')):
                continue
            other, other_field = seen.setdefault(plain(text), (index, field))
            if (other, other_field) != (index, field):
                yield Problem(entry.label, field, f'{text!r} is also {other_field} of class '
                              f'{classes[other].label!r}; write a text that is used once')


def _holds(text: str, label: str) -> bool:
    # The plain search first: the pattern is a hundred times slower and rarely needed.
    return label in text and bool(re.search(rf'(?<!\w){re.escape(label)}(?!\w)', text))

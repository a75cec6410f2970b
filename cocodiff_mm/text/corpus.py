"""The written text of a label set and where it comes from, in one JSON file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cocodiff_mm.utils.files import replace_file

from .class_text import ClassText, check_keys, get
from .rules import find_problems

_KEYS = ('label_set', 'language', 'provenance', 'sha256', 'classes')


@dataclass(frozen=True)
class Prompt:
    """A prompt by which texts were written.

    Args:
        id (str): Name and version, such as ``'coarse-1'``.
        text (str): The prompt, with ``{label}`` and ``{labels}`` unfilled.
    """

    id: str
    text: str

    @property
    def sha256(self) -> str:
        """str: Hash of the text."""
        return hashlib.sha256(self.text.encode('utf-8')).hexdigest()


@dataclass(frozen=True)
class Provenance:
    """Where the texts come from.

    Args:
        writer (str): The language model, or person, that wrote them.
        date (str): When, as YYYY-MM-DD.
        licence (str): Under which terms they may be used.
        prompts (dict[str, Prompt]): Prompt of every kind of text (``'coarse'``, ``'fine'``,
            ``'parts'``, ``'joints'``); empty for texts that a person wrote.
    """

    writer: str
    date: str
    licence: str
    prompts: dict[str, Prompt]

    @classmethod
    def from_json(cls, raw: Any, where: str) -> 'Provenance':
        """Read the ``provenance`` of a corpus file.

        Args:
            raw (Any): Parsed JSON.
            where (str): Begins every message.

        Returns:
            Provenance: The provenance.

        Raises:
            ValueError: If a key is missing or of another type.
        """
        check_keys(raw, cls.__dataclass_fields__, where)
        day = get(raw, 'date', str, where)
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise ValueError(f'{where}: "date" is {day!r}; expected YYYY-MM-DD') from error
        prompts = {kind: Prompt(get(prompt, 'id', str, f'{where}: prompts: {kind}'),
                                get(prompt, 'text', str, f'{where}: prompts: {kind}'))
                   for kind, prompt in get(raw, 'prompts', dict, where).items()}
        return cls(get(raw, 'writer', str, where), day, get(raw, 'licence', str, where), prompts)

    def to_json(self) -> dict[str, Any]:
        """The provenance as an object for ``json``.

        Returns:
            dict: What ``from_json`` reads.
        """
        return {'writer': self.writer, 'date': self.date, 'licence': self.licence,
                'prompts': {kind: {'id': prompt.id, 'text': prompt.text}
                            for kind, prompt in self.prompts.items()}}


@dataclass(frozen=True)
class Corpus:
    """Texts of all classes of a label set, in label order, and where they come from.

    Args:
        label_set (str): Name of the label set, such as ``'ntu120'``.
        language (str): Language code of the texts.
        provenance (Provenance): Writer, date, licence and prompts.
        classes (tuple[ClassText, ...]): One entry per class.
    """

    label_set: str
    language: str
    provenance: Provenance
    classes: tuple[ClassText, ...]

    @classmethod
    def load(cls, path: str | Path, check: bool = True) -> 'Corpus':
        """Read and validate a corpus file.

        Args:
            path (str | Path): JSON file with ``label_set``, ``language``, ``provenance``,
                ``classes`` and, unless written by hand, ``sha256``.
            check (bool): Whether the texts have to keep the rules; a review does without.
                Defaults to True.

        Returns:
            Corpus: The corpus.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no corpus, its content is not that of its hash, or a text
                breaks a rule; the message names file, class and field.
        """
        path = Path(path)
        raw = _read_json(path)
        check_keys(raw, _KEYS, f'{path}')
        corpus = cls(
            label_set=get(raw, 'label_set', str, f'{path}'),
            language=get(raw, 'language', str, f'{path}'),
            provenance=Provenance.from_json(get(raw, 'provenance', dict, f'{path}'),
                                            f'{path}: provenance'),
            classes=tuple(
                ClassText.from_json(entry, f'{path}: class {index}')
                for index, entry in enumerate(get(raw, 'classes', list, f'{path}'))))
        if not corpus.classes:
            raise ValueError(f'{path}: "classes" is empty; expected one entry per class')
        if raw.get('sha256', corpus.sha256) != corpus.sha256:
            raise ValueError(
                f'{path}: its "sha256" is {raw["sha256"]} and that of its content '
                f'{corpus.sha256}; if the texts were changed on purpose delete the line '
                '"sha256", otherwise fetch the file again')
        if check:
            corpus.validate(str(path))
        return corpus

    def save(self, path: str | Path) -> None:
        """Write the corpus; a file of that name is replaced only once all is written.

        Args:
            path (str | Path): JSON file to write; missing folders are made.
        """
        content = self._content()
        head = {key: content[key] for key in ('label_set', 'language', 'provenance')}
        text = json.dumps({**head, 'sha256': self.sha256, 'classes': content['classes']},
                          indent=1, ensure_ascii=False)
        with replace_file(path) as draft:
            draft.write_bytes(f'{text}\n'.encode())

    @property
    def labels(self) -> list[str]:
        """list[str]: Class names in label order."""
        return [entry.label for entry in self.classes]

    @property
    def sha256(self) -> str:
        """str: Hash of the content; the layout of the file does not change it."""
        content = json.dumps(
            self._content(), sort_keys=True, ensure_ascii=False, separators=(',', ':'))
        return hashlib.sha256(content.encode('utf-8')).hexdigest()

    def validate(self, source: str) -> None:
        """Check every rule that texts have to keep (``text/rules.py``).

        Args:
            source (str): Where the corpus comes from; begins the message.

        Raises:
            ValueError: Naming the first break and the number of the others.
        """
        problems = find_problems(self.classes)
        if problems:
            others = len(problems) - 1
            more = (f' (and {others} more; tools/text/generate.py --review lists them)'
                    if others else '')
            raise ValueError(f'{source}: {problems[0]}{more}')

    def select(self, labels: Sequence[str]) -> 'Corpus':
        """Corpus of some of the classes, in the order asked for.

        Args:
            labels (Sequence[str]): Labels of the classes, as in the dataset.

        Returns:
            Corpus: Their texts.

        Raises:
            ValueError: If the corpus lacks one of them.
        """
        entries = {entry.label: entry for entry in self.classes}
        missing = [label for label in labels if label not in entries]
        if missing:
            raise ValueError(
                f'corpus {self.label_set!r} has no texts for {len(missing)} of {len(labels)} '
                f'classes: {missing[:5]}; add them, or spell the labels as the corpus does')
        return Corpus(self.label_set, self.language, self.provenance,
                      tuple(entries[label] for label in labels))

    def _content(self) -> dict[str, Any]:
        return {'label_set': self.label_set, 'language': self.language,
                'provenance': self.provenance.to_json(),
                'classes': [entry.to_json() for entry in self.classes]}


def read_labels(path: str | Path) -> list[str]:
    """Read a label list: UTF-8, one label a line, in label order.

    Args:
        path (str | Path): Text file.

    Returns:
        list[str]: The labels, without the spaces around them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8 or empty, a line is empty, or two labels are equal.
    """
    text = _read_text(Path(path), 'label list')
    labels = [line.strip() for line in text.removesuffix('\n').split('\n')]
    if not text.strip():
        raise ValueError(f'{path}: no labels; write one a line')
    first: dict[str, int] = {}
    for number, label in enumerate(labels, 1):
        if not label:
            raise ValueError(f'{path}: line {number} is empty; every line is a label, and the '
                             'lines are in the order of the class indices')
        earlier = first.setdefault(label.casefold(), number)
        if earlier != number:
            raise ValueError(f'{path}: lines {earlier} and {number} are both {label!r}; every '
                             'class needs its own label')
    return labels


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path, 'corpus'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}: not valid JSON at line {error.lineno}, '
                         f'column {error.colno}: {error.msg}') from error


def _read_text(path: Path, what: str) -> str:
    if not path.is_file():
        raise FileNotFoundError(f'no {what} file at {path}; check the path')
    try:
        return path.read_bytes().decode('utf-8-sig').replace('\r\n', '\n')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path}: not UTF-8 at byte {error.start}; save the file as UTF-8') from error

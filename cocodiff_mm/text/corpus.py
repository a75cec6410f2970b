"""The written text of a label set: a name with synonyms (coarse) and descriptions (fine)."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MIN_SYNONYMS = 5
MIN_DESCRIPTIONS = 3
PROVENANCE_KEYS = ('writer', 'date', 'licence', 'prompts')
PROMPT_KEYS = ('coarse', 'fine')


@dataclass(frozen=True)
class ClassText:
    """Texts of one action class.

    Args:
        label (str): Name of the class, exactly as in the dataset.
        synonyms (tuple[str, ...]): Other names of the same action.
        descriptions (tuple[str, ...]): Sentences about how the body moves.
    """

    label: str
    synonyms: tuple[str, ...]
    descriptions: tuple[str, ...]

    @property
    def coarse(self) -> tuple[str, ...]:
        """tuple[str, ...]: The label, then its synonyms."""
        return (self.label, *self.synonyms)


@dataclass(frozen=True)
class Corpus:
    """Texts of all classes of a label set, in label order, and where they come from.

    Args:
        label_set (str): Name of the label set, such as ``'ntu120'``.
        language (str): Language code of the texts.
        provenance (dict): ``writer``, ``date``, ``licence`` and ``prompts`` (with ``coarse`` and
            ``fine``) of the texts.
        classes (tuple[ClassText, ...]): One entry per class.
    """

    label_set: str
    language: str
    provenance: dict[str, Any]
    classes: tuple[ClassText, ...]

    @classmethod
    def load(cls, path: str | Path) -> 'Corpus':
        """Read and validate a corpus file.

        Args:
            path (str | Path): JSON file with ``label_set``, ``language``, ``provenance`` and
                ``classes``, a list of ``{label, synonyms, descriptions}``.

        Returns:
            Corpus: The validated corpus.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file breaks a rule; the message names file, class and field.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f'no corpus file at {path}; give the path of a corpus JSON')
        try:
            raw = json.loads(path.read_bytes().decode('utf-8'))
        except UnicodeDecodeError as error:
            raise ValueError(
                f'{path}: not UTF-8 at byte {error.start}; save the file as UTF-8') from error
        except json.JSONDecodeError as error:
            raise ValueError(f'{path}: not valid JSON at line {error.lineno}, '
                             f'column {error.colno}: {error.msg}') from error
        corpus = cls(
            label_set=_get(raw, 'label_set', str, f'{path}'),
            language=_get(raw, 'language', str, f'{path}'),
            provenance=_get(raw, 'provenance', dict, f'{path}'),
            classes=tuple(
                _class_text(entry, f'{path}: class {index}')
                for index, entry in enumerate(_get(raw, 'classes', list, f'{path}'))))
        corpus.validate(str(path))
        return corpus

    @property
    def labels(self) -> list[str]:
        """list[str]: Class names in label order."""
        return [entry.label for entry in self.classes]

    @property
    def sha256(self) -> str:
        """str: Hash of the content; the layout of the file does not change it."""
        content = json.dumps(
            asdict(self), sort_keys=True, ensure_ascii=False, separators=(',', ':'))
        return hashlib.sha256(content.encode('utf-8')).hexdigest()

    def validate(self, source: str) -> None:
        """Check every rule a corpus has to keep.

        Args:
            source (str): Where the corpus comes from; begins every message.

        Raises:
            ValueError: At the first empty text, class with too few texts, label or text that
                occurs twice, or text that names another class.
        """
        if not self.classes:
            raise ValueError(f'{source}: "classes" is empty; expected one entry per class')
        for key in PROVENANCE_KEYS:
            _get(self.provenance, key, dict if key == 'prompts' else str, f'{source}: provenance')
        for key in PROMPT_KEYS:
            _get(self.provenance['prompts'], key, str, f'{source}: provenance: prompts')
        for index, entry in enumerate(self.classes):
            _check_counts(entry, f'{source}: class {index} ({entry.label!r})')
        self._check_unique(source)
        self._check_names(source)

    def _check_unique(self, source: str) -> None:
        seen: dict[str, tuple[int, str]] = {}
        for index, entry in enumerate(self.classes):
            # Labels first, so that a synonym equal to a later label is reported as naming it.
            first = seen.setdefault(_plain(entry.label), (index, 'label'))
            if first != (index, 'label'):
                raise ValueError(f'{source}: class {index} ({entry.label!r}): label is that of '
                                 f'class {first[0]}; every class needs its own label')
        for index, entry in enumerate(self.classes):
            for field, text in _texts(entry):
                other, other_field = seen.setdefault(_plain(text), (index, field))
                if (other, other_field) != (index, field):
                    raise ValueError(
                        f'{source}: class {index} ({entry.label!r}): {field} {text!r} is also '
                        f'{other_field} of class {other} ({self.classes[other].label!r}); '
                        'write a text that is used once')

    def _check_names(self, source: str) -> None:
        labels = {label: _plain(label) for label in self.labels}
        for index, entry in enumerate(self.classes):
            # 'throw' is part of 'throw up cap or hat': such a class cannot avoid the word.
            own = labels[entry.label]
            foreign = {label: plain for label, plain in labels.items() if not _holds(own, plain)}
            for field, text in _texts(entry):
                content = _plain(text)
                for label, plain in foreign.items():
                    if _holds(content, plain):
                        raise ValueError(
                            f'{source}: class {index} ({entry.label!r}): {field} {text!r} names '
                            f'another class, {label!r}; say it in other words')


def _texts(entry: ClassText) -> list[tuple[str, str]]:
    return ([(f'synonyms[{i}]', text) for i, text in enumerate(entry.synonyms)]
            + [(f'descriptions[{i}]', text) for i, text in enumerate(entry.descriptions)])


def _plain(text: str) -> str:
    """Form in which texts are compared: case, spacing and hyphens do not make a difference."""
    return ' '.join(text.casefold().replace('-', ' ').split())


def _holds(text: str, label: str) -> bool:
    # The plain search first: the pattern is a hundred times slower and rarely needed.
    return label in text and bool(re.search(rf'(?<!\w){re.escape(label)}(?!\w)', text))


def _check_counts(entry: ClassText, where: str) -> None:
    for field, text in [('label', entry.label), *_texts(entry)]:
        if not text.strip():
            raise ValueError(f'{where}: {field} is empty; write a text or remove the entry')
    for field, least in (('synonyms', MIN_SYNONYMS), ('descriptions', MIN_DESCRIPTIONS)):
        count = len(getattr(entry, field))
        if count < least:
            raise ValueError(f'{where}: {count} {field}, expected at least {least}; write more')


def _class_text(raw: Any, where: str) -> ClassText:
    label = _get(raw, 'label', str, where)
    where = f'{where} ({label!r})'
    return ClassText(label, _strings(raw, 'synonyms', where),
                     _strings(raw, 'descriptions', where))


def _strings(raw: Any, key: str, where: str) -> tuple[str, ...]:
    values: Sequence[Any] = _get(raw, key, list, where)
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise ValueError(f'{where}: {key}[{index}] is {value!r}; expected a string')
    return tuple(values)


def _get(raw: Any, key: str, kind: type, where: str) -> Any:
    if not isinstance(raw, Mapping):
        raise ValueError(f'{where}: got a {type(raw).__name__}; expected a JSON object')
    if key not in raw:
        raise ValueError(f'{where}: key {key!r} is missing; present are {sorted(raw)}')
    if not isinstance(raw[key], kind):
        raise ValueError(f'{where}: {key!r} is a {type(raw[key]).__name__}; '
                         f'expected a {kind.__name__}')
    if isinstance(raw[key], str) and not raw[key].strip():
        raise ValueError(f'{where}: {key!r} is empty; write a text')
    return raw[key]

"""The texts of one action class: names, descriptions, body parts and joints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PARTS = ('head', 'hands', 'arms', 'torso', 'hips', 'legs', 'feet')
# Without sides: in most classes either arm may act.
JOINT_NAMES = ('head', 'neck', 'shoulder', 'elbow', 'wrist', 'hand', 'spine', 'hip', 'knee',
               'ankle', 'foot')
MAX_JOINTS = 6


@dataclass(frozen=True)
class JointText:
    """Which joints matter most for a class, and how they move.

    Args:
        names (tuple[str, ...]): 1 to 6 of ``JOINT_NAMES``, the most important first.
        global_text (str): Sentence about the body as a whole.
        local_text (str): Sentence about the named joints.
    """

    names: tuple[str, ...]
    global_text: str
    local_text: str


@dataclass(frozen=True)
class ClassText:
    """Texts of one action class.

    Args:
        label (str): Name of the class, exactly as in the dataset.
        synonyms (tuple[str, ...]): Other names of the same action.
        descriptions (tuple[str, ...]): What moves, how and in what order; one or two sentences.
        parts (tuple[str, ...], optional): A phrase for each of ``PARTS``, in that order.
        joints (JointText, optional): The joints that matter.
    """

    label: str
    synonyms: tuple[str, ...]
    descriptions: tuple[str, ...]
    parts: tuple[str, ...] | None = None
    joints: JointText | None = None

    @property
    def coarse(self) -> tuple[str, ...]:
        """tuple[str, ...]: The label, then its synonyms."""
        return (self.label, *self.synonyms)

    @classmethod
    def from_json(cls, raw: Any, where: str) -> 'ClassText':
        """Read an entry of a corpus file.

        Args:
            raw (Any): Parsed JSON: an object with ``label``, ``synonyms``, ``descriptions`` and,
                where written, ``parts`` and ``joints``.
            where (str): Begins every message.

        Returns:
            ClassText: The entry.

        Raises:
            ValueError: If a key is missing, unknown or of another type; the message names it.
        """
        label = get(raw, 'label', str, where)
        where = f'{where} ({label!r})'
        check_keys(raw, cls.__dataclass_fields__, where)
        return cls(label, strings(raw, 'synonyms', where), strings(raw, 'descriptions', where),
                   read_parts(raw['parts'], where) if 'parts' in raw else None,
                   read_joints(raw['joints'], where) if 'joints' in raw else None)

    def to_json(self) -> dict[str, Any]:
        """The entry as an object for ``json``, keys in reading order.

        Returns:
            dict: What ``from_json`` reads.
        """
        entry: dict[str, Any] = {'label': self.label, 'synonyms': list(self.synonyms),
                                 'descriptions': list(self.descriptions)}
        if self.parts is not None:
            entry['parts'] = dict(zip(PARTS, self.parts, strict=True))
        if self.joints is not None:
            entry['joints'] = {'names': list(self.joints.names),
                               'global_text': self.joints.global_text,
                               'local_text': self.joints.local_text}
        return entry

    def texts(self) -> list[tuple[str, str]]:
        """Every text but the label, each with the name of its field.

        Returns:
            list[tuple[str, str]]: Such as ``('synonyms[0]', 'taking a sip')``.
        """
        texts = [(f'synonyms[{i}]', text) for i, text in enumerate(self.synonyms)]
        texts += [(f'descriptions[{i}]', text) for i, text in enumerate(self.descriptions)]
        if self.parts is not None:
            texts += [(f'parts.{part}', text)
                      for part, text in zip(PARTS, self.parts, strict=True)]
        if self.joints is not None:
            texts += [('joints.global_text', self.joints.global_text),
                      ('joints.local_text', self.joints.local_text)]
        return texts


def read_parts(raw: Any, where: str) -> tuple[str, ...]:
    """Read the ``parts`` of an entry.

    Args:
        raw (Any): Parsed JSON: an object with a phrase for each of ``PARTS`` and no other key.
        where (str): Begins every message.

    Returns:
        tuple[str, ...]: The phrases in the order of ``PARTS``.

    Raises:
        ValueError: If a part is missing, unknown or no string.
    """
    phrases = tuple(get(raw, part, str, f'{where}: parts') for part in PARTS)
    check_keys(raw, PARTS, f'{where}: parts')
    return phrases


def read_joints(raw: Any, where: str) -> JointText:
    """Read the ``joints`` of an entry.

    Args:
        raw (Any): Parsed JSON: an object with ``names``, ``global_text`` and ``local_text``.
        where (str): Begins every message.

    Returns:
        JointText: The joints.

    Raises:
        ValueError: If a key is missing or of another type, or a joint is unknown or repeated.
    """
    where = f'{where}: joints'
    names = strings(raw, 'names', where)
    if not 1 <= len(names) <= MAX_JOINTS or len(set(names)) < len(names) \
            or not set(names) <= set(JOINT_NAMES):
        raise ValueError(f'{where}: names are {list(names)}; expected 1 to {MAX_JOINTS} different '
                         f'ones of {", ".join(JOINT_NAMES)}')
    return JointText(names, get(raw, 'global_text', str, where),
                     get(raw, 'local_text', str, where))


def get(raw: Any, key: str, kind: type, where: str) -> Any:
    """Value of a key of parsed JSON, checked.

    Args:
        raw (Any): Parsed JSON, expected to be an object.
        key (str): Key that has to be there.
        kind (type): Type of its value; a string must not be blank either.
        where (str): Begins every message.

    Returns:
        Any: The value, of type ``kind``.

    Raises:
        ValueError: If ``raw`` is no object, or the key is missing, blank or of another type.
    """
    if not isinstance(raw, Mapping):
        raise ValueError(f'{where}: got a {type(raw).__name__}; expected a JSON object')
    if key not in raw:
        raise ValueError(f'{where}: key {key!r} is missing; present are {sorted(raw)}')
    if not isinstance(raw[key], kind):
        raise ValueError(f'{where}: {key!r} is a {type(raw[key]).__name__}; '
                         f'expected a {kind.__name__}')
    if isinstance(raw[key], str):
        _check_text(raw[key], f'{where}: {key!r}')
        if not raw[key].strip():
            raise ValueError(f'{where}: {key!r} is empty; write a text')
    return raw[key]


def check_keys(raw: Any, known: Iterable[str], where: str) -> None:
    """Refuse keys of parsed JSON that nobody reads, such as misspelt ones.

    Args:
        raw (Any): Parsed JSON, expected to be an object.
        known (Iterable[str]): Keys that it may have.
        where (str): Begins the message.

    Raises:
        ValueError: If ``raw`` is no object or has another key.
    """
    if not isinstance(raw, Mapping):
        raise ValueError(f'{where}: got a {type(raw).__name__}; expected a JSON object')
    known = tuple(known)
    unknown = sorted(set(raw) - set(known))
    if unknown:
        raise ValueError(f'{where}: unknown keys {unknown}; expected {", ".join(known)}')


def strings(raw: Any, key: str, where: str) -> tuple[str, ...]:
    """A list of strings under a key of parsed JSON, checked.

    Args:
        raw (Any): Parsed JSON, expected to be an object.
        key (str): Key that has to be there.
        where (str): Begins every message.

    Returns:
        tuple[str, ...]: The strings.

    Raises:
        ValueError: If the key is missing or its value is no list of strings.
    """
    values: Sequence[Any] = get(raw, key, list, where)
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise ValueError(f'{where}: {key}[{index}] is {value!r}; expected a string')
        _check_text(value, f'{where}: {key}[{index}]')
    return tuple(values)


def _check_text(text: str, where: str) -> None:
    # JSON can spell half a character, "\\ud83d", which no file can hold.
    if any('\ud800' <= letter <= '\udfff' for letter in text):
        raise ValueError(f'{where} has half a character, {text!r}; write the text again')

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_EXAMPLES = 3


@dataclass(frozen=True)
class BadEntry:
    """A clip that did not make it into the store, and why."""

    name: str
    reason: str


@dataclass
class Repair:
    """How many clips were repaired in one way, with some of them."""

    clips: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What a conversion found.

    Args:
        name (str): Data set.
        clips (int): Clips in the store.
        frames (int): Their frames.
        splits (dict[str, int]): Clips per split.
        published (dict[str, int]): Clips that the literature gives for splits.
        skipped (dict[str, list[str]]): Clips left out on purpose by reason.
        repaired (dict[str, Repair]): Repairs by kind, numbers written as N.
        bad (list[BadEntry]): Clips that could not be used.
        remarks (list[str]): What was guessed or is odd.
        taken_up (int): Clips that an interrupted run had converted before.
        forgotten (int): Clips that an interrupted run had converted and that are read again, for
            something changed since.
        seconds (float): How long this run took.
        members (dict[str, list[str]]): Names of clips by split.
    """

    name: str
    clips: int = 0
    frames: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    repaired: dict[str, Repair] = field(default_factory=dict)
    bad: list[BadEntry] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    taken_up: int = 0
    forgotten: int = 0
    seconds: float = 0.0
    members: dict[str, list[str]] = field(default_factory=dict)

    def add_bad(self, name: str, reason: str) -> None:
        """Note a clip that could not be used."""
        self.bad.append(BadEntry(_plain(name), _plain(reason)))

    def add_skipped(self, skipped: Mapping[str, Iterable[str]]) -> None:
        """Note clips left out on purpose: reason to names."""
        for reason, names in skipped.items():
            self.skipped[reason] = [_plain(name) for name in names]

    def add_notes(self, name: str, notes: Iterable[str]) -> None:
        """Count the repairs of a clip."""
        for note in notes:
            repair = self.repaired.setdefault(re.sub(r'\d+', 'N', note), Repair())
            repair.clips += 1
            if len(repair.examples) < _EXAMPLES:
                repair.examples.append(f'{name}: {note}')

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without what only this run is about."""
        return {key: value for key, value in asdict(self).items()
                if key not in ('taken_up', 'forgotten', 'seconds', 'members')}

    def text(self, most_bad: int | None = None) -> str:
        """Lines for a reader.

        Args:
            most_bad (int, optional): How many bad clips are listed; all by default.
        """
        lines = [f'{self.name}: {self.clips} clips, {self.frames} frames', *self.remarks]
        if self.splits:
            lines += ['Splits:', *(f'  {name:20} {count:7d}{self._published(name)}'
                                   for name, count in self.splits.items())]
        for reason, names in self.skipped.items():
            lines.append(f'Left out on purpose, {reason}: {len(names)}{_such_as(names)}')
        for kind, repair in self.repaired.items():
            lines += [f'Repaired, {kind}: {repair.clips} clips, e.g.',
                      *(f'  {example}' for example in repair.examples)]
        lines.append(f'Bad clips: {len(self.bad) or "none"}')
        shown = self.bad[:most_bad]
        lines += [f'  {entry.reason}' for entry in shown]
        if len(shown) < len(self.bad):
            lines.append(f'  and {len(self.bad) - len(shown)} more')
        return '\n'.join(lines)

    def _published(self, split: str) -> str:
        expected = self.published.get(split)
        if expected is None:
            return ''
        if expected == self.splits[split]:
            return '  as published'
        return f'  published: {expected} ({self.splits[split] - expected:+d})'


def _plain(text: str) -> str:
    """Names of files need not be text; what is not is spelled out, so that it can be written."""
    return text.encode('utf-8', 'backslashreplace').decode()


def _such_as(names: list[str]) -> str:
    if not names:
        return ''
    return f' ({", ".join(names[:_EXAMPLES])}{", ..." if len(names) > _EXAMPLES else ""})'

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OK, NOTE, PROBLEM = LEVELS = 'OK', 'note', 'PROBLEM'


@dataclass(frozen=True)
class Finding:
    """One sentence about a data set.

    Args:
        level (str): ``OK``, ``NOTE`` (worth knowing) or ``PROBLEM`` (do not train).
        topic (str): What was looked at, e.g. ``'lengths'``.
        text (str): What was found.
        advice (str): What to do about it. Defaults to ''.
        examples (str): Which clips, the first few. Defaults to ''.
        protocol (str, optional): The pair of splits it is about; None for the whole data set.
    """

    level: str
    topic: str
    text: str
    advice: str = ''
    examples: str = ''
    protocol: str | None = None

    @property
    def sentence(self) -> str:
        """Text with the examples."""
        return f'{self.text}: {self.examples}' if self.examples else self.text


@dataclass(frozen=True)
class Verdict:
    """Whether to train.

    Args:
        ready (bool): Whether there is something to train with.
        text (str): The answer in a line.
    """

    ready: bool
    text: str


def judge(findings: Sequence[Finding], protocols: Sequence[str]) -> Verdict:
    """Sum findings up: a problem of one protocol leaves the others usable.

    Args:
        findings (Sequence[Finding]): All findings.
        protocols (Sequence[str]): Names of the pairs of splits that were looked at.

    Returns:
        Verdict: Ready if nothing is wrong with all of the data and with one protocol at least.
    """
    problems = [finding for finding in findings if finding.level == PROBLEM]
    bad = [name for name in protocols if any(f.protocol == name for f in problems)]
    good = [name for name in protocols if name not in bad]
    general = [finding for finding in problems if finding.protocol is None]
    if general or (problems and not good):
        first = (general or problems)[0]
        more = len(problems) - 1
        return Verdict(False, f'Do not train on this: {first.text}'
                       + (f' (and {count(more, "more problem")}).' if more else '.'))
    if bad:
        return Verdict(True, f'Ready to train with split {listed(good, len(good))}. '
                       f'Do not train with split {listed(bad, len(bad))}: see the '
                       f'{"problem" if len(problems) == 1 else "problems"} above.')
    notes = sum(finding.level == NOTE for finding in findings)
    return Verdict(True, 'Ready to train' + (f' (read the {count(notes, "note")} first).'
                                             if notes else '.'))


def format_findings(findings: Iterable[Finding]) -> str:
    """Findings as lines for a terminal, the worst last, where they are seen."""
    lines = []
    for finding in sorted(findings, key=lambda finding: LEVELS.index(finding.level)):
        lines.append(f'{finding.level:8} {finding.topic}: {finding.sentence}')
        if finding.advice:
            lines.append(f'{"":8} -> {finding.advice}')
    return '\n'.join(lines)


def count(number: int, noun: str) -> str:
    """A number with its noun, e.g. ``'1,484 clips'``."""
    ending = '' if number == 1 else 'es' if noun.endswith('s') else 's'
    return f'{number:,} {noun}{ending}'


def share(part: int, whole: int, noun: str) -> str:
    """A part of a whole, e.g. ``'5 of 464 test clips (1.08 %)'``."""
    percent = 100 * part / max(whole, 1)
    return f'{part:,} of {count(whole, noun)} ({percent:.3g} %)'


def listed(names: Sequence[object], limit: int = 4) -> str:
    """Some names and how many more there are, e.g. ``'a, b and 3 more'``."""
    shown = ', '.join(str(name) for name in names[:limit])
    return shown + (f' and {len(names) - limit:,} more' if len(names) > limit else '')

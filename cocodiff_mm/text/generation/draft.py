import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cocodiff_mm.text.class_text import ClassText
from cocodiff_mm.text.generation.prompts import KINDS
from cocodiff_mm.text.generation.schema import BadAnswer, class_fields, read_answer
from cocodiff_mm.text.rules import class_problems, find_problems, plain

_FIELDS = {'coarse': 'synonyms', 'fine': 'descriptions', 'parts': 'parts', 'joints': 'joints'}


class Draft:
    """A corpus that is being written: which answers are there and which new one would fit.

    Args:
        labels (Sequence[str]): Classes in label order.

    Raises:
        ValueError: If a label breaks a rule, so that no corpus could keep them all.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        bare = [ClassText(label, (), ()) for label in self.labels]
        wrong = [problem for problem in find_problems(bare) if problem.field == 'label']
        if wrong:
            raise ValueError(f'{wrong[0]}; change the label list before anything is asked')
        self._fields: dict[str, dict[str, Any]] = {label: {} for label in self.labels}
        # Plain form of a text -> what it is already.
        self._taken = {plain(label): f'the label {label!r}' for label in self.labels}
        self._writers: dict[tuple[str, str], str] = {}

    def __len__(self) -> int:
        return len(self._writers)

    @property
    def total(self) -> int:
        """int: Answers of a complete corpus."""
        return len(self.labels) * len(KINDS)

    def missing(self) -> list[tuple[str, str]]:
        """Label and kind of what is not there yet, class by class."""
        return [(label, kind) for label in self.labels for kind in KINDS
                if (label, kind) not in self._writers]

    @property
    def writer(self) -> str:
        """str: Who wrote the answers."""
        return ', '.join(sorted(set(self._writers.values())))

    def take_up(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add the answers of an earlier run; those that break a rule are missing again."""
        open_ones = set(self.missing())
        for record in records:
            label, kind = record.get('label'), record.get('kind')
            if (label, kind) not in open_ones:
                continue
            try:
                self.add(label, kind, json.dumps(record.get('answer')), str(record.get('model')))
            except BadAnswer:
                continue
            open_ones.remove((label, kind))

    def classes(self) -> tuple[ClassText, ...]:
        """Texts of all classes; nothing may be missing."""
        return tuple(ClassText(label, **self._fields[label]) for label in self.labels)

    def add(self, label: str, kind: str, content: str, writer: str) -> dict[str, Any]:
        """Take an answer if it can be used.

        Args:
            label (str): The class.
            kind (str): Kind of text.
            content (str): What the model wrote.
            writer (str): Name of the model.

        Returns:
            dict: The answer as it was taken.

        Raises:
            BadAnswer: If it breaks the form or a rule, or repeats what was taken before.
        """
        answer = read_answer(kind, content)
        fields = class_fields(kind, answer)
        texts = answer[_FIELDS[kind]] if kind in ('coarse', 'fine') else []
        reasons = self._broken_rules(label, kind, fields)
        new: dict[str, str] = {}
        for text in texts:
            form = plain(text)
            if form in self._taken or form in new:
                already = self._taken.get(form, 'in this answer')
                reasons.append(f'{text!r} is {already} already; write another text')
            new[form] = f'a text of the class {label!r}'
        if reasons:
            raise BadAnswer(reasons)
        self._fields[label].update(fields)
        self._writers[label, kind] = writer
        self._taken.update(new)
        return answer

    def _broken_rules(self, label: str, kind: str, fields: Mapping[str, Any]) -> list[str]:
        """What is wrong with the fields of one kind; the others need not be there yet."""
        entry = ClassText(label, **{'synonyms': (), 'descriptions': (), **fields})
        return [f'{problem.field}: {problem.message}'
                for problem in class_problems(entry, self.labels)
                if problem.field.startswith(_FIELDS[kind])]

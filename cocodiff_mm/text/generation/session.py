from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from cocodiff_mm.text.corpus import Prompt
from cocodiff_mm.text.generation.ask import ChatClient, EndpointError, Reply
from cocodiff_mm.text.generation.askers import Askers
from cocodiff_mm.text.generation.draft import Draft
from cocodiff_mm.text.generation.journal import Journal
from cocodiff_mm.text.generation.prompts import ask_again, first_messages
from cocodiff_mm.text.generation.schema import BadAnswer
from cocodiff_mm.utils.progress_bar import ProgressBar

TRIES = 3
# So many classes in a row, and the requests are wrong rather than the questions.
_REJECTED_CLASSES = 3


@dataclass(frozen=True)
class Question:
    """A conversation about one text of one class.

    Args:
        label (str): The class.
        kind (str): Kind of text.
        messages (list[dict[str, str]]): What is sent.
        tries (int): Which answer this is about. Defaults to 1.
    """

    label: str
    kind: str
    messages: list[dict[str, str]]
    tries: int = 1


@dataclass(frozen=True)
class Failure:
    """A text that could not be had in this run.

    Args:
        label (str): The class.
        kind (str): Kind of text.
        reason (str): Why.
    """

    label: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f'{self.label}, {self.kind}: {self.reason}'


class Session:
    """Has the missing texts of a draft written; keeps every one as soon as it is good.

    Args:
        draft (Draft): What is there; grows.
        journal (Journal): Where answers are kept.
        client (ChatClient): Asks the questions.
        prompts (Mapping[str, Prompt]): Prompts by kind.

    Attributes:
        failures (list[Failure]): What could not be had.
    """

    def __init__(self, draft: Draft, journal: Journal, client: ChatClient,
                 prompts: Mapping[str, Prompt]) -> None:
        self.draft, self.journal, self.client = draft, journal, client
        self.failures: list[Failure] = []
        self._questions = [
            Question(label, kind, first_messages(prompts[kind], label, draft.labels))
            for label, kind in draft.missing()]
        self._replies = self._prompt_tokens = self._completion_tokens = 0

    def run(self, concurrency: int, show: bool = False) -> None:
        """Ask until every question is answered or has failed.

        Args:
            concurrency (int): Questions asked at the same time.
            show (bool): Whether progress is shown. Defaults to False.

        Raises:
            EndpointError: If the endpoint does not answer, or takes no question at all.
            KeyboardInterrupt: At Ctrl-C.
            ValueError: If the disk refuses.
        """
        askers = Askers(lambda question: self.client.ask(question.kind, question.messages),
                        min(concurrency, max(len(self._questions), 1)))
        for question in self._questions:
            askers.put(question)
        with closing(ProgressBar(self.draft.total, show, 'answers')) as progress, \
                askers.interruptible():
            try:
                done = len(self.draft)
                while done < self.draft.total:
                    question = self._judge(*askers.get())
                    if question is not None:
                        askers.put(question)
                    done = len(self.draft) + len(self.failures)
                    progress.update(done)
            finally:
                askers.stop()

    @property
    def heard_of(self) -> bool:
        """bool: Whether anything came back, of use or not."""
        return bool(self._replies or self.failures)

    def summary(self) -> str:
        """Tokens that were used, as told by the server, and what was peculiar; may be empty."""
        if not self._replies:
            return ''
        used = (f'{self._replies} answers, {self._prompt_tokens:,} prompt tokens and '
                f'{self._completion_tokens:,} completion tokens as told by the server')
        if not self.client.plain_json:
            return used
        return f'the server knows no JSON schemas and was asked for plain JSON objects\n{used}'

    def _judge(self, question: Question, reply: Reply) -> Question | None:
        """Keep an answer, give it up, or say what is to be asked next."""
        if reply.rejection is not None:
            return self._reject(question, reply.rejection)
        self._replies += 1
        self._prompt_tokens += reply.prompt_tokens
        self._completion_tokens += reply.completion_tokens
        label, kind = question.label, question.kind
        if reply.refusal is not None:
            return self._fail(question, f'the model refuses: {_line(reply.refusal)}')
        if not reply.complete:
            return self._fail(question, 'the answer is cut off at the limit of tokens; let the '
                              'server allow more, or take another model')
        try:
            answer = self.draft.add(label, kind, reply.content, reply.model)
        except BadAnswer as error:
            if question.tries == TRIES:
                return self._fail(question, f'{TRIES} answers can not be used, the last because '
                                  f'{_line(str(error))}')
            messages = ask_again(question.messages, reply.content, error.reasons)
            return replace(question, messages=messages, tries=question.tries + 1)
        self.journal.append(dict(label=label, kind=kind, answer=answer, model=reply.model))
        return None

    def _reject(self, question: Question, reason: str) -> None:
        self._fail(question, reason)
        classes = {failure.label for failure in self.failures}
        # With answers from before the first questions left may well be the odd ones.
        if not self._replies and not len(self.draft) and len(classes) == _REJECTED_CLASSES:
            raise EndpointError(f'{reason}; so it did with each question about the first '
                                f'{_REJECTED_CLASSES} classes, so check --model and --base-url')

    def _fail(self, question: Question, reason: str) -> None:
        self.failures.append(Failure(question.label, question.kind, reason))


def _line(text: str) -> str:
    return ' '.join(text.split())[:500]

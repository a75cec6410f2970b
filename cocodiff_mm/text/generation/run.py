from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cocodiff_mm.text.corpus import Corpus, Prompt, Provenance
from cocodiff_mm.text.generation.ask import ChatClient, EndpointError
from cocodiff_mm.text.generation.draft import Draft
from cocodiff_mm.text.generation.endpoint import Endpoint
from cocodiff_mm.text.generation.estimate import estimate, estimate_table
from cocodiff_mm.text.generation.journal import (
    Journal,
    journal_header,
    kept_records,
    partial_path,
)
from cocodiff_mm.text.generation.prompts import load_prompts
from cocodiff_mm.text.generation.session import Session

LANGUAGE = 'en'
LICENCE = 'unspecified; see the terms of the model that wrote it'


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a sentence that says what is kept."""


class Incomplete(ValueError):
    """Some answers could not be used, so there is no corpus yet."""


@dataclass(frozen=True)
class Commission:
    """What is to be written, and by whom.

    Args:
        labels (tuple[str, ...]): Classes in label order.
        out (Path): Corpus file to make.
        endpoint (Endpoint): Who is asked.
        label_set (str): Name of the label set.
        licence (str): Licence of the texts.
        overwrite (bool): Whether a file at ``out`` may be replaced. Defaults to False.
    """

    labels: tuple[str, ...]
    out: Path
    endpoint: Endpoint
    label_set: str
    licence: str = LICENCE
    overwrite: bool = False


def plan(commission: Commission) -> str:
    """What a run would ask and about what it would take; nothing is asked or written.

    Args:
        commission (Commission): What is to be written.

    Returns:
        str: A table.

    Raises:
        ValueError: If the partial work at hand is of another run.
    """
    prompts = load_prompts()
    records = kept_records(partial_path(commission.out), _header(commission, prompts))
    return _plan(commission, _draft(commission, records), prompts)


def generate(commission: Commission,
             client: ChatClient,
             concurrency: int = 4,
             say: Callable[[str], None] = print,
             show: bool = False) -> Corpus:
    """Have a corpus written, and save it once it is complete.

    Every answer is kept in ``OUT.partial`` as soon as it is there; the same commission goes on
    from these. The file is removed when the corpus is written.

    Args:
        commission (Commission): What is to be written.
        client (ChatClient): Asks the questions.
        concurrency (int): Questions asked at the same time. Defaults to 4.
        say (Callable): Takes the estimate, the tokens that were used and the like.
            Defaults to :func:`print`.
        show (bool): Whether progress is shown on stderr. Defaults to False.

    Returns:
        Corpus: The corpus at ``commission.out``.

    Raises:
        ValueError: If there is a file at ``out`` that may not be replaced, the partial work is of
            another run, or the disk refuses.
        EndpointError: If the endpoint does not answer; what was answered is kept.
        Incomplete: If some answers can not be used; the others are kept.
        Interrupted: At Ctrl-C; what was answered is kept.
    """
    _check_out(commission)
    prompts = load_prompts()
    path = partial_path(commission.out)
    with closing(Journal(path, _header(commission, prompts))) as journal:
        draft = _draft(commission, journal.records)
        say(_plan(commission, draft, prompts))
        session = Session(draft, journal, client, prompts)
        try:
            session.run(concurrency, show)
        except KeyboardInterrupt as error:
            raise Interrupted(f'interrupted; {_kept(session, path)}') from error
        except EndpointError as error:
            raise EndpointError(f'{error}; {_kept(session, path)}') from error
        finally:
            if session.summary():
                say(session.summary())
        if session.failures:
            raise Incomplete(f'no usable answer to {len(session.failures)} of the '
                             f'{draft.total} questions:\n{_listed(session)}\n'
                             f'No corpus is made yet; {_kept(session, path)}; another --model '
                             'may do what this one would not')
        corpus = _corpus(commission, draft, prompts)
        _save(corpus, commission.out)
        journal.remove()
    return corpus


def _header(commission: Commission, prompts: Mapping[str, Prompt]) -> dict[str, Any]:
    return journal_header(commission.labels, prompts, LANGUAGE)


def _check_out(commission: Commission) -> None:
    out = commission.out
    if out.is_dir():
        raise ValueError(f'--out {out} is a folder; give the name of a file')
    if out.exists() and not commission.overwrite:
        raise ValueError(f'{out} is there already; give another --out, or replace it with '
                         '--overwrite')


def _draft(commission: Commission, records: Iterable[Mapping[str, Any]]) -> Draft:
    draft = Draft(commission.labels)
    draft.take_up(records)
    return draft


def _plan(commission: Commission, draft: Draft, prompts: Mapping[str, Prompt]) -> str:
    missing = draft.missing()
    kept = f', {len(draft)} answers are there from before' if len(draft) else ''
    return (f'{len(draft.labels)} classes of {commission.label_set}: {len(missing)} requests to '
            f'{commission.endpoint.model} at {commission.endpoint.url}{kept}\n'
            + estimate_table(estimate(missing, draft.labels, prompts)))


def _listed(session: Session) -> str:
    order = session.draft.missing()
    failures = sorted(session.failures,
                      key=lambda failure: order.index((failure.label, failure.kind)))
    return '\n'.join(f'  {failure}' for failure in failures)


def _kept(session: Session, path: Path) -> str:
    draft = session.draft
    if not len(draft):
        return (f'none of the {draft.total} texts could be kept' if session.heard_of
                else f'none of the {draft.total} answers had come yet')
    return (f'{len(draft)} of {draft.total} answers are kept in {path}, the same command asks '
            'only for the others')


def _corpus(commission: Commission, draft: Draft, prompts: Mapping[str, Prompt]) -> Corpus:
    today = datetime.now(timezone.utc).date().isoformat()
    return Corpus(commission.label_set, LANGUAGE,
                  Provenance(draft.writer, today, commission.licence, dict(prompts)),
                  draft.classes())


def _save(corpus: Corpus, out: Path) -> None:
    try:
        corpus.save(out)
    except OSError as error:
        raise ValueError(f'{out} can not be written ({error.strerror}); all answers are kept in '
                         f'{partial_path(out)}, mend this and give the same command '
                         'again') from error

from collections import Counter
from collections.abc import Mapping, Sequence

from cocodiff_mm.text.corpus import Prompt
from cocodiff_mm.text.generation.prompts import KINDS, first_messages

CHARACTERS_PER_TOKEN = 4
# Mean length of the texts of a class in the shipped corpora, written as an answer.
ANSWER_CHARACTERS = {'coarse': 175, 'fine': 550, 'parts': 340, 'joints': 330}


def estimate(questions: Sequence[tuple[str, str]], labels: Sequence[str],
             prompts: Mapping[str, Prompt]) -> dict[str, tuple[int, int, int]]:
    """About how much a run will take.

    Args:
        questions (Sequence[tuple[str, str]]): Label and kind of what is still to be asked.
        labels (Sequence[str]): All classes of the label set.
        prompts (Mapping[str, Prompt]): Prompts by kind.

    Returns:
        dict[str, tuple[int, int, int]]: Requests, prompt tokens and completion tokens by kind.
    """
    requests, sent = Counter(), Counter()
    for label, kind in questions:
        requests[kind] += 1
        sent[kind] += sum(len(message['content'])
                          for message in first_messages(prompts[kind], label, labels))
    return {kind: (requests[kind], round(sent[kind] / CHARACTERS_PER_TOKEN),
                   round(requests[kind] * ANSWER_CHARACTERS[kind] / CHARACTERS_PER_TOKEN))
            for kind in KINDS}


def estimate_table(estimated: Mapping[str, tuple[int, int, int]]) -> str:
    """A table of an estimate, with its sum and how it was made."""
    total = tuple(map(sum, zip(*estimated.values(), strict=True)))
    rows = [f'{kind:<9}{requests:>9,}{prompt:>15,}{completion:>19,}'
            for kind, (requests, prompt, completion) in [*estimated.items(), ('together', total)]]
    head = f'{"":<9}{"requests":>9}{"prompt tokens":>15}{"completion tokens":>19}'
    return '\n'.join([
        head, *rows,
        f'Estimated at {CHARACTERS_PER_TOKEN} characters a token and answers as long as the texts '
        'that come with this package;',
        'answers that have to be asked for again and hidden reasoning of the model come on top.'])

from collections.abc import Sequence
from pathlib import Path

from cocodiff_mm.text.corpus import Prompt

KINDS = ('coarse', 'fine', 'parts', 'joints')
PROMPTS = Path(__file__).parents[1] / 'prompts'


def load_prompts() -> dict[str, Prompt]:
    """Prompts of the package, by kind of text.

    A prompt file begins with its id; the rest is what is sent, with ``{labels}`` and ``{label}``
    where the label set and the class go.

    Returns:
        dict[str, Prompt]: One prompt for each of :data:`KINDS`.
    """
    prompts = {}
    for kind in KINDS:
        name, _, text = (PROMPTS / f'{kind}.txt').read_text(encoding='utf-8').partition('\n')
        prompts[kind] = Prompt(name.strip(), text.strip())
    return prompts


def first_messages(prompt: Prompt, label: str, labels: Sequence[str]) -> list[dict[str, str]]:
    """How the question about a class begins.

    The first paragraph of a prompt is sent as system message. It holds all labels and is the same
    in every request of a run, so that a provider may keep it in its cache.

    Args:
        prompt (Prompt): What is asked.
        label (str): The class.
        labels (Sequence[str]): All classes of the label set.

    Returns:
        list[dict[str, str]]: Messages of the chat protocol.
    """
    system, _, question = prompt.text.partition('\n\n')
    return [dict(role='system', content=system.replace('{labels}', '\n'.join(labels))),
            dict(role='user', content=question.replace('{label}', label))]


def ask_again(messages: Sequence[dict[str, str]], answer: str,
              reasons: Sequence[str]) -> list[dict[str, str]]:
    """The conversation so far, and why its last answer can not be used.

    Args:
        messages (Sequence[dict[str, str]]): What was sent.
        answer (str): What came back.
        reasons (Sequence[str]): What is wrong with it.

    Returns:
        list[dict[str, str]]: Messages of the chat protocol.
    """
    # Some servers refuse a message without content.
    said = [dict(role='assistant', content=answer)] if answer else []
    listed = '\n'.join(f'- {reason}' for reason in reasons)
    return [*messages, *said, dict(role='user', content=(
        f'That answer can not be used:\n{listed}\nMend this and give the whole answer again, as a '
        'JSON object of the same form.'))]

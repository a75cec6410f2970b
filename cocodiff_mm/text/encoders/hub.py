"""Files from the Hugging Face hub: from the local cache where they are, quick to give up else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar

T = TypeVar('T')
# Longest wait for a sign of life. huggingface_hub itself tries a dead address for 23 s and more,
# and the look-up of a name may take longer still, which no timeout of a socket ends.
SECONDS = 4.0


def fetch(what: str, get: Callable[[], T], ways_out: str) -> T:
    """Get something out of the cache or, if it is not all there, from the hub.

    The cache comes first, so that what has been used once needs no network again and does not
    change when the hub does.

    Args:
        what (str): What is fetched; begins the message.
        get (Callable[[], T]): Gets it, through huggingface_hub and libraries upon it.
        ways_out (str): What to do without the hub; ends the message.

    Returns:
        T: What ``get`` gives.

    Raises:
        FileNotFoundError: If it is not in the cache and the hub can't be reached or refuses.
    """
    from huggingface_hub import constants

    with from_cache():
        result, error = _attempt(get)
    if error is None:
        return result
    reason = _silence()
    if reason is None:
        result, error = _attempt(get)
        if error is None:
            return result
        reason = _line(error)
    raise FileNotFoundError(f'{what} not in the cache {constants.HF_HUB_CACHE}, and '
                            f'{constants.ENDPOINT} does not give it ({reason}); '
                            f'{ways_out}') from error


@contextmanager
def from_cache() -> Iterator[None]:
    """Within, huggingface_hub and libraries upon it use the cache alone and fail at once."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    # The environment variable of this name does the same, but only before the first import.
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _attempt(get: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return get(), None
    except (OSError, ValueError) as error:  # what the libraries raise for a file not to be had
        return None, error


def _silence() -> str | None:
    """Why the hub can't be used, or None if it gives a sign of life."""
    answer: Queue[str | None] = Queue()
    Thread(target=lambda: answer.put(_ask()), daemon=True).start()
    try:
        return answer.get(timeout=SECONDS)
    except Empty:
        return f'no answer within {SECONDS:g} s'


def _ask() -> str | None:
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    try:
        # With the client that would download: it knows of proxies and certificates.
        status = get_session().head(constants.ENDPOINT, timeout=SECONDS).status_code
    except Exception as error:  # of another library before huggingface_hub 1
        return _line(error)
    return f'it answers with status {status}' if status >= 500 else None


def _line(error: Exception) -> str:
    return ' '.join(str(error).split()).rstrip('.') or type(error).__name__

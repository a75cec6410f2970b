"""Files from the Hugging Face hub: from the local cache where they are, quick to give up else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar('T')
# Longest wait for a sign of life. huggingface_hub itself tries a dead address for 23 s and more,
# and the look-up of a name may take longer still, which no timeout of a socket ends.
SECONDS = 4.0
# Longest wait for the first byte of a file, and for another one after it. With the time in which
# the libraries are imported, the first makes 10 s.
FIRST_BYTE = 6.0
NEXT_BYTE = 30.0


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
    deadline = time.monotonic() + FIRST_BYTE
    reason = _silence()
    if reason is None:
        result, error = _download(get, deadline)
        if error is None:
            return result
        reason = _line(error)
    raise FileNotFoundError(f'{what} not in the cache {constants.HF_HUB_CACHE}, and '
                            f'{constants.ENDPOINT} does not give it ({reason}); '
                            f'{ways_out}') from error


@contextmanager
def from_cache() -> Iterator[None]:
    """Within, huggingface_hub and libraries upon it use the cache alone and fail at once."""
    with _settings(HF_HUB_OFFLINE=True):
        yield


@contextmanager
def _settings(**constants: Any) -> Iterator[None]:
    """Within, constants of huggingface_hub are others.

    Environment variables of these names do the same, but only before the first import.
    """
    from huggingface_hub import constants as module

    before = {name: getattr(module, name) for name in constants}
    vars(module).update(constants)
    try:
        yield
    finally:
        vars(module).update(before)


def _attempt(get: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return get(), None
    except (OSError, ValueError) as error:  # what the libraries raise for a file not to be had
        return None, error


def _download(get: Callable[[], T], deadline: float) -> tuple[T | None, Exception | None]:
    """Attempt it until no bytes come any more; the libraries try again for minutes."""
    outcome: Queue[tuple[T | None, Exception | None] | BaseException] = Queue()

    def work() -> None:
        try:
            outcome.put(_attempt(get))
        except BaseException as error:  # noqa: BLE001  (raised by who waits)
            outcome.put(error)

    arrived, wait = _arrived(), FIRST_BYTE
    # Bytes are on the disk soon after they came: small pieces, and not through Xet, which gathers
    # much before it writes.
    with _settings(DOWNLOAD_CHUNK_SIZE=1 << 14, HF_HUB_DISABLE_XET=True):
        Thread(target=work, daemon=True).start()
        while True:
            with suppress(Empty):
                found = outcome.get(timeout=min(FIRST_BYTE, NEXT_BYTE) / 20)
                break
            now = _arrived()
            if now != arrived:
                arrived, wait = now, NEXT_BYTE
                deadline = time.monotonic() + wait
            elif time.monotonic() > deadline:
                return None, TimeoutError(f'it answers, but no bytes came for {wait:g} s')
    if isinstance(found, BaseException):
        raise found
    return found


def _arrived() -> int:
    """Bytes in the cache, those of unfinished files included."""
    from huggingface_hub import constants

    total = 0
    for path in Path(constants.HF_HUB_CACHE).glob('models--*/blobs/*'):
        with suppress(OSError):  # renamed or removed meanwhile
            total += path.stat().st_size
    return total


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

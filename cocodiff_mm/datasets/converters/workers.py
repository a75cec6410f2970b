import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from cocodiff_mm.datasets.clip import Clip
from cocodiff_mm.datasets.converters.source import BadClip, Source, file_of

Item = tuple[str, Any]
Prepare = Callable[[Clip], Clip]
_CHUNK = 16
_LOOK_SECONDS = 0.2
_worker: dict[str, Any] = {}


class WorkerDied(RuntimeError):
    """A process that reads clips is gone."""


def read_clips(source: Source,
               items: list[Item],
               processes: int,
               prepare: Prepare | None = None) -> Iterator[tuple[str, Any, Clip | str]]:
    """Read clips, several at once, and give them in order.

    Args:
        source (Source): What reads them.
        items (list[tuple[str, Any]]): Name and handle of each.
        processes (int): How many processes read; with 1 this one does.
        prepare (Callable, optional): What is done to a clip before it is given.

    Yields:
        tuple[str, Any, Clip | str]: Name, handle, and the clip or why it can't be used.

    Raises:
        WorkerDied: If a process was killed, e.g. for want of memory.
    """
    if processes < 2 or not source.parallel or len(items) < 2:
        for name, handle in items:
            yield name, handle, _read(source, name, handle, prepare)
        return
    size = max(1, min(_CHUNK, len(items) // (4 * processes)))
    chunks = [items[start:start + size] for start in range(0, len(items), size)]
    # Forked processes need not import everything again.
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        min(processes, len(chunks)), context, _start, (source, prepare, watched, held))
    with _Interrupts() as interrupts:
        try:
            # So many that no process waits, so few that results do not pile up in memory.
            yield from _in_order(pool, chunks, 4 * processes, interrupts)
        finally:
            held.close()
            pool.shutdown(cancel_futures=True)
            watched.close()


class _Interrupts:
    """Ctrl-C as a flag while a pool is at work.

    An exception in the midst of a future's lock would leave it locked, and the pool's own thread
    would then wait for it for ever.
    """

    def __enter__(self) -> '_Interrupts':
        self.seen, self._before = False, None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def wait(self, future: Future) -> None:
        """Until a future is done.

        Raises:
            KeyboardInterrupt: If Ctrl-C was pressed.
        """
        while not wait([future], timeout=_LOOK_SECONDS).done and not self.seen:
            pass
        if self.seen:
            raise KeyboardInterrupt

    def _note(self, *_: object) -> None:
        self.seen = True


def _in_order(pool: ProcessPoolExecutor, chunks: list[list[Item]], ahead: int,
              interrupts: _Interrupts) -> Iterator[tuple[str, Any, Clip | str]]:
    waiting: deque = deque()
    chunk: list[Item] = []
    remaining = iter(chunks)
    try:
        while True:
            for chunk in remaining:
                waiting.append((chunk, pool.submit(_read_chunk, chunk)))
                if len(waiting) >= ahead:
                    break
            if not waiting:
                return
            chunk, future = waiting.popleft()
            interrupts.wait(future)
            for (name, handle), result in zip(chunk, future.result(), strict=True):
                yield name, handle, result
    except BrokenProcessPool as error:
        raise WorkerDied(
            f'a process that reads clips was killed at about {chunk[0][0]!r}; when memory is '
            'short, use fewer --processes') from error


def _start(source: Source, prepare: Prepare | None, watched: Connection,
           held: Connection) -> None:
    """Make a process ready to read."""
    _worker.update(source=source, prepare=prepare)
    held.close()
    # Ctrl-C goes to all processes of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(watched, ), daemon=True).start()


def _end_with_parent(watched: Connection) -> None:
    """End when the other end of a pipe is closed, by the first process or because it was killed.

    A pool would wait for a process that is stuck in a file, and outlive a parent that is gone.
    """
    watched.poll(None)
    os._exit(1)


def _read_chunk(chunk: Iterable[Item]) -> list[Clip | str]:
    return [_read(_worker['source'], name, handle, _worker['prepare']) for name, handle in chunk]


def _read(source: Source, name: str, handle: Any, prepare: Prepare | None) -> Clip | str:
    try:
        clip = source.read(name, handle)
        return clip if prepare is None else prepare(clip)
    except BadClip as error:
        return str(error)
    except OSError as error:
        return f'{file_of(handle) or name} can not be read: {error.strerror or error}'

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

INTERRUPTED = object()


class Askers:
    """Threads that ask questions at the same time; who collects the answers stays one thread.

    They end with the program and never hold it up: an answer that is waited for when the program
    ends is lost, one that :meth:`get` has given is not. Once asking has raised an exception,
    nothing more is asked.

    Args:
        ask (Callable): Gives the answer to a question.
        count (int): Number of threads.
    """

    def __init__(self, ask: Callable[[Any], Any], count: int) -> None:
        self._ask = ask
        self._questions: SimpleQueue = SimpleQueue()
        self._answers: SimpleQueue = SimpleQueue()
        self._stopped = threading.Event()
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()
        self._count = count

    def put(self, question: Any) -> None:
        """Have a question asked once it is its turn."""
        self._questions.put(question)

    def get(self) -> tuple[Any, Any]:
        """Wait for an answer.

        Returns:
            tuple: The question and its answer.

        Raises:
            KeyboardInterrupt: If there was a Ctrl-C within :meth:`interruptible`; answers that
                had come before it are given first.
            Exception: What asking raised.
        """
        question, answer = self._answers.get()
        if answer is INTERRUPTED:
            raise KeyboardInterrupt
        if isinstance(answer, BaseException):
            raise answer
        return question, answer

    def stop(self) -> None:
        """Ask nothing more."""
        self._stopped.set()
        for _ in range(self._count):
            self._questions.put(None)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a Ctrl-C queue up behind the answers, so that it never cuts into other work."""
        before = signal.getsignal(signal.SIGINT)
        # Someone else's handler, or none as under nohup, is left in place.
        if (before is not signal.default_int_handler
                or threading.current_thread() is not threading.main_thread()):
            yield
            return
        signal.signal(signal.SIGINT, lambda *_: self._answers.put((None, INTERRUPTED)))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _work(self) -> None:
        while not self._stopped.is_set():
            question = self._questions.get()
            if self._stopped.is_set():
                return
            try:
                answer = self._ask(question)
            except BaseException as error:  # raised where the answer is collected
                answer = error
                self._stopped.set()
            self._answers.put((question, answer))

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

_MINUTE = 60.0


class Rate:
    """At most so many starts within any minute, however many threads there are.

    Args:
        per_minute (int): How many.
        clock (Callable): Seconds of a clock that never goes back. Defaults to
            :func:`time.monotonic`.
        sleep (Callable): Waits a number of seconds. Defaults to :func:`time.sleep`.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self._starts: deque[float] = deque(maxlen=per_minute)
        self._clock, self._sleep, self._lock = clock, sleep, Lock()

    def wait(self) -> None:
        """Return when the caller may start."""
        with self._lock:
            now = start = self._clock()
            if len(self._starts) == self._starts.maxlen:
                start = max(now, self._starts[0] + _MINUTE)
            self._starts.append(start)
        # Outside the lock: others may find out meanwhile when it is their turn.
        if start > now:
            self._sleep(start - now)

import time
from datetime import timedelta
from logging import Logger


class ProgressLog:
    """Log lines with progress and ETA for long work outside MMEngine's loops.

    Args:
        logger (Logger): Where lines go.
        title (str): What is being done.
        total (int): Number of units of work.
        seconds (float): Least time between two lines. Defaults to 10.
    """

    def __init__(self, logger: Logger, title: str, total: int, seconds: float = 10.0) -> None:
        self.logger, self.title, self.total, self.seconds = logger, title, total, seconds
        self.start = self.last = time.monotonic()
        self.first: int | None = None

    def update(self, done: int, details: str = '') -> None:
        """Report that ``done`` units are finished; the last one is always logged."""
        now = time.monotonic()
        if self.first is None:  # a resumed run does not start at 0
            self.first = done - 1
        if now - self.last < self.seconds and done < self.total:
            return
        self.last = now
        pace = (now - self.start) / max(done - self.first, 1)
        eta = timedelta(seconds=round(pace * (self.total - done)))
        self.logger.info(f'{self.title}: {done}/{self.total}  eta: {eta}  '
                         f'time: {pace:.3g} s each  {details}'.rstrip())

import logging
import sys
import time

from rich import progress
from rich.console import Console

from cocodiff_mm.utils.progress import ProgressLog

_REDRAW = 0.1


class ProgressBar:
    """A bar with the time left on a terminal, log lines elsewhere; both on stderr.

    Args:
        total (int): How many things there are to do.
        show (bool): Whether anything is shown. Defaults to True.
        what (str): What they are, in the plural. Defaults to ``'clips'``.
    """

    def __init__(self, total: int, show: bool = True, what: str = 'clips') -> None:
        self.total, self._drawn = total, 0.0
        self._bar = self._log = None
        if show and sys.stderr.isatty():
            self._bar = _rich_bar(total, what)
        elif show:
            self._log = ProgressLog(_logger(), what, total)

    def update(self, done: int) -> None:
        """Say that ``done`` of them are through."""
        if self._log is not None:
            self._log.update(done)
        elif self._bar is not None:
            self._redraw(done)

    def close(self) -> None:
        """Leave the terminal tidy."""
        if self._bar is not None:
            self._bar.stop()

    def _redraw(self, done: int) -> None:
        now = time.monotonic()
        if now - self._drawn > _REDRAW or done == self.total:
            self._bar.update(self._bar.task_ids[0], completed=done, refresh=True)
            self._drawn = now


def _rich_bar(total: int, what: str) -> progress.Progress:
    # No thread that redraws: processes are forked while the bar is there.
    bar = progress.Progress(
        progress.TextColumn(what), progress.BarColumn(), progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(), console=Console(stderr=True), auto_refresh=False)
    bar.add_task(what, total=total)
    bar.start()
    return bar


def _logger() -> logging.Logger:
    """One of its own, whatever the program has set up."""
    logger = logging.Logger('progress', logging.INFO)
    logger.addHandler(logging.StreamHandler())
    return logger

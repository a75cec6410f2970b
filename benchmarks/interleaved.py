"""Times of pieces of work that take turns, so that a noisy machine disturbs all of them alike."""

import statistics
import time
from collections.abc import Callable, Sequence

import torch


def measure(work: dict[str, Callable[[], object]], rounds: int,
            done: Callable[[], object] | None = None) -> dict[str, list[float]]:
    """Seconds of each piece of work, the pieces taken in turn; the first round warms up.

    ``done`` is called after each piece, ``(rounds + 1) * len(work)`` times.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for i in range(rounds + 1):
        for name, run in work.items():
            synchronize()
            start = time.perf_counter()
            run()
            synchronize()
            if i:
                times[name].append(time.perf_counter() - start)
            if done is not None:
                done()
    return times


def synchronize() -> None:
    """Wait for the kernels that are under way, where there is a GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles; of one value that value."""
    low, middle, high = statistics.quantiles(values, n=4, method='inclusive') \
        if len(values) > 1 else 3 * [values[0]]
    return dict(median=middle, low=low, high=high)


def ratio(slow: Sequence[float], fast: Sequence[float]) -> dict[str, float]:
    """Median and quartiles of the ratios of the rounds."""
    return spread([a / b for a, b in zip(slow, fast, strict=True)])

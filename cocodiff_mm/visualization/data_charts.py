"""Charts of a data set: clips by class, clips by length."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np

from cocodiff_mm.datasets.inspection.finding import count

# More class names than these do not fit below the bars.
_NAMED = 40
_BINS = 100
_COLORS = ('0.55', '#1f77b4', '#d62728')


def draw_classes(labels: Mapping[str, Mapping[str, np.ndarray]], classes: Sequence[str]):
    """Number of clips of each class, by split.

    Args:
        labels (Mapping[str, Mapping[str, np.ndarray]]): Labels of the clips, shape (N,), by name
            of the protocol and of the split.
        classes (Sequence[str]): Class names in label order.

    Returns:
        matplotlib.figure.Figure: One axes per protocol.
    """
    named = len(classes) <= _NAMED
    figure = _figure(9.7, 0.6 + 1.9 * len(labels) + 1.5 * named)
    rows = figure.subplots(len(labels), 1, sharex=True, squeeze=False)[:, 0]
    positions, edges = np.arange(len(classes)), np.arange(len(classes) + 1) - 0.5
    for axes, (protocol, splits) in zip(rows, labels.items(), strict=True):
        width, colors = 0.84 / len(splits), cycle(_COLORS)
        for i, ((name, chosen), color) in enumerate(zip(splits.items(), colors, strict=False)):
            sizes = np.bincount(chosen, minlength=len(classes))
            label = f'{name}: {count(len(chosen), "clip")}'
            if named:
                shift = (i - (len(splits) - 1) / 2) * width
                axes.bar(positions + shift, sizes, width, color=color, label=label)
            else:
                axes.stairs(sizes, edges, color=color, fill=i == 0, label=label)
        # Room above the bars for the legend.
        axes.set(title=protocol, ylabel='clips', ymargin=0.3)
        axes.margins(x=0.01)
        axes.legend(fontsize=8, ncols=len(splits), loc='upper right', frameon=False)
        axes.spines[['top', 'right']].set_visible(False)
    if named:
        rows[-1].set_xticks(positions, classes, rotation=40, ha='right', fontsize=8)
    else:
        rows[-1].set_xlabel('class, by number')
    return figure


def draw_lengths(frames: Mapping[str, np.ndarray], short: int):
    """Number of clips of each length, by split.

    Args:
        frames (Mapping[str, np.ndarray]): Frames of the clips, shape (N,), by name of the split.
        short (int): Below this number of frames a clip counts as too short; marked.

    Returns:
        matplotlib.figure.Figure: One axes.
    """
    figure = _figure(9.7, 3.4)
    axes = figure.subplots()
    everything = np.concatenate(list(frames.values()))
    width = -(-int(everything.max() + 1) // _BINS)  # whole frames: bars of 2 and 3 would look odd
    bins = np.arange(0, everything.max() + width + 1, width)
    for (name, chosen), color in zip(frames.items(), cycle(_COLORS), strict=False):
        label = f'{name}: {count(len(chosen), "clip")}'
        axes.hist(chosen, bins, color=color, alpha=0.75, label=label)
    median = np.median(everything)
    axes.axvline(median, color='black', linewidth=1, label=f'median: {median:g} frames')
    axes.axvspan(0, short, color='#ff9a3c', alpha=0.3, linewidth=0,
                 label=f'below {short} frames: {count(int((everything < short).sum()), "clip")}')
    axes.set(xlabel='frames', ylabel='clips', xlim=(0, bins[-1]))
    axes.legend(fontsize=8, frameon=False)
    axes.spines[['top', 'right']].set_visible(False)
    return figure


def _figure(width: float, height: float):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure

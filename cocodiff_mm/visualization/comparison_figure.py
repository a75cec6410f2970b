"""One picture of a comparison: where generated features lie, and what was gained."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cocodiff_mm.utils.files import replace_file


def principal_axes(feats: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and the first principal axes (count, D) of features (N, D)."""
    mean = feats.mean(0)
    return mean, np.linalg.svd(feats - mean, full_matrices=False)[2][:count]


def draw_comparison(path: str | Path,
                    real: np.ndarray,
                    generated: np.ndarray,
                    labels: np.ndarray,
                    classes: Sequence[str],
                    accuracy: Mapping[str, float]) -> None:
    """Draw real and generated features in the plane, and bars of accuracies.

    Args:
        path (str | Path): PNG to write.
        real (np.ndarray): Features, shape (N, D).
        generated (np.ndarray): Generated from them, shape (N, D).
        labels (np.ndarray): Class indices, shape (N,).
        classes (Sequence[str]): Class names.
        accuracy (Mapping[str, float]): Top-1 accuracy in percent by name.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6), layout='constrained')
    FigureCanvasAgg(figure)
    plane, bars = figure.subplots(1, 2, width_ratios=(3, 1))

    mean, axes = principal_axes(real)
    colours = [f'C{i % 10}' for i in range(len(classes))]
    for i, name in enumerate(classes):
        chosen = labels == i
        if not chosen.any():
            continue
        for feats, marker in ((real, 'o'), (generated, 'x')):
            points = ((feats[chosen] - mean) @ axes.T).T
            plane.scatter(*points, s=22, marker=marker, color=colours[i], alpha=0.65,
                          linewidths=1.2 if marker == 'x' else 0)
        centre = (real[chosen].mean(0) - mean) @ axes.T
        plane.annotate(name, centre, ha='center', fontsize=8, weight='bold',
                       bbox=dict(boxstyle='round,pad=0.15', fc='white', alpha=0.75, lw=0))
    plane.set_title('Features of the test set, first two principal axes: o real, x generated')
    plane.set_xticks([])
    plane.set_yticks([])

    positions = np.arange(len(accuracy))
    drawn = bars.bar(positions, list(accuracy.values()), color=['0.6', 'C2', 'C0'][:len(accuracy)])
    bars.bar_label(drawn, fmt='%.1f')
    bars.set_xticks(positions, list(accuracy))
    bars.set_ylabel('top-1 accuracy, %')
    bars.set_ylim(0, 100)
    bars.set_title('Test accuracy, last epoch')
    with replace_file(path) as temporary:
        figure.savefig(temporary, dpi=110, format='png')

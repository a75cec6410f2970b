"""One picture of a comparison: where generated features lie, and what was gained."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cocodiff_mm.utils.files import replace_file


def to_plane(real: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Project features onto the first two principal axes of the real ones.

    Channels are standardised first, as the diffusion sees them: one loud channel would otherwise
    be the picture.

    Args:
        real (np.ndarray): Shape (N, D).
        *others (np.ndarray): Shape (N, D) each, projected alike.

    Returns:
        list[np.ndarray]: Points of shape (N, 2), the real ones first.
    """
    mean, std = real.mean(0), real.std(0) + 1e-6
    axes = np.linalg.svd((real - mean) / std, full_matrices=False)[2][:2]
    return [(feats - mean) / std @ axes.T for feats in (real, *others)]


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

    points = to_plane(real, generated)
    for i, name in enumerate(classes):
        chosen = labels == i
        if not chosen.any():
            continue
        for shown, marker in zip(points, 'ox', strict=True):
            plane.scatter(*shown[chosen].T, s=22, marker=marker, color=f'C{i % 10}', alpha=0.65,
                          linewidths=1.2 if marker == 'x' else 0)
        plane.annotate(name, points[0][chosen].mean(0), ha='center', fontsize=8, weight='bold',
                       bbox=dict(boxstyle='round,pad=0.15', fc='white', alpha=0.75, lw=0))
    # A few far points must not squeeze the rest into a corner.
    low, high = np.percentile(points[0], [1, 99], axis=0)
    margin = 0.1 * (high - low)
    plane.set_xlim(low[0] - margin[0], high[0] + margin[0])
    plane.set_ylim(low[1] - margin[1], high[1] + margin[1])
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

"""Picture of a text bank: how similar its classes are, and the pairs that are most alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cocodiff_mm.text.bank import TextBank
from cocodiff_mm.text.class_text import ClassText
from cocodiff_mm.text.collisions import Pair, Sanity, sanity, worst_pairs
from cocodiff_mm.text.similarity import Similarities, similarities
from cocodiff_mm.utils.files import replace_file

from .class_clusters import Clusters, cluster
from .pair_list import (
    column_height,
    column_width,
    draw_columns,
    pair_lines,
    stack,
    text_width,
    wrap_lines,
)

_DPI = 150
# Light is dissimilar.
_COLOR_MAP = 'magma_r'
_TAKEN = '#d00000'
_LONGEST = 44  # letters of a class name on the axes
# Inches: of a class in the heat map, and the least and the most of all of it.
_CELL, _LEAST, _MOST = 0.11, 7.5, 33.
_EDGE, _GAP = 0.2, 0.3
# How much higher than the heat map a column of the list may be.
_COLUMN = 1.2
# Points: letters of the axes are as large as a row, others grow with the picture.
_AXES_POINTS, _POINTS = (3., 9.), (8., 17.)


@dataclass(frozen=True)
class _Sizes:
    """Inches of the parts of the picture, and points of its letters."""

    side: float
    labels: float
    axes_points: float
    points: float

    @classmethod
    def of(cls, names: Sequence[str]) -> '_Sizes':
        side = min(max(_CELL * len(names), _LEAST), _MOST)
        axes_points = float(np.clip(0.8 * 72 * side / len(names), *_AXES_POINTS))
        labels = max(text_width(name, axes_points, bold=True) for name in names) + 0.1
        return cls(side, labels, axes_points, float(np.clip(8 * side / 13, *_POINTS)))

    @property
    def top(self) -> float:
        return _EDGE + 5 * self.points / 72

    @property
    def tree(self) -> float:
        return 0.08 * self.side

    @property
    def left(self) -> float:
        """Of the list."""
        return _EDGE + self.labels + self.side + self.bar + 7 * self.points / 72

    @property
    def bar(self) -> float:
        return 0.02 * self.side + 0.15


def draw_bank(bank: TextBank, classes: Sequence[ClassText] | None = None, pairs: int = 20):
    """Draw the similarities of all classes, in the order of a hierarchical clustering.

    Below the diagonal are the descriptions (fine), above it the names (coarse); the order is that
    of the mean of both. The most similar pairs are marked with their number in the list. Classes
    whose names are nearer to the descriptions of another class have a red label.

    Args:
        bank (TextBank): Bank of 2 classes or more.
        classes (Sequence[ClassText], optional): Texts of its classes, if they are known.
        pairs (int): How many of the most similar pairs are marked and listed. Defaults to 20.

    Returns:
        matplotlib.figure.Figure: Axes of the heat map, the tree, the colours and the list.

    Raises:
        ValueError: If the bank has fewer than two classes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if len(bank.classes) < 2:
        raise ValueError(f'a bank of {len(bank.classes)} classes has no pairs to draw; expected '
                         '2 or more')
    cosine, worst, found = similarities(bank), worst_pairs(bank, pairs), sanity(bank)
    tree, names = cluster(cosine.both), [_short(name) for name in bank.classes]
    sizes = _Sizes.of(names)
    blocks = [wrap_lines(pair_lines(pair, bank.classes, classes), sizes.points)
              for pair in worst]
    picture = sizes.tree + sizes.side + sizes.labels
    columns = stack(blocks, sizes.points, _COLUMN * picture)
    listed = max(column_height(column, sizes.points) for column in columns)
    step = column_width(columns, sizes.points) + _GAP
    width = sizes.left + len(columns) * step - _GAP + _EDGE
    figure = Figure(figsize=(width, sizes.top + max(picture, listed) + _EDGE))
    FigureCanvasAgg(figure)

    _draw_title(figure, bank, found, sizes)
    heat_map = _add_axes(figure, _EDGE + sizes.labels, sizes.top + sizes.tree,
                         sizes.side, sizes.side)
    _draw_tree(_add_axes(figure, _EDGE + sizes.labels, sizes.top, sizes.side, sizes.tree), tree)
    image = _draw_heat_map(heat_map, cosine, tree)
    _draw_labels(heat_map, tree, names, found, sizes)
    _mark_pairs(heat_map, image, tree, worst, sizes)
    _draw_bar(figure, image, sizes)
    area = _add_axes(figure, sizes.left, sizes.top, width - sizes.left, listed)
    area.set(xlim=(0, width - sizes.left), ylim=(-listed, 0))
    area.axis('off')
    draw_columns(area, columns, sizes.points, step)
    return figure


def save_picture(figure, path: Path) -> None:
    """Write a figure of ``draw_bank`` as a PNG, whole or not at all."""
    with replace_file(path) as draft:
        figure.savefig(draft, format='png', dpi=_DPI)


def _add_axes(figure, left: float, top: float, width: float, height: float):
    """Axes by inches from the upper left corner."""
    whole, high = figure.get_size_inches()
    return figure.add_axes((left / whole, 1 - (top + height) / high, width / whole, height / high))


def _draw_title(figure, bank: TextBank, found: Sanity, sizes: _Sizes) -> None:
    width, height = figure.get_size_inches()
    described = [f'{len(bank.classes)} classes', bank.metadata.get('encoder', 'unknown encoder'),
                 f'{bank.width} wide']
    title = f'{bank.metadata.get("label_set", "text bank")}: {", ".join(described)}'
    points = 1.5 * sizes.points
    figure.text(_EDGE / width, 1 - _EDGE / height, title, va='top', fontsize=points,
                weight='bold', parse_math=False)
    down = _EDGE + 1.5 * points / 72
    figure.text(_EDGE / width, 1 - down / height, str(found), va='top', color='0.3',
                fontsize=1.1 * sizes.points)


def _draw_heat_map(axes, cosine: Similarities, tree: Clusters):
    shown = np.where(np.tri(len(tree.order), k=-1, dtype=bool), _ordered(cosine.fine, tree),
                     _ordered(cosine.coarse, tree))
    np.fill_diagonal(shown, np.nan)
    # The few least similar pairs would take most of the colours.
    least = np.floor(10 * np.nanpercentile(shown, 2)) / 10
    most = max(np.ceil(20 * np.nanmax(shown)) / 20, least + 0.05)
    axes.set_facecolor('0.9')
    return axes.imshow(shown, cmap=_COLOR_MAP, vmin=least, vmax=most, interpolation='nearest')


def _ordered(matrix: np.ndarray, tree: Clusters) -> np.ndarray:
    return matrix[np.ix_(tree.order, tree.order)]


def _draw_labels(axes, tree: Clusters, names: Sequence[str], found: Sanity,
                 sizes: _Sizes) -> None:
    taken = {one.name.label for one in found.taken}
    ordered = [names[label] for label in tree.order]
    positions = np.arange(len(names))
    axes.set_xticks(positions, ordered, rotation=90, fontsize=sizes.axes_points)
    axes.set_yticks(positions, ordered, fontsize=sizes.axes_points)
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        for tick, label in zip(ticks, tree.order, strict=True):
            tick.set_parse_math(False)
            if label in taken:
                tick.set(color=_TAKEN, weight='bold')


def _mark_pairs(axes, image, tree: Clusters, worst: Sequence[Pair], sizes: _Sizes) -> None:
    from matplotlib.patches import Rectangle

    points = min(0.5 * 72 * sizes.side / len(tree.order), sizes.points)
    for number, pair in enumerate(worst, 1):
        ends = tree.position[[pair.first, pair.second]]
        for x, y in (ends, ends[::-1]):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor='#00b4d8',
                                     linewidth=0.12 * points))
            axes.text(x, y, str(number), ha='center', va='center_baseline', fontsize=points,
                      color=_readable_on(image, x, y))


def _readable_on(image, x: int, y: int) -> str:
    red, green, blue, _ = image.cmap(image.norm(image.get_array()[y, x]))
    return 'black' if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else 'white'


def _draw_tree(axes, tree: Clusters) -> None:
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(tree.brackets, colors='0.45', linewidths=0.8,
                                       capstyle='projecting'))
    heights = tree.brackets[:, 1, 1]
    axes.set(xlim=(-0.5, len(tree.order) - 0.5), ylim=(0.8 * heights.min(), 1.03 * heights.max()))
    axes.axis('off')


def _draw_bar(figure, image, sizes: _Sizes) -> None:
    left = _EDGE + sizes.labels + sizes.side + 0.15
    axes = _add_axes(figure, left, sizes.top + sizes.tree, 0.02 * sizes.side, 0.4 * sizes.side)
    bar = figure.colorbar(image, cax=axes, extend='min')
    bar.set_label('cosine (upper right: names, lower left: descriptions)', fontsize=sizes.points)
    bar.ax.tick_params(labelsize=sizes.points)
    bar.outline.set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f'{name[:_LONGEST - 4]} ...'

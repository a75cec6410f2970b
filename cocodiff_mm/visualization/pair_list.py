"""Pairs of classes as a list in columns, beside a picture of all classes."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cocodiff_mm.text.class_text import ClassText
from cocodiff_mm.text.collisions import Pair

# Texts of the first and of the second class of a pair; everything else.
COLORS = ('#0b5394', '#a64d00')
_GREY = '0.4'
# In heights of the letters.
_LINE, _INDENT, _COLUMN = 1.36, 2.2, 43


@dataclass(frozen=True)
class Line:
    """A line of the list.

    Args:
        text (str): What it says.
        color (str): Matplotlib colour.
        bold (bool): Whether it is a heading. Defaults to False.
    """

    text: str
    color: str
    bold: bool = False


def pair_lines(pair: Pair, names: Sequence[str],
               classes: Sequence[ClassText] | None) -> list[Line]:
    """What the list says about a pair.

    Args:
        pair (Pair): The pair.
        names (Sequence[str]): Class names.
        classes (Sequence[ClassText], optional): Texts of the classes, if they are known.

    Returns:
        list[Line]: Both classes; both cosines; the two most similar names and descriptions.
    """
    first, second = COLORS
    lines = [Line(names[pair.first], first, True), Line(names[pair.second], second, True),
             Line(f'names {pair.coarse:.2f}, descriptions {pair.fine:.2f}', _GREY)]
    if classes is None:
        return lines
    for texts in (pair.coarse_texts, pair.fine_texts):
        lines += [Line(ref.read(classes), color)
                  for ref, color in zip(texts, COLORS, strict=True)]
    return lines


def wrap_lines(lines: Sequence[Line], points: float) -> list[Line]:
    """Break lines to the width of a column.

    Args:
        lines (Sequence[Line]): Lines of any length.
        points (float): Size of the letters.

    Returns:
        list[Line]: Lines that fit.
    """
    wrapped, room = [], (_COLUMN - _INDENT) * points / 72
    for line in lines:
        # Letters are of different widths, and so are scripts: measured, not guessed.
        letter = text_width(line.text, points, line.bold) / max(len(line.text), 1)
        fitting = max(int(0.95 * room / max(letter, 1e-3)), 10)
        wrapped += [Line(part, line.color, line.bold)
                    for part in textwrap.wrap(line.text, fitting) or ['']]
    return wrapped


def stack(blocks: Sequence[Sequence[Line]], points: float,
          height: float) -> list[list[Sequence[Line]]]:
    """Put the blocks of pairs into columns of much the same length.

    Args:
        blocks (Sequence[Sequence[Line]]): Wrapped lines of each pair.
        points (float): Size of the letters.
        height (float): Of a column, in inches; only a block that is longer exceeds it.

    Returns:
        list[list[Sequence[Line]]]: Blocks of each column, from left to right.
    """
    columns = _fill(blocks, points, height)
    for part in range(1, 20):
        even = _fill(blocks, points, height * part / 20)
        if len(even) == len(columns):
            return even
    return columns


def _fill(blocks: Sequence[Sequence[Line]], points: float,
          height: float) -> list[list[Sequence[Line]]]:
    columns: list[list[Sequence[Line]]] = [[]]
    for block in blocks:
        if columns[-1] and column_height([*columns[-1], block], points) > height:
            columns.append([])
        columns[-1].append(block)
    return columns


def draw_columns(axes, columns: Sequence[Sequence[Sequence[Line]]], points: float,
                 step: float) -> None:
    """Write the columns, numbered, into axes whose unit is an inch and whose top is 0.

    Args:
        axes (matplotlib.axes.Axes): Where to write.
        columns (Sequence[Sequence[Sequence[Line]]]): Of ``stack``.
        points (float): Size of the letters.
        step (float): Inches from one column to the next.
    """
    letter, number = points / 72, 0
    for index, column in enumerate(columns):
        left, down = index * step, 0.
        for block in column:
            number += 1
            axes.text(left + (_INDENT - 0.6) * letter, -down, str(number), va='top', ha='right',
                      fontsize=points, weight='bold')
            for line in block:
                axes.text(left + _INDENT * letter, -down, line.text, va='top', fontsize=points,
                          color=line.color, weight='bold' if line.bold else 'normal',
                          parse_math=False)
                down += _LINE * letter
            down += _LINE * letter


def column_width(columns: Sequence[Sequence[Sequence[Line]]], points: float) -> float:
    """Inches that the widest of columns needs."""
    widest = max(text_width(line.text, points, line.bold)
                 for column in columns for block in column for line in block)
    return widest + _INDENT * points / 72


def column_height(column: Sequence[Sequence[Line]], points: float) -> float:
    """Inches that the blocks of a column need."""
    lines = sum(len(block) for block in column) + max(len(column) - 1, 0)
    return lines * _LINE * points / 72


@lru_cache(maxsize=4096)
def text_width(text: str, points: float, bold: bool = False) -> float:
    """Inches that a text is long on one line."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=points, weight='bold' if bold else 'normal')
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72

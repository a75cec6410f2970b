"""Contact sheets: a strip of skeletons for every class of a data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.inspection.body import LEFT, RIGHT, links, sides, upright
from cocodiff_mm.utils.files import replace_file

# Per person: middle, left, right. Further persons look like the second.
COLORS = (('0.25', '#1f77b4', '#d62728'), ('0.65', '#17becf', '#ff9a3c'))
PLAIN_COLORS = ('0.25', '#ff7f0e')
_PANEL = 1.0  # inches
_LABEL = 1.7
# Joints that a sensor lost for a moment must not shrink everything else.
_PERCENTILES = (1, 99)


@dataclass(frozen=True)
class Strip:
    """A clip to be drawn.

    Args:
        title (str): Class name.
        keypoint (np.ndarray, optional): Joints, shape (M, T, V, C); None if there is no clip.
        note (str): Small print below the title. Defaults to ''.
    """

    title: str
    keypoint: np.ndarray | None
    note: str = ''


def draw_sheet(strips: list[Strip], layout: str | dict, title: str = '', frames: int = 8):
    """Draw strips below each other, each from left to right in time.

    Skeletons stand upright whatever axis is up, seen along the axis that is left over, and are
    put side by side; up and down they move as recorded. All frames of a strip have one scale.

    Args:
        strips (list[Strip]): What to draw.
        layout (str | dict): Skeleton, as in a backbone's ``graph_cfg``.
        title (str): Heading. Defaults to ''.
        frames (int): Skeletons of a strip. Defaults to 8.

    Returns:
        matplotlib.figure.Figure: One axes per strip.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    top = 0.5
    width, height = _LABEL + frames * _PANEL + 0.05, top + len(strips) * _PANEL
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.text(0.1 / width, 1 - 0.15 / height, title, va='top', fontsize=11, weight='bold')
    pairs = any(strip.keypoint is not None and len(strip.keypoint) > 1 for strip in strips)
    _draw_legend(figure, layout, pairs)
    axis, sign = upright(layout, _some_poses(strips))
    edges, side = links(layout), sides(layout)
    for row, strip in enumerate(strips):
        axes = figure.add_axes((
            _LABEL / width, 1 - (top + (row + 1) * _PANEL) / height, frames * _PANEL / width,
            0.96 * _PANEL / height))
        axes.set(xlim=(0, frames), ylim=(0, 0.96), xticks=[], yticks=[], aspect='equal',
                 facecolor='0.97' if row % 2 else 'white')
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.text(-0.06, 0.52, _wrap(strip.title), ha='right', va='bottom', fontsize=8.5)
        # A long name leaves no room for the length beside it.
        note = strip.note if len(strip.note) <= 28 else strip.note.replace(', ', '\n')
        axes.text(-0.06, 0.45, note, ha='right', va='top', fontsize=6.5, color='0.4')
        if strip.keypoint is None:
            axes.text(0.1, 0.48, 'no clip', va='center', fontsize=8, color='0.4')
        else:
            _draw_strip(axes, flat_poses(strip.keypoint, axis, sign, frames), edges, side)
    return figure


def save_figure(figure, path: Path, dpi: int = 100) -> None:
    """Write a figure as a PNG of few colours."""
    from PIL import Image

    figure.set_dpi(dpi)
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert('RGB')
    with replace_file(path) as temporary:
        picture.quantize(128).save(temporary, format='PNG', optimize=True)


def flat_poses(keypoint: np.ndarray, axis: int, sign: int, frames: int) -> np.ndarray:
    """Evenly spread poses of a clip in the plane of the picture.

    Args:
        keypoint (np.ndarray): Joints, shape (M, T, V, C).
        axis (int): Axis along which bodies stand.
        sign (int): 1 if it points up, -1 if down.
        frames (int): How many poses F.

    Returns:
        np.ndarray: Shape (F, M, V, 2), right and up; joints that are missing are NaN. A clip
        without a pose gives F = 0.
    """
    held = np.flatnonzero(keypoint.any(axis=(0, 2, 3)))
    if not len(held):
        return np.zeros((0, len(keypoint), keypoint.shape[2], 2))
    chosen = held[np.linspace(0, len(held) - 1, frames).round().astype(int)]
    poses = keypoint[:, chosen].transpose(1, 0, 2, 3).astype(float)
    for pose in poses.reshape(-1, *poses.shape[2:]):
        _drop_missing(pose)
    across = 1 if axis == 0 else 0
    return np.stack([poses[..., across], sign * poses[..., axis]], axis=-1)


def _drop_missing(pose: np.ndarray) -> None:
    """Make joints of zeros NaN, unless the origin is within the body."""
    there = pose.any(axis=-1)
    body = pose[there]
    if not len(body) or np.abs(np.median(body, axis=0)).max() > np.ptp(body, axis=0).max():
        pose[~there] = np.nan


def _draw_strip(axes, poses, edges, side) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    for i, pose in enumerate(_to_panels(poses)):
        panel = Rectangle((i, 0), 1, 0.96, transform=axes.transData)
        for person, joints in reversed(list(enumerate(pose))):
            lines = joints[edges] + (i, 0)  # (E, 2, 2)
            whole = np.isfinite(lines).all(axis=(1, 2))
            if whole.any():
                colors = np.array(_bone_colors(person, edges, side))[whole]
                drawn = LineCollection(lines[whole], colors=colors, linewidths=1.3,
                                       capstyle='round')
                axes.add_collection(drawn, autolim=False)
                drawn.set_clip_path(panel)


def _to_panels(poses: np.ndarray) -> np.ndarray:
    """Scale poses into panels of size 1: centred sideways, with a common ground."""
    if not len(poses):
        return poses
    poses = poses.copy()
    for pose in poses:
        people = [person[np.isfinite(person)] for person in pose[..., 0]]
        pose[..., 0] -= np.mean([np.median(person) for person in people if len(person)])
    low, high = np.nanpercentile(poses, _PERCENTILES, axis=(0, 1, 2))
    # Medians of persons need not lie in their middle.
    reach = np.array([2 * max(high[0], -low[0]), high[1] - low[1]])
    scale = 0.86 / max(reach.max(), 1e-9)
    poses[..., 0] = poses[..., 0] * scale + 0.5
    poses[..., 1] = (poses[..., 1] - (low[1] + high[1]) / 2) * scale + 0.48
    return poses


def _bone_colors(person: int, edges: np.ndarray, side: np.ndarray | None) -> list[str]:
    person = min(person, 1)
    if side is None:
        return [PLAIN_COLORS[person]] * len(edges)
    middle, left, right = COLORS[person]
    return [{LEFT: left, RIGHT: right}.get(side[child], middle) for child, _ in edges]


def _draw_legend(figure, layout: str | dict, pairs: bool) -> None:
    (_, left, right), (_, other_left, other_right) = COLORS
    words = [('left', left), ('right', right)]
    others = [('second person: left', other_left), ('right', other_right)]
    if sides(layout) is None:
        words, others = ([('first person', PLAIN_COLORS[0])], [('second', PLAIN_COLORS[1])])
    width, height = figure.get_size_inches()
    position = width - 0.1
    for word, color in reversed(words + others if pairs else words):
        figure.text(position / width, 1 - 0.17 / height, word, ha='right', va='top', fontsize=9,
                    color=color, weight='bold')
        position -= 0.075 * len(word) + 0.15


def _some_poses(strips: list[Strip]) -> np.ndarray:
    """First persons of all strips, for the question which way is up."""
    clips = [strip.keypoint[0, ::4] for strip in strips if strip.keypoint is not None]
    return np.concatenate(clips) if clips else np.zeros((0, 1, 3))


def _wrap(title: str, columns: int = 22) -> str:
    import textwrap

    return '\n'.join(textwrap.wrap(title, columns, max_lines=2, placeholder=' ...'))

"""Writes ``.skeleton`` files as a Kinect v2 recorder does: whole ones, and broken ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

Frames = list[dict[str, np.ndarray]]


def person(rng: np.random.Generator, frames: int, wide: float = 0.0,
           moving: float = 0.3) -> np.ndarray:
    """Joints (frames, 25, 3) of a body that walks about.

    Args:
        rng (np.random.Generator): Draws it.
        frames (int): How many.
        wide (float): Share of frames in which it is wider than tall. Defaults to 0.
        moving (float): How far it gets, metres. Defaults to 0.3.
    """
    shape = rng.uniform((-0.3, -0.9, -0.1), (0.3, 0.8, 0.1), (25, 3))
    path = np.cumsum(rng.normal(0, moving / np.sqrt(frames), (frames, 1, 3)), axis=0)
    joints = shape + path + rng.uniform((-1, -0.2, 2), (1, 0.2, 4))
    joints += rng.normal(0, 0.01, joints.shape)
    joints[rng.random(frames) < wide, :, 0] *= 20
    return joints.astype(np.float32)


def scene(rng: np.random.Generator, frames: int, bodies: int) -> Frames:
    """Frames of a recording with all that makes one hard.

    Bodies come and go, some for less than 12 frames, some come back after a gap, some are noise
    that is wider than tall, all move by different amounts, and in some frames nobody is there.
    """
    scenes: Frames = [{} for _ in range(frames)]
    for i in range(bodies):
        start = int(rng.integers(0, max(frames - 8, 1))) if i else 0
        length = int(rng.integers(1, 16)) if rng.random() < 0.25 else int(rng.integers(8, frames))
        joints = person(rng, frames, rng.choice([0, 0, 0.1, 0.6, 0.72, 1]), rng.uniform(0.01, 1))
        gap = rng.integers(0, frames, 2) if rng.random() < 0.3 else (0, 0)
        for frame in range(start, min(start + length, frames)):
            if not gap[0] <= frame < gap[1]:
                scenes[frame][str(72057594037927936 + 37 * i)] = joints[frame]
    if rng.random() < 0.4:
        for frame in rng.integers(0, frames, 3):
            scenes[frame] = {}
    if not any(scenes):
        scenes[0]['72057594037927936'] = person(rng, 1)[0]
    return scenes


def lines_of(frames: Frames, number: str = '.7G', rest: Callable[[], str] | None = None,
             seed: int = 0) -> list[str]:
    """Lines of a file.

    Args:
        frames (Frames): Joints (25, 3) by body id, for every frame.
        number (str): Format of numbers, as in f-strings. Defaults to ``'.7G'``, the recorder's.
        rest (Callable, optional): Gives the nine columns of a joint that are not x, y or z.
        seed (int): Draws them by default. Defaults to 0.
    """
    rng = np.random.default_rng(seed)
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for identity, joints in bodies.items():
            lean = ' '.join(f'{value:.7G}' for value in rng.uniform(-1, 1, 2))
            lines += [f'{identity} 0 1 1 1 1 0 {lean} 2', '25']
            columns = rng.uniform((0, 0, 0, 0, -1, -1, -1, -1), (512, 424, 1920, 1080, 1, 1, 1, 1),
                                  (25, 8))
            for joint, values in zip(joints.tolist(), columns.tolist(), strict=True):
                text = [f'{value:{number}}' for value in joint]
                text.append(rest() if rest else ' '.join(f'{value:.7G}' for value in values) + ' 2')
                lines.append(' '.join(text))
    return lines


def write(path: Path, frames: Frames, newline: str = '\r\n', **options) -> Path:
    """Write a file, making its folder; options are those of :func:`lines_of`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((newline.join(lines_of(frames, **options)) + newline).encode())
    return path


def line_damages(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Versions of a file with lines lost, doubled, exchanged, cut or joined, or a word changed."""
    rng = np.random.default_rng(seed)
    words = ('0', '-1', '1e9', 'nan', '-inf', '25', '26', '999999', '99999999999999999999', '2.5',
             '', '0.1.2', '--1', '1,5', '0x1F', '\u0661', '1_0', '1e-400', '9' * 5000)
    for kind in rng.integers(0, 6, count):
        lines = content.split(b'\n')
        for _ in range(rng.integers(1, 3)):
            i, j = (int(place) for place in rng.integers(0, len(lines) - 1, 2))
            if kind == 0:
                del lines[i:i + int(rng.integers(1, 30))]
                lines.append(b'')
            elif kind == 1:
                lines[i:i] = lines[i:i + int(rng.integers(1, 30))]
            elif kind == 2:
                lines[i], lines[j] = lines[j], lines[i]
            elif kind == 3:
                lines[i] = lines[i][:int(rng.integers(0, len(lines[i]) + 1))]
            elif kind == 4:
                lines[i] += lines.pop(i + 1)
            else:
                text = lines[i].split(b' ')
                text[rng.integers(len(text))] = words[rng.integers(len(words))].encode()
                lines[i] = b' '.join(text)
        yield b'\n'.join(lines)

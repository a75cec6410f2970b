"""The ``.skeleton`` text files of NTU RGB+D, read whole instead of line by line."""

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.converters.ntu_numbers import leading_numbers
from cocodiff_mm.datasets.converters.source import BadClip

NUM_JOINTS = 25
MAX_BODIES = 6  # Kinect v2 tracks no more
FARTHEST = 1000  # metres; what lies farther is a damaged number
_BODY_NUMBERS, _JOINT_NUMBERS = 10, 12
_BODY_LINES = 2 + NUM_JOINTS
_JOINT_LINES = np.arange(2, _BODY_LINES)
# Digits of a count; characters of a wrong line that are shown.
_DIGITS, _SHOWN = 6, 40


@dataclass(frozen=True)
class Recording:
    """What a ``.skeleton`` file holds.

    Args:
        bodies (dict): Body id, as the file writes it, to the frames that show it, int64, shape
            (n,), and its joints in metres, float32, shape (n, 25, 3); ids in the order of their
            first frames. Frames are counted from 0, those without any body left out.
        num_frames (int): Number of frames with at least one body.
        dropped (tuple[int]): Frames without a body, as the file counts them, from 0.
    """

    bodies: dict[str, tuple[np.ndarray, np.ndarray]]
    num_frames: int
    dropped: tuple[int, ...]


def read_skeleton(path: str | Path) -> Recording:
    """Read a ``.skeleton`` file of NTU RGB+D (arXiv 1604.02808, 1905.04757).

    The file is text: the number of frames; per frame the number of bodies; per body a line of
    its id and 9 numbers, the line ``25`` and a line of 12 numbers per joint. Only x, y and z of
    the joints are read, so that their other columns may hold anything. Values are those of
    ``np.float32(float(text))``.

    Args:
        path (str | Path): The file.

    Returns:
        Recording: Its bodies.

    Raises:
        BadClip: If the file can't be read, is cut short, holds more or fewer frames than it says
            or no body at all, or if anything in it is not what belongs there.
    """
    try:
        with open(path, 'rb', buffering=0) as file:
            data = file.readall()
    except OSError as error:
        raise BadClip(f'{path} can not be read: {error.strerror or error}') from error
    if not data or data.isspace():
        raise BadClip(f'{path} is empty')
    return _Reader(path, data if data.endswith(b'\n') else data + b'\n').read()


class _Reader:
    """Finds the bodies by the lines, counted from 0, then reads all coordinates at once.

    Attributes:
        frame_lines (np.ndarray | list[int]): Line of every frame's number of bodies.
        body_lines (np.ndarray | list[int]): First line of every body in every frame.
        frames (np.ndarray | list[int]): Frame of these.
    """

    def __init__(self, path: str | Path, data: bytes) -> None:
        self.path, self.data = path, data
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord('\n'))
        self.starts = np.concatenate([[0], ends + 1])
        self.num_lines = len(ends)
        self.frame_lines = self.body_lines = self.frames = ()
        self.total = self._count(0, 'the number of frames')

    def read(self) -> Recording:
        if not self.total:
            raise BadClip(f'{self.path} says that it has 0 frames')
        if not self._find_bodies():
            self._walk()
        if not len(self.frames):
            raise BadClip(f'{self.path} has no body in any of its {self.total} frames')
        tracks = self._tracks()
        joints = self._joints()
        frames = np.asarray(self.frames)
        kept = np.zeros_like(frames)
        np.cumsum(frames[1:] > frames[:-1], out=kept[1:])
        num_frames, dropped = int(kept[-1]) + 1, ()
        if num_frames < self.total:
            dropped = tuple(sorted({*range(self.total)}.difference(frames.tolist())))
        bodies = {}
        for identity, track in tracks.items():
            shown = kept[track]
            if (shown[1:] == shown[:-1]).any():
                twice = track[(shown[1:] == shown[:-1]).argmax() + 1]
                raise self._wrong(self.body_lines[twice], 'every body once in a frame')
            bodies[identity.decode()] = shown, joints[track]
        return Recording(bodies, num_frames, dropped)

    def _find_bodies(self) -> bool:
        """Find the bodies of all frames if all counts are where they belong, else do nothing."""
        newline = b'\r\n' if self.data[:self.starts[1]].endswith(b'\r\n') else b'\n'
        widths = self.starts[2:] - self.starts[1:-1]
        lines = np.flatnonzero(widths == 1 + len(newline)) + 1
        if len(lines) != self.total or lines[0] != 1:
            return False
        counts = self._difference(lines, b'0' + newline)
        if counts.max() > MAX_BODIES:
            return False
        ends = lines + 1 + _BODY_LINES * counts
        if ends[-1] != self.num_lines or (ends[:-1] != lines[1:]).any():
            return False
        frames = np.repeat(np.arange(self.total), counts)
        body_lines = 2 + frames + _BODY_LINES * np.arange(len(frames))
        if self._difference(body_lines + 1, b'%d' % NUM_JOINTS + newline).any():
            return False
        self.frame_lines, self.body_lines, self.frames = lines, body_lines, frames
        return True

    def _difference(self, lines: np.ndarray, text: bytes) -> np.ndarray:
        """What the first bytes of lines, taken as a number, have that those of a text have not."""
        data, starts, size = self.data, self.starts[lines], 4
        if starts.size and starts[-1] > len(data) - size:
            data += bytes(size)
        words = np.ndarray(len(data) - size + 1, '<u4', data, strides=(1, ))[starts]
        words ^= int.from_bytes(text, 'little')
        words &= (1 << 8 * len(text)) - 1
        return words.astype(np.int64)

    def _walk(self) -> None:
        """Find the bodies line by line, whatever the spacing, or say what is wrong."""
        self.frame_lines, self.body_lines, self.frames, line = [], [], [], 1
        for frame in range(self.total):
            self.frame_lines.append(line)
            bodies = self._count(line, 'the number of bodies')
            if bodies > MAX_BODIES:
                raise self._wrong(line, f'at most {MAX_BODIES} bodies')
            line += 1
            for _ in range(bodies):
                if line + _BODY_LINES > self.num_lines:
                    raise self._cut_short()
                self._identity(line)
                if self._count(line + 1, 'the number of joints') != NUM_JOINTS:
                    raise self._wrong(line + 1, f'{NUM_JOINTS} joints')
                self.body_lines.append(line)
                self.frames.append(frame)
                line += _BODY_LINES
        rest = self.data[self.starts[line]:]
        if rest and not rest.isspace():
            raise self._wrong(line, f'the end of the file, after {self.total} frames')
        self.body_lines = np.array(self.body_lines, np.int64)

    def _tracks(self) -> dict[bytes, np.ndarray]:
        """Per body id its places in ``body_lines``, ids in the order of their first frames."""
        tracks: dict[bytes, np.ndarray] = {}
        left, starts = np.arange(len(self.body_lines)), self.starts[self.body_lines]
        while left.size:
            identity = self._identity(self.body_lines[left[0]])
            word = np.frombuffer(identity + b' ', np.uint8)
            windows = np.ndarray(
                len(self.data) - word.size + 1, f'V{word.size}', self.data, strides=(1, ))
            found = windows[starts[left]].view(np.uint8).reshape(-1, word.size)
            same = (found == word).all(axis=1)
            same[0] = True  # whatever the spacing
            tracks[identity] = np.concatenate([tracks.get(identity, left[:0]), left[same]])
            left = left[~same]
        return tracks

    def _identity(self, line: int) -> bytes:
        words = self._line(line).split()
        if len(words) != _BODY_NUMBERS or not words[0].isdigit():
            raise self._wrong(line, f'{_BODY_NUMBERS} numbers, the first a body id')
        return words[0]

    def _joints(self) -> np.ndarray:
        """Joints of all bodies in all frames, shape (bodies, 25, 3)."""
        lines = (self.body_lines[:, None] + _JOINT_LINES).ravel()
        if len(self._line(lines[-1]).split()) < _JOINT_NUMBERS:
            raise self._wrong(lines[-1], f'{_JOINT_NUMBERS} numbers')
        values, known = leading_numbers(self.data, self.starts[lines])
        for i in np.flatnonzero(~known):
            values[i] = self._joint(lines[i])
        near = np.abs(values) < FARTHEST
        if not near.all():
            raise self._wrong(lines[near.all(axis=1).argmin()],
                              f'x, y and z within {FARTHEST} m of the camera')
        return values.astype(np.float32).reshape(-1, NUM_JOINTS, 3)

    def _joint(self, line: int) -> list[float]:
        """One joint, however its numbers are written."""
        try:
            x, y, z = map(float, self._line(line).split(None, 3)[:3])
        except ValueError:
            raise self._wrong(line, 'x, y and z of a joint') from None
        return [x, y, z]

    def _count(self, line: int, what: str) -> int:
        if line >= self.num_lines:
            raise self._cut_short()
        word = self._line(line).strip()
        if not word.isdigit() or len(word) > _DIGITS:
            raise self._wrong(line, what)
        return int(word)

    def _line(self, line: int) -> bytes:
        return self.data[self.starts[line]:self.starts[line + 1]]

    def _wrong(self, line: int, expected: str) -> BadClip:
        frame = bisect_right(self.frame_lines, line)
        place = f' (frame {frame} of {self.total})' if frame else ''
        got = self._line(line).strip()[:_SHOWN + 1].decode('ascii', 'backslashreplace')
        got = ascii(got[:_SHOWN]) + '...' * (len(got) > _SHOWN)
        return BadClip(f'{self.path}, line {line + 1}{place}: expected {expected}, got {got}')

    def _cut_short(self) -> BadClip:
        return BadClip(f'{self.path} is cut short: it ends in frame {len(self.frame_lines)} of '
                       f'{self.total}')

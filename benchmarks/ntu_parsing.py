"""How fast .skeleton files of NTU RGB+D are read, against reading them line by line.

python benchmarks/ntu_parsing.py [--files 24] [--frames 84] [--rounds 9] [--out parsing.json]

One process. Files are generated, every fourth with two bodies. A few files are read in turn in
each way, so that a noisy machine disturbs all alike; a ratio is one of such neighbours.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tests'))

from skeleton_files import person, write  # noqa: E402

from cocodiff_mm.datasets.converters.ntu_denoise import find_actors  # noqa: E402
from cocodiff_mm.datasets.converters.ntu_skeleton import read_skeleton  # noqa: E402

BATCH = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--files', type=int, default=24)
    parser.add_argument('--frames', type=int, default=84, help='of a file, on average')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--out', type=Path, help='write the figures to this JSON file')
    args = parser.parse_args()
    work: dict[str, Callable[[Path], object]] = {
        'ours': read_skeleton,
        'ours with actors': lambda path: find_actors(read_skeleton(path)),
        'line by line': read_joints,
        'line by line with colours': read_joints_and_colours,
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = generate(Path(folder), args.files, args.frames)
        size = sum(path.stat().st_size for path in paths) / len(paths)
        check(paths)
        seconds = measure(work, paths, args.rounds)
    print(f'{args.files} files of {size / 1e3:.0f} kB on average, {args.rounds} rounds')
    rates = {name: [1 / second for second in times] for name, times in seconds.items()}
    for name, values in rates.items():
        print(f'{name:26s} {spread(values, "8.1f")} files per second')
    ratios = {name: [theirs / ours for theirs, ours in zip(times, seconds['ours'], strict=True)]
              for name, times in seconds.items() if name.startswith('line')}
    for name, values in ratios.items():
        print(f'{name + " / ours":34s} {spread(values, "6.2f")}')
    if args.out:
        args.out.write_text(json.dumps(dict(
            files=args.files, bytes_per_file=size, files_per_second=rates, ratios=ratios,
            median_ratios={name: statistics.median(values) for name, values in ratios.items()},
        ), indent=1))


def generate(folder: Path, files: int, frames: int) -> list[Path]:
    """Recordings of people from start to end, half to one and a half times ``frames`` long."""
    rng = np.random.default_rng(0)
    paths = []
    for i in range(files):
        length = int(rng.integers(frames // 2, frames + frames // 2 + 1))
        people = [person(rng, length) for _ in range(2 if i % 4 == 3 else 1)]
        paths.append(write(folder / f'{i}.skeleton', [
            {str(72057594037931101 + j): joints[t] for j, joints in enumerate(people)}
            for t in range(length)], seed=i))
    return paths


def measure(work: dict[str, Callable[[Path], object]], paths: Sequence[Path],
            rounds: int) -> dict[str, list[float]]:
    """Seconds per file of every way, in turn on the same few files; the first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for i in range(rounds + 1):
        for first in range(0, len(paths), BATCH):
            batch = paths[first:first + BATCH]
            for name, read in work.items():
                start = time.perf_counter()
                for path in batch:
                    read(path)
                if i:
                    seconds[name].append((time.perf_counter() - start) / len(batch))
    return seconds


def check(paths: Sequence[Path]) -> None:
    """Both ways must read the same, or their times mean nothing."""
    for path in paths:
        ours, theirs = read_skeleton(path).bodies, read_joints(path)
        if ours.keys() != theirs.keys() or not all(
                np.array_equal(ours[key][1], np.stack(theirs[key])) for key in ours):
            raise RuntimeError(f'{path}: the two ways of reading differ')


def spread(values: Sequence[float], form: str) -> str:
    """Median and the range that nine tenths of the values are in."""
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f'median {middle:{form}}   5 % {low:{form}}   95 % {high:{form}}'


def read_joints(path: Path) -> dict[str, list[np.ndarray]]:
    """Joints by body id, a line at a time."""
    return read_lines(path, lambda words: np.array(words[:3], dtype=np.float32))


def read_joints_and_colours(path: Path) -> dict[str, list[np.ndarray]]:
    """The same with the places of joints in the colour image, which the authors' script keeps."""
    return read_lines(path, lambda words: np.concatenate([
        np.array(words[:3], dtype=np.float32), np.array(words[5:7], dtype=np.float32)]))


def read_lines(path: Path, read_joint: Callable[[list[str]], np.ndarray]) -> dict[str, list]:
    with open(path) as file:
        lines = iter(file.readlines())
    bodies: dict[str, list[np.ndarray]] = {}
    for _ in range(int(next(lines))):
        for _ in range(int(next(lines))):
            identity = next(lines).split()[0]
            rows = [read_joint(next(lines).split()) for _ in range(int(next(lines)))]
            bodies.setdefault(identity, []).append(np.array(rows))
    return bodies


if __name__ == '__main__':
    main()

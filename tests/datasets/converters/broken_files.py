"""Files damaged at random, for readers that have to refuse them in a sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.clip import Clip, StoreInfo, check_clip
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.utils.graph import num_joints

# What a careless program leaves in the place of a number.
WORDS = (b'NaN', b'Infinity', b'1e999', b'null', b'"', b'[', b']', b'{}', b',', b'-', b' ', b'\n',
         b'\x00', b'\xff', b'1' * 50, b'true', b'abc')


def damaged(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Versions of a file that are cut short, or changed in up to four places."""
    rng = np.random.default_rng(seed)
    for kind in rng.integers(0, 5, count):
        if kind == 0:
            yield content[:rng.integers(0, len(content))]
            continue
        changed = bytearray(content)
        for _ in range(rng.integers(1, 5)):
            start = int(rng.integers(0, max(len(changed), 1)))
            end = start + int(rng.integers(1, 40))
            if kind == 1:
                changed[start:start + 1] = rng.bytes(1)
            elif kind == 2:
                del changed[start:end]
            elif kind == 3:
                changed[start:start] = changed[start:end]
            else:
                changed[start:start + int(rng.integers(0, 4))] = WORDS[rng.integers(len(WORDS))]
        yield bytes(changed)


def refuse_or_read(read: Callable[[], Clip], info: StoreInfo, path: Path, count: int = 150,
                   seed: int = 0) -> int:
    """Damage a file again and again: a reader either names it, or gives a clip for a store.

    Returns:
        int: How often it was refused.
    """
    content, refused = path.read_bytes(), 0
    try:
        for changed in damaged(content, count, seed):
            path.write_bytes(changed)
            try:
                clip = read()
            except BadClip as error:
                assert path.name in str(error) and len(str(error)) < 500, error
                refused += 1
            else:
                check_clip(clip, info, num_joints(info.layout))
    finally:
        path.write_bytes(content)
    return refused

"""A store small enough for a test, with clips that differ in everything."""

from pathlib import Path

import numpy as np

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.store_writer import StoreWriter

CLASSES = ('wave', 'clap', 'jump', 'sit')


def small_info(scores=False, dtype='float32', **changes) -> StoreInfo:
    """Five joints in a chain, three coordinates, four classes."""
    chain = dict(num_node=5, inward=[(i, i + 1) for i in range(4)], center=4)
    settings = dict(
        name='small', layout=chain, classes=CLASSES, coordinates=('x', 'y', 'z'), units='metres',
        source='a test', licence='none', citation='nobody', options=dict(made_by=['a test', 1]),
        has_score=scores, dtype=dtype)
    return StoreInfo(**{**settings, **changes})


def small_clips(number=8, scores=False) -> list[Clip]:
    """Clips of 1 or 2 persons and 1 to 9 frames, labels in turn; some know where they are from."""
    rng = np.random.default_rng(5)
    clips = []
    for i in range(number):
        shape = (1 + i % 2, int(rng.integers(1, 10)), 5)
        clips.append(Clip(
            f'clip{i}', rng.normal(size=(*shape, 3)), i % 4,
            score=rng.random(shape) if scores else None,
            subject=i, camera=i % 3, img_shape=(240, 320) if i % 3 else None))
    return clips


def small_store(path: Path, number=8, scores=False, dtype='float32', extra=None,
                **changes) -> Path:
    """Write the clips; split ``even`` has every other one, ``all`` has all, ``none`` has none."""
    with StoreWriter(path, small_info(scores, dtype, **changes)) as writer:
        for clip in small_clips(number, scores):
            writer.add(clip)
        return writer.finish(small_splits(number), extra)


def small_splits(number=8) -> dict[str, list[str]]:
    """Names of clips by split; some are not in the store."""
    names = [f'clip{i}' for i in range(number)]
    return dict(even=['elsewhere', *names[::-2][::-1]], all=names, none=[])

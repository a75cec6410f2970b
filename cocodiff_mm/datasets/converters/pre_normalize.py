import re
from dataclasses import replace
from functools import partial

import numpy as np

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.source import BadClip
from cocodiff_mm.datasets.converters.workers import Prepare
from cocodiff_mm.datasets.transforms.fast_pre_normalize3d import normalize_skeleton

# Lower and upper end of the spine, right and left shoulder, and the body's centre.
BODY_AXES: dict[str, dict] = {
    'nturgb+d': dict(zaxis=(0, 1), xaxis=(8, 4), center_joint=1),
    'nwucla': dict(zaxis=(0, 1), xaxis=(8, 4), center_joint=1),
    'utd_mhad': dict(zaxis=(3, 2), xaxis=(8, 4), center_joint=2),
    'sbu': dict(zaxis=(2, 1), xaxis=(6, 3), center_joint=2),
}


def pre_normalizer(info: StoreInfo) -> Prepare:
    """What puts the clips of a store into the axes of their main person's body.

    Raises:
        ValueError: If the joints are not in space or the body's axes are not known.
    """
    if len(info.coordinates) != 3:
        raise ValueError(f'--pre-normalize turns joints in space; {info.name} has the coordinates '
                         f'{", ".join(info.coordinates)}')
    if not isinstance(info.layout, str) or info.layout not in BODY_AXES:
        raise ValueError(f'--pre-normalize knows the spine and the shoulders of '
                         f'{", ".join(BODY_AXES)}; the layout is {info.layout!r}. Convert without '
                         'it and name the joints in the recipe\'s FastPreNormalize3D')
    return partial(_normalize, layout=info.layout)


def body_units(units: str) -> str:
    """Units of coordinates in the axes of the body; what is said of other axes holds no more."""
    return (f'{re.split("[,:;]", units)[0]}, axes of the body: z up the spine, x from the left to '
            'the right shoulder; origin: the middle of the main person\'s body in the first frame')


def _normalize(clip: Clip, layout: str) -> Clip:
    keypoint = np.asarray(clip.keypoint)
    axes = BODY_AXES[layout]
    if keypoint.ndim != 4 or keypoint.shape[3] != 3 \
            or keypoint.shape[2] <= max(*axes['zaxis'], *axes['xaxis'], axes['center_joint']):
        raise BadClip(f'{clip.name}: joints of shape {keypoint.shape}, expected (persons, frames, '
                      f'joints of {layout}, 3)')
    done = normalize_skeleton(keypoint, **axes)
    score = None if clip.score is None else clip.score[np.ix_(done.persons, done.frames)]
    return replace(clip, keypoint=done.keypoint, score=score,
                   valid=int(done.keypoint.any(axis=(0, 2, 3)).sum()))

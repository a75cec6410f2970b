import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.datasets.transforms.joints import per_joint


@TRANSFORMS.register_module()
class RandomScale(BaseTransform):
    """Scale a clip about the origin by random factors, the same in all frames and persons.

    Factors are uniform in 1 - scale .. 1 + scale and drawn from ``np.random``: one per axis, which
    stretches the body as PYSKL's transform of this name does, or a single one.

    Required Keys:

    - keypoint

    Modified Keys:

    - keypoint

    Args:
        scale (float): Largest change, from 0 to below 1. Defaults to 0.2.
        per_axis (bool): Whether each axis has its own factor. Defaults to True.

    Raises:
        ValueError: If ``scale`` is out of its range.
    """

    def __init__(self, scale: float = 0.2, per_axis: bool = True) -> None:
        if not 0 <= scale < 1:
            raise ValueError(f'scale={scale!r}: expected a number from 0 to below 1; 0.2 gives '
                             'factors from 0.8 to 1.2')
        self.scale = scale
        self.per_axis = per_axis

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) by a float32 one."""
        keypoint = results['keypoint']
        persons, frames, joints, coords = keypoint.shape
        factors = np.random.uniform(
            1 - self.scale, 1 + self.scale, size=coords if self.per_axis else 1)
        row = per_joint(np.broadcast_to(factors, coords), joints)
        scaled = np.asarray(keypoint, dtype=np.float32).reshape(persons, frames, -1) * row
        results['keypoint'] = scaled.reshape(keypoint.shape)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(scale={self.scale}, per_axis={self.per_axis})'

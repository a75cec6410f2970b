import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.datasets.transforms.joints import per_joint


@TRANSFORMS.register_module()
class MinMaxNormalize(BaseTransform):
    """Stretch each axis of a clip to -1 .. 1, over all of its frames, persons and joints.

    What CTR-GCN's authors do with Northwestern-UCLA, after their random rotation and before they
    draw frames. It undoes any shift and scale of the axes, so their centring and their random
    scale need no steps of their own. An axis without extent becomes 0, where theirs is NaN.
    Missing persons or joints count with their zeros.

    Required Keys:

    - keypoint

    Modified Keys:

    - keypoint
    """

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) by a float32 one."""
        keypoint = np.asarray(results['keypoint'], dtype=np.float32)
        joints, coords = keypoint.shape[2:]
        rows = keypoint.reshape(-1, joints * coords)
        low = rows.min(0).reshape(joints, coords).min(0)
        extent = rows.max(0).reshape(joints, coords).max(0) - low
        flat = extent == 0
        rows = rows - per_joint(low, joints)
        rows /= per_joint(np.where(flat, 1, extent), joints)
        rows *= 2
        rows -= per_joint(~flat, joints)
        results['keypoint'] = rows.reshape(keypoint.shape)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'

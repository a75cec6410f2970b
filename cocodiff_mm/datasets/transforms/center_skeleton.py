import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.datasets.transforms.joints import per_joint


@TRANSFORMS.register_module()
class CenterSkeleton(BaseTransform):
    """Move a clip so that a joint of the first person starts at the origin; nothing is turned.

    The translation of CTR-GCN's authors (arXiv 2107.12213): the joint's place in the first frame
    that holds the first person is subtracted from everybody in every frame. A person who is absent
    from a frame, all zero, stays at zero. A clip that has been moved already is left as it is.

    Required Keys:

    - keypoint

    Modified Keys:

    - keypoint

    Args:
        joint (int): The joint, from 0. Defaults to 1, the middle of NTU RGB+D's spine.

    Raises:
        ValueError: If the clip has no such joint.
    """

    def __init__(self, joint: int = 1) -> None:
        self.joint = joint

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) by a float32 one."""
        keypoint = results['keypoint']
        persons, frames, joints = keypoint.shape[:3]
        if not 0 <= self.joint < joints:
            raise ValueError(f'CenterSkeleton(joint={self.joint}): the clip '
                             f'{results.get("frame_dir")!r} has joints 0 to {joints - 1}')
        first = 0 if keypoint[0, 0].any() else int(keypoint[0].any((1, 2)).argmax())
        origin = np.asarray(keypoint[0, first, self.joint], dtype=np.float32)
        if not origin.any():
            return results
        flat = keypoint.reshape(persons, frames, -1)
        moved = flat - per_joint(origin, joints)
        # Nearly always the first joint tells that a person is there.
        doubtful = (flat[..., 0] == 0).nonzero()
        if len(doubtful[0]):
            absent = ~flat[doubtful].any(-1)
            moved[doubtful[0][absent], doubtful[1][absent]] = 0
        results['keypoint'] = moved.reshape(keypoint.shape)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(joint={self.joint})'

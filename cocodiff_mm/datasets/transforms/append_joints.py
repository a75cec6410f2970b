import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class AppendJoints(BaseTransform):
    """Put the joints behind the stream that a step makes of them, as more coordinates.

    For networks that see both, as BlockGCN with ``joint_channels``: a joint has the C coordinates
    of the stream and then its own C. Confidence scores, where there are some, become the last
    coordinate of either, as ``FormatGCNInput`` makes them of a stream alone.

    Required Keys:

    - keypoint
    - keypoint_score (optional)

    Modified Keys:

    - keypoint

    Removed Keys:

    - keypoint_score (optional)

    Args:
        step (dict): Config of the transform that makes the stream, such as
            ``dict(type='SkeletonStream', stream='b', layout='nturgb+d')``.

    Raises:
        ValueError: If the step changes the number of persons, frames or joints.
    """

    def __init__(self, step: dict) -> None:
        self.step = TRANSFORMS.build(step)

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) by a float32 one of (M, T, V, 2 C)."""
        joints = _coordinates(results)
        results = self.step(results)
        stream = _coordinates(results)
        if stream[0].shape[:3] != joints[0].shape[:3]:
            raise ValueError(
                f'AppendJoints: {type(self.step).__name__} made (persons, frames, joints) = '
                f'{stream[0].shape[:3]} of {joints[0].shape[:3]}; put AppendJoints around the one '
                'step that makes the stream, as SkeletonStream')
        results.pop('keypoint_score', None)
        results['keypoint'] = np.concatenate([*stream, *joints], axis=-1, dtype=np.float32)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(step={self.step})'


def _coordinates(results: dict) -> list[np.ndarray]:
    score = results.get('keypoint_score')
    return [results['keypoint'], *([] if score is None else [score[..., None]])]

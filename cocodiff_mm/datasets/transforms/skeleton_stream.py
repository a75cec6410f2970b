import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.graph import bones

STREAMS = ('j', 'b', 'jm', 'bm')


@TRANSFORMS.register_module()
class SkeletonStream(BaseTransform):
    """Turn joints into the stream that a recipe learns from, for any skeleton.

    A bone points from a joint's parent to the joint, zero at the root; motion is the next frame
    minus the current one, zero in the last frame.

    Required Keys:

    - keypoint

    Modified Keys:

    - keypoint

    Args:
        stream (str): ``'j'`` joints, ``'b'`` bones, ``'jm'`` joint motion, ``'bm'`` bone motion.
            Defaults to ``'j'``.
        layout (str | dict): Skeleton, as in a backbone's ``graph_cfg``.
            Defaults to ``'nturgb+d'``.

    Raises:
        ValueError: If the stream or the layout is unknown, or joints are not the layout's.
    """

    def __init__(self, stream: str = 'j', layout: str | dict = 'nturgb+d') -> None:
        check_choice('stream', stream, STREAMS)
        self.stream = stream
        self.child, self.parent = np.array(bones(layout)).T

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C)."""
        keypoint = results['keypoint']
        if self.stream in ('b', 'bm'):
            joints = max(self.child.max(), self.parent.max()) + 1
            if keypoint.shape[2] != joints:
                raise ValueError(f'stream {self.stream!r}: the layout has {joints} joints, the '
                                 f'clip {results.get("frame_dir")!r} has {keypoint.shape[2]}')
            bone = np.zeros_like(keypoint)
            bone[:, :, self.child] = keypoint[:, :, self.child] - keypoint[:, :, self.parent]
            keypoint = bone
        if self.stream in ('jm', 'bm'):
            motion = np.zeros_like(keypoint)
            motion[:, :-1] = np.diff(keypoint, axis=1)
            keypoint = motion
        results['keypoint'] = keypoint
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(stream={self.stream!r})'

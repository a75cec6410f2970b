from collections.abc import Callable

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.graph import bones, num_joints

STREAMS = ('j', 'b', 'jm', 'bm')


@TRANSFORMS.register_module()
class SkeletonStream(BaseTransform):
    """Turn joints into the stream that a recipe learns from, for any skeleton.

    A bone points from a joint's parent to the joint, zero at the root; motion is the next frame
    minus the current one, zero in the last frame. Half-precision joints are subtracted in float32.
    The confidence of a difference is the mean of the two, as in MMAction2.

    Required Keys:

    - keypoint
    - keypoint_score (optional)

    Modified Keys:

    - keypoint
    - keypoint_score (optional)

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
        # Where a bone starts; at a root it starts where it ends, which leaves zero.
        self.start = np.arange(num_joints(layout))
        self.start[self.child] = self.parent

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) and ``keypoint_score`` of (M, T, V)."""
        joints = results['keypoint'].shape[2]
        if self.stream in ('b', 'bm') and joints != len(self.start):
            raise ValueError(f'stream {self.stream!r}: the layout has {len(self.start)} joints, '
                             f'the clip {results.get("frame_dir")!r} has {joints}')
        keypoint = results['keypoint']
        keypoint = np.asarray(keypoint, dtype=np.result_type(keypoint, np.float32))
        results['keypoint'] = self._stream(keypoint, np.subtract)
        if 'keypoint_score' in results:
            score = np.asarray(results['keypoint_score'], dtype=np.float32)
            results['keypoint_score'] = self._stream(score, _mean)
        return results

    def _stream(self, values: np.ndarray, combine: Callable) -> np.ndarray:
        if self.stream in ('b', 'bm'):
            values = combine(values, values.take(self.start, axis=2))
        if self.stream in ('jm', 'bm'):
            motion = np.zeros_like(values)
            motion[:, :-1] = combine(values[:, 1:], values[:, :-1])
            values = motion
        return values

    def __repr__(self) -> str:
        return f'{type(self).__name__}(stream={self.stream!r})'


def _mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a + b) / 2

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.datasets.transforms.skeleton_stream import STREAMS, SkeletonStream
from cocodiff_mm.utils.choices import check_choice
from cocodiff_mm.utils.graph import num_joints
from cocodiff_mm.utils.hierarchy import joint_groups


@TRANSFORMS.register_module()
class RelativeStream(BaseTransform):
    """Streams of BlockGCN: each frame seen from a joint, which itself keeps its trajectory.

    Joints are relative to a joint of the same frame and person, in whose own place stays where it
    is. Bones are those of :class:`SkeletonStream`, but in the root's place, which is zero there,
    stays where the root is. Motion is the next frame minus the current one of either, zero in the
    last frame. The processing of BlockGCN's authors (CVPR 2024) for NTU RGB+D, where joint and
    root are its joint 21. The confidence of a difference is the mean of the two.

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
        joint (int, optional): The joint that ``'j'`` and ``'jm'`` are relative to, from 0.
            Defaults to the centre of the layout.

    Raises:
        ValueError: If the stream or the layout is unknown, the layout has no such joint, or joints
            are not the layout's.
    """

    def __init__(self,
                 stream: str = 'j',
                 layout: str | dict = 'nturgb+d',
                 joint: int | None = None) -> None:
        check_choice('stream', stream, STREAMS)
        joints = num_joints(layout)
        if joint is not None and not 0 <= joint < joints:
            raise ValueError(f'RelativeStream(joint={joint}): the layout has joints 0 to '
                             f'{joints - 1}')
        self.stream = stream
        if stream in ('b', 'bm'):
            self.start = SkeletonStream('b', layout).start
        else:
            # The first group of a hierarchy is the centre alone.
            self.start = np.full(joints, joint_groups(layout)[0][0] if joint is None else joint)
        self.kept = np.flatnonzero(self.start == np.arange(joints))
        self.motion = SkeletonStream('jm' if stream in ('jm', 'bm') else 'j', layout)

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, C) and ``keypoint_score`` of (M, T, V)."""
        keypoint = results['keypoint']
        if keypoint.shape[2] != len(self.start):
            raise ValueError(f'RelativeStream: the layout has {len(self.start)} joints, the clip '
                             f'{results.get("frame_dir")!r} has {keypoint.shape[2]}')
        keypoint = np.asarray(keypoint, dtype=np.result_type(keypoint, np.float32))
        origin = keypoint.take(self.start, axis=2)
        origin[:, :, self.kept] = 0
        results['keypoint'] = np.subtract(keypoint, origin, out=origin)
        if 'keypoint_score' in results:
            score = np.asarray(results['keypoint_score'], dtype=np.float32)
            results['keypoint_score'] = (score + score.take(self.start, axis=2)) / 2
        return self.motion.transform(results)

    def __repr__(self) -> str:
        kept = ', '.join(map(str, self.kept))
        return f'{type(self).__name__}(stream={self.stream!r}, keeps joint {kept})'

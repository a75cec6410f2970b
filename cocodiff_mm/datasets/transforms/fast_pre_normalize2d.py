import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class FastPreNormalize2D(BaseTransform):
    """MMAction2's ``PreNormalize2D`` that leaves missing joints at zero and its input alone.

    The image's centre becomes the origin, its edges -1 and 1. A joint that was not found is stored
    as (0, 0): it stays there, in the centre, as in ST-GCN's Kinetics-Skeleton, and a frame without
    a pose stays one.

    Required Keys:

    - keypoint
    - img_shape (optional)

    Modified Keys:

    - keypoint

    Args:
        img_shape (tuple[int, int]): Height and width of the image where a clip does not say.
            Defaults to (1080, 1920).

    Raises:
        ValueError: If joints are not in the image.
    """

    def __init__(self, img_shape: tuple[int, int] = (1080, 1920)) -> None:
        self.img_shape = tuple(img_shape)

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, 2) by a float32 one."""
        keypoint = np.asarray(results['keypoint'], dtype=np.float32)
        if keypoint.shape[-1] != 2:
            raise ValueError('FastPreNormalize2D needs joints in the image, x and y; the clip '
                             f'{results.get("frame_dir")!r} has {keypoint.shape[-1]} coordinates '
                             'per joint: take FastPreNormalize2D out of the pipeline')
        height, width = results.get('img_shape', self.img_shape)
        half = np.array([width, height], dtype=np.float32) / 2
        found = keypoint.any(-1, keepdims=True)
        results['keypoint'] = np.where(found, (keypoint - half) / half, np.float32(0))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(img_shape={self.img_shape})'

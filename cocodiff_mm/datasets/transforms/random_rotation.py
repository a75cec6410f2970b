import math
from collections.abc import Sequence

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from cocodiff_mm.datasets.transforms.joints import check_3d, rotate


@TRANSFORMS.register_module()
class RandomRotation(BaseTransform):
    """Turn a clip about the axes by random angles, one rotation for all frames and persons.

    Angles are uniform in -theta .. theta and drawn from ``np.random`` for x, y and z in this
    order, whatever ``order`` says. Signs and the default order are those of CTR-GCN's authors
    (arXiv 2107.12213) for NTU RGB+D: column vectors are multiplied by Rz Ry Rx, where Rx has the
    rows (1, 0, 0), (0, cos, sin), (0, -sin, cos), and so on. For Northwestern-UCLA they turn about
    y before x, by up to 60 degrees: ``theta=(1.047, 1.047, 0)`` with ``order='yxz'``.

    Required Keys:

    - keypoint

    Modified Keys:

    - keypoint

    Args:
        theta (float | tuple[float]): Largest angle, radians; one for all axes or those for x, y
            and z. Defaults to 0.3.
        order (str): The axes in the order in which the clip turns about them.
            Defaults to ``'xyz'``.

    Raises:
        ValueError: If an argument is out of its range, or joints are not in space.
    """

    def __init__(self, theta: float | Sequence[float] = 0.3, order: str = 'xyz') -> None:
        angles = tuple(theta) if isinstance(theta, Sequence) else (theta, ) * 3
        if len(angles) != 3 or not all(0 <= angle <= np.pi for angle in angles):
            raise ValueError(f'theta={theta!r}: expected one angle, or three for x, y and z, in '
                             'radians from 0 to pi')
        if sorted(order) != ['x', 'y', 'z']:
            raise ValueError(f"order={order!r}: expected each of x, y and z once, as in 'xyz'")
        self.theta = angles
        self.order = order

    def transform(self, results: dict) -> dict:
        """Replace ``keypoint`` of shape (M, T, V, 3) by a float32 one."""
        keypoint = results['keypoint']
        check_3d(type(self).__name__, keypoint, results.get('frame_dir'))
        limit = np.array(self.theta)
        angles = np.random.uniform(-limit, limit)
        results['keypoint'] = rotate(keypoint, rotation_matrix(angles, self.order))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(theta={self.theta}, order={self.order!r})'


def rotation_matrix(angles: Sequence[float], order: str) -> np.ndarray:
    """Matrix that turns column vectors about the axes, see :class:`RandomRotation`.

    Args:
        angles (Sequence[float]): Angles about x, y and z, radians; positive is clockwise when
            looking against the axis.
        order (str): The axes, the first to turn about first.

    Returns:
        np.ndarray: Shape (3, 3), float64.
    """
    rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    for axis in order:
        index = 'xyz'.index(axis)
        cos, sin = math.cos(angles[index]), math.sin(angles[index])
        first, second = (index + 1) % 3, (index + 2) % 3
        pairs = list(zip(rows[first], rows[second], strict=True))
        rows[first] = [cos * a + sin * b for a, b in pairs]
        rows[second] = [cos * b - sin * a for a, b in pairs]
    return np.array(rows)

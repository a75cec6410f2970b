"""What a layout says of a body: which joints are linked, left, right, above and below."""

import numpy as np

from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.utils.graph import build_adjacency

LEFT, MIDDLE, RIGHT = -1, 0, 1
_TOP, _BOTTOM = ('head', 'nose'), ('foot', 'ankle')


def links(layout: str | dict) -> np.ndarray:
    """Child and parent of every edge of the graph, shape (E, 2), in the order of children.

    Not the bones of bone streams: those of the published layouts link some joints that no body
    links.
    """
    inward = build_adjacency(dict(layout=layout))[1].numpy()
    return np.argwhere(inward.T)


def sides(layout: str | dict) -> np.ndarray | None:
    """LEFT, MIDDLE or RIGHT for every joint, shape (V,), or None if joints have no names."""
    names = _names(layout)
    if names is None:
        return None
    return np.array([LEFT if 'left' in name else RIGHT if 'right' in name else MIDDLE
                     for name in names])


def upright(layout: str | dict, poses: np.ndarray) -> tuple[int, int]:
    """The axis along which bodies stand, measured from feet to head.

    Args:
        layout (str | dict): Skeleton.
        poses (np.ndarray): Joints, shape (K, V, C); a joint of zeros is missing.

    Returns:
        tuple[int, int]: Axis, and 1 if the head has the larger values or -1 if the feet have.
        Without names of joints or without poses: y, up in space and down in an image.
    """
    names, default = _names(layout), (1, 1 if poses.shape[-1] > 2 else -1)
    if names is None or not len(poses):
        return default
    top = [i for i, name in enumerate(names) if any(part in name for part in _TOP)]
    bottom = [i for i, name in enumerate(names) if any(part in name for part in _BOTTOM)]
    chosen = poses[:, top + bottom]
    whole = poses[chosen.any(axis=-1).all(axis=1)] if top and bottom else poses[:0]
    if not len(whole):
        return default
    rise = np.median(whole[:, top].mean(axis=1) - whole[:, bottom].mean(axis=1), axis=0)
    axis = int(np.abs(rise).argmax())
    return axis, 1 if rise[axis] > 0 else -1


def _names(layout: str | dict) -> list[str] | None:
    names = JOINTS.get(layout) if isinstance(layout, str) else None
    return None if names is None else [name.lower() for name in names]

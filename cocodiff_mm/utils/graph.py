import torch
from torch import Tensor

from cocodiff_mm.utils.choices import check_choice

# The neighbour of each joint on its way to the centre, which is its own. Joints count from 0.
_PARENTS = {
    'nturgb+d': (1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 7, 7,
                 11, 11),
    'openpose': (1, 1, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15),
    'coco': (0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    # Kinect v1 in two orders of joints: hip centre first, and head first.
    'nwucla': (1, 2, 2, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18),
    'utd_mhad': (1, 1, 1, 2, 1, 4, 5, 6, 1, 8, 9, 10, 3, 12, 13, 14, 3, 16, 17, 18),
    'sbu': (1, 1, 1, 1, 3, 4, 1, 6, 7, 2, 9, 10, 2, 12, 13),
}
# Published bone streams hang hand tips, hips and neck elsewhere than the published graphs do.
_BONE_PARENTS = {
    'nturgb+d': (*_PARENTS['nturgb+d'][:21], 22, 7, 24, 11),
    'openpose': (0, 0, *_PARENTS['openpose'][2:]),
    'coco': (*_PARENTS['coco'][:11], 0, 0, *_PARENTS['coco'][13:]),
    'nwucla': _PARENTS['nwucla'],
    'utd_mhad': _PARENTS['utd_mhad'],
    'sbu': _PARENTS['sbu'],
}
_OWN_LAYOUT = 'dict(num_node=20, inward=[(child, parent), ...], center=2)'


def build_adjacency(graph_cfg: dict) -> Tensor:
    """Adjacency of the spatial partition: self, inward and outward.

    Entry ``[k, u, v]`` weighs what joint u takes from joint v; the columns of a subset sum to 1,
    or to 0 for a joint that gives nothing. The subsets of the authors' CTR-GCN (arXiv
    2107.12213), after the spatial partition of ST-GCN (arXiv 1801.07455).

    Args:
        graph_cfg (dict): ``layout``, as in :func:`num_joints`, and optionally
            ``mode='spatial'``, the only mode.

    Returns:
        Tensor: Float32, shape (3, V, V).

    Raises:
        ValueError: If a key, the mode or the layout is not valid.
    """
    if 'layout' not in graph_cfg or not set(graph_cfg) <= {'layout', 'mode'}:
        raise ValueError(f"graph_cfg has the keys {sorted(graph_cfg)}, expected 'layout' and "
                         "optionally 'mode', as in dict(layout='nturgb+d', mode='spatial')")
    check_choice('graph_cfg.mode', graph_cfg.get('mode', 'spatial'), ('spatial', ))
    num_node, edges = _read(graph_cfg['layout'])
    inward = torch.zeros(num_node, num_node)
    for child, parent in edges:
        inward[parent, child] = 1
    outward = inward.T
    return torch.stack([torch.eye(num_node), _normalize(inward), _normalize(outward)])


def bones(layout: str | dict) -> list[tuple[int, int]]:
    """Child and parent joint of every bone, for bone streams.

    For named layouts these are the bones of MMAction2's ``JointToBone``, which are not in all
    places the edges of the graph; for an own layout they are its ``inward`` edges.

    Args:
        layout (str | dict): As in :func:`num_joints`.

    Returns:
        list[tuple[int, int]]: One bone per joint but the root, joints counted from 0.

    Raises:
        ValueError: If the layout is not valid or a joint has two parents.
    """
    _, edges = _read(layout)
    if isinstance(layout, str):
        return _links(_BONE_PARENTS[layout])
    children = [child for child, _ in edges]
    twice = sorted({child for child in children if children.count(child) > 1})
    if twice:
        raise ValueError(f'bone streams take one parent per joint, but inward gives joints {twice} '
                         'several; keep one (child, parent) for each')
    return edges


def num_joints(layout: str | dict) -> int:
    """Number of joints V of a layout.

    Args:
        layout (str | dict): ``'nturgb+d'`` (25 joints), ``'openpose'`` (18), ``'coco'`` (17),
            ``'nwucla'`` (20), ``'utd_mhad'`` (20), ``'sbu'`` (15), or
            ``dict(num_node=V, inward=[(child, parent), ...], center=joint)`` with joints counted
            from 0 and every edge pointing towards the centre.

    Raises:
        ValueError: If the layout is not valid.
    """
    return _read(layout)[0]


def _links(parents: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(joint, parent) for joint, parent in enumerate(parents) if joint != parent]


def _normalize(adjacency: Tensor) -> Tensor:
    return adjacency / adjacency.sum(0).clamp(min=1)


def _read(layout: str | dict) -> tuple[int, list[tuple[int, int]]]:
    """Number of joints and inward edges of a valid layout."""
    if isinstance(layout, dict):
        return _read_own(layout)
    if not isinstance(layout, str) or layout not in _PARENTS:
        raise ValueError(f'unknown layout {layout!r}; allowed: '
                         f'{", ".join(map(repr, _PARENTS))} or {_OWN_LAYOUT}')
    return len(_PARENTS[layout]), _links(_PARENTS[layout])


def _read_own(layout: dict) -> tuple[int, list[tuple[int, int]]]:
    if set(layout) != {'num_node', 'inward', 'center'}:
        raise ValueError(f'layout has the keys {sorted(layout)}, expected {_OWN_LAYOUT}')
    num_node, center = layout['num_node'], layout['center']
    edges = [tuple(edge) for edge in layout['inward']]
    if not isinstance(num_node, int) or center not in range(num_node):
        raise ValueError(f'layout.num_node={num_node!r} with center={center!r}, expected a number '
                         'of joints and one of them, counted from 0')
    joints = range(num_node)
    for edge in edges:
        if len(edge) != 2 or edge[0] not in joints or edge[1] not in joints or edge[0] == edge[1]:
            raise ValueError(f'layout.inward has the edge {edge}, expected (child, parent), two '
                             f'different joints counted from 0 to {num_node - 1}')
    reached, front = {center}, [center]
    while front:
        joint = front.pop()
        found = {child for child, parent in edges if parent == joint} - reached
        reached |= found
        front += found
    if len(reached) < num_node:
        raise ValueError(f'joints {sorted(set(joints) - reached)} do not lead to center={center} '
                         'through layout.inward; give every joint an edge (child, parent) towards '
                         'the centre')
    return num_node, edges

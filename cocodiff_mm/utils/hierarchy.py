from collections.abc import Sequence

import torch
from torch import Tensor

from cocodiff_mm.utils.graph import build_adjacency


def joint_groups(layout: str | dict,
                 center: int | None = None,
                 max_layers: int = 6) -> list[list[int]]:
    """Joints grouped by their distance to a centre, nearest first: the hierarchy of HD-GCN.

    The distance is the number of bones from one joint to the other. Two adjacent groups are a
    layer; joints beyond the last layer join its outer group. With 6 layers these are the groups
    that the authors chose by hand: for NTU RGB+D around its joints 1, 2 and 21 and for NW-UCLA
    around 1, 2 and 3 (counted from 1 there). HD-GCN (arXiv 2208.10741), Sec. 3.1.

    Args:
        layout (str | dict): As in :func:`~cocodiff_mm.utils.graph.num_joints`.
        center (int, optional): Joint of the first group, counted from 0. Defaults to the centre
            of the layout.
        max_layers (int): Number of layers at most. Defaults to 6.

    Returns:
        list[list[int]]: Joints of each group in ascending order, counted from 0.

    Raises:
        ValueError: If the layout has one joint only or is not valid, or the centre or the number
            of layers is not valid.
    """
    _, inward, outward = build_adjacency(dict(layout=layout))
    num_joints = len(inward)
    if num_joints < 2:
        raise ValueError('a hierarchy takes a layout of at least 2 joints, got 1')
    if center is None:
        # Only the centre of a named layout gives nothing inwards.
        center = layout['center'] if isinstance(layout, dict) else int(inward.sum(0).argmin())
    if center not in range(num_joints):
        raise ValueError(f'the hierarchy starts from joint {center!r} counted from 0, expected '
                         f'one of the {num_joints} joints of the layout, 0 to {num_joints - 1}')
    if max_layers < 1:
        raise ValueError(f'max_layers={max_layers}, expected at least 1')
    linked = (inward + outward) > 0
    reached = torch.zeros(num_joints, dtype=torch.bool)
    reached[center] = True
    distance = torch.zeros(num_joints, dtype=torch.long)
    while not reached.all():
        distance += ~reached
        reached |= linked[:, reached].any(1)
    group_of = distance.clamp(max=max_layers)
    return [(group_of == group).nonzero().flatten().tolist()
            for group in range(int(group_of.max()) + 1)]


def hierarchy_adjacency(groups: Sequence[Sequence[int]]) -> Tensor:
    """Three graphs for each pair of adjacent groups: self, outwards and inwards.

    Entry ``[l, k, u, v]`` weighs what joint u takes from joint v. Each joint of a group is linked
    to every joint of the other group of the pair; the columns of a graph sum to 1, or to 0 for a
    joint that gives nothing. HD-GCN (arXiv 2208.10741), Sec. 3.1.

    Args:
        groups (Sequence[Sequence[int]]): Joints from the centre outwards, every joint in one
            group, as from :func:`joint_groups`.

    Returns:
        Tensor: Float32, shape (L, 3, V, V), L layers.
    """
    num_joints = sum(map(len, groups))
    adjacency = torch.zeros(len(groups) - 1, 3, num_joints, num_joints)
    for layer, (near, far) in enumerate(zip(groups[:-1], groups[1:], strict=True)):
        near, far = torch.tensor(near), torch.tensor(far)
        pair = torch.cat([near, far])
        adjacency[layer, 0, pair, pair] = 1
        adjacency[layer, 1, far[:, None], near] = 1 / len(far)
        adjacency[layer, 2, near[:, None], far] = 1 / len(near)
    return adjacency


def layer_members(groups: Sequence[Sequence[int]]) -> Tensor:
    """Joints of each layer, which are those of two adjacent groups.

    Args:
        groups (Sequence[Sequence[int]]): As in :func:`hierarchy_adjacency`.

    Returns:
        Tensor: Float32 0 or 1, shape (L, V).
    """
    members = torch.zeros(len(groups) - 1, sum(map(len, groups)))
    for layer, (near, far) in enumerate(zip(groups[:-1], groups[1:], strict=True)):
        members[layer, [*near, *far]] = 1
    return members

import torch
from torch import Tensor


def hop_distances(adjacency: Tensor) -> Tensor:
    """Number of bones on the way from each joint to each other.

    Args:
        adjacency (Tensor): Graph, shape (V, V) or (K, V, V) for K subsets; an entry that is not 0
            links two joints, in both directions.

    Returns:
        Tensor: Int64, shape (V, V), symmetric with zeros on the diagonal.

    Raises:
        ValueError: If there is no way from one joint to another.
    """
    linked = (adjacency != 0).reshape(-1, *adjacency.shape[-2:]).any(0)
    linked = linked | linked.T
    reached = torch.eye(len(linked), dtype=torch.bool, device=linked.device)
    hops = torch.zeros_like(linked, dtype=torch.long)
    for _ in range(len(linked) - 1):
        hops += ~reached
        reached = reached | (reached.float() @ linked.float() > 0)
    if not reached.all():
        lost = (~reached[0]).nonzero().flatten().tolist()
        raise ValueError(f'no bones lead from joint 0 to the joints {lost} of {len(linked)}, '
                         'counted from 0; link all joints of the graph')
    return hops

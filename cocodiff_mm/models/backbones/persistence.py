import torch
from torch import Tensor


def rips_deaths(points: Tensor) -> Tensor:
    """When the components of a growing Rips complex merge: its 0-dimensional persistence.

    Every point is a component from the start; two merge when the distance reaches an edge of the
    minimum spanning tree. Differentiable in the points.

    Args:
        points (Tensor): Point clouds, shape (N, V, D), in float32 or float64.

    Returns:
        Tensor: Lengths of the tree's edges, shape (N, V - 1), in no particular order.
    """
    # Expanding the square would save time and cost half of the digits.
    distances = torch.cdist(points, points, compute_mode='donot_use_mm_for_euclid_dist')
    edges = minimum_spanning_trees(distances.detach())
    return distances.flatten(1).gather(1, edges)


def minimum_spanning_trees(distances: Tensor) -> Tensor:
    """Minimum spanning trees by Prim's algorithm, of all graphs of a batch in step.

    Args:
        distances (Tensor): Symmetric, shape (N, V, V).

    Returns:
        Tensor: Edges of each tree as indices ``u * V + v``, int64, shape (N, V - 1).
    """
    n, v, _ = distances.shape
    graph = torch.arange(n, device=distances.device)
    # Infinite in the columns of the joints that are in the tree already; first only joint 0 is.
    outside = distances.clone()
    outside[:, :, 0] = torch.inf
    nearest = outside[:, 0].clone()
    start = torch.zeros_like(nearest, dtype=torch.long)
    edges = []
    for _ in range(v - 1):
        joint = nearest.argmin(1, keepdim=True)
        edges.append(start.gather(1, joint) * v + joint)
        outside.scatter_(2, joint[:, None].expand(n, v, 1), torch.inf)
        nearest.scatter_(1, joint, torch.inf)
        row = outside[graph, joint[:, 0]]
        start = torch.where(row < nearest, joint, start)
        nearest = torch.minimum(row, nearest)
    return torch.cat(edges, 1) if edges else start[:, :0]

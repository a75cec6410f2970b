import torch
from torch import Tensor, nn


class EdgeConv(nn.Module):
    """Maximum over the edges from a point to its nearest points, each edge through one layer.

    An edge from i to j yields ``LeakyReLU(BN(W [x_j - x_i, x_i]))``. Dynamic graph CNN (arXiv
    1801.07829), Sec. 3.1, as HD-GCN (arXiv 2208.10741), Sec. 3.2, uses it. Clouds of points side
    by side have their own neighbours and weights.

    Args:
        channels (int): Channels of a point, in and out.
        neighbours (int): Nearest points of each point, itself among them; all where there are
            fewer.
        clouds (int): Clouds side by side. Defaults to 1.
    """

    def __init__(self, channels: int, neighbours: int, clouds: int = 1) -> None:
        super().__init__()
        self.neighbours = neighbours
        width = channels * clouds
        self.conv = nn.Sequential(
            nn.Conv2d(2 * width, width, 1, bias=False, groups=clouds), nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2, inplace=True))

    def forward(self, points: Tensor) -> Tensor:
        """Map points (N, G, P, C) of G clouds to features of the same shape."""
        conv, norm, act = self.conv
        clouds, channels = points.shape[1], points.shape[3]
        # The layer is linear: W1 (x_j - x_i) + W2 x_i = W1 x_j + (W2 - W1) x_i.
        other, own = conv.weight.view(clouds, channels, 2, channels).unbind(2)
        yields = (points @ torch.cat([other, own - other], 1).mT).transpose(1, 2)
        of_other, of_own = (part.flatten(2) for part in yields.chunk(2, dim=3))
        index = self._nearest(points.detach()).permute(0, 3, 2, 1)
        number = index.shape[1]
        index = index.flatten(1, 2)[..., None].expand(-1, -1, -1, channels).flatten(2)
        edges = of_other.gather(1, index).unflatten(1, (number, -1)) + of_own[:, None]
        edges = norm(edges.permute(0, 3, 1, 2))
        # The function behind it increases: that of the largest is the largest.
        features = act(edges.max(2).values if edges.requires_grad else edges.amax(2))
        return features.unflatten(1, (clouds, channels)).mT

    def _nearest(self, points: Tensor) -> Tensor:
        """Nearest points (N, G, P, K) of points (N, G, P, C), distances in full precision."""
        with torch.autocast(points.device.type, enabled=False):
            points = points.to(torch.promote_types(points.dtype, torch.float32))
            squares = points.square().sum(3)
            closeness = 2 * points @ points.mT - squares[..., None] - squares[..., None, :]
            return closeness.topk(min(self.neighbours, points.shape[2])).indices

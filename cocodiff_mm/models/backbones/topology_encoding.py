from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .joint_major import batch_norm, fold, norm_mode
from .persistence import rips_deaths


class StructureElements(nn.Module):
    """What learned points in the plane of persistence see of a diagram.

    An element with centre c and sharpness s gives the sum over the points (0, d) of
    ``exp(-s_0^2 c_0^2 - s_1^2 (c_1 - d)^2)``.

    Args:
        elements (int): Number of elements.
    """

    def __init__(self, elements: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.rand(elements, 2))
        self.sharpness = nn.Parameter(torch.full((elements, 2), 3.))

    def forward(self, deaths: Tensor) -> Tensor:
        """Map deaths (N, P) to what each element sees of each point, (N, P, elements)."""
        birth, death = self.centres.unbind(1)
        weight_birth, weight_death = self.sharpness.square().unbind(1)
        return torch.exp(-weight_birth * birth.square()
                         - weight_death * (death - deaths[:, :, None]).square())


class TopologyEncoding(nn.Module):
    """Vector of a clip's topology, embedded for every block of the network.

    Persons and frames are averaged. A joint is the point whose coordinates are its distances to
    all joints, divided by the largest distance; the persistence of these points is seen by
    structure elements. BlockGCN (CVPR 2024), Sec. 3.2.

    Args:
        channels (Sequence[int]): Channels of the input of every block.
        published (bool): As :class:`BlockGCN`'s ``published_topology``.
        elements (int): Number of structure elements. Defaults to 64.
    """

    def __init__(self, channels: Sequence[int], published: bool, elements: int = 64) -> None:
        super().__init__()
        self.published = published
        self.elements = StructureElements(elements)
        self.embed = nn.ModuleList(
            nn.ModuleDict(dict(mlp=nn.Linear(elements, width), bn=nn.BatchNorm1d(width)))
            for width in channels)

    def vectors(self, joints: Tensor) -> Tensor:
        """What the elements see of clips (N, M, T, V, C), shape (N, elements)."""
        mean = joints.mean((1, 2))
        distances = torch.linalg.vector_norm(mean[:, :, None] - mean[:, None], dim=-1)
        largest = distances.amax() if self.published else distances.amax((1, 2), keepdim=True)
        # The clips without a skeleton have no distance to scale by.
        deaths = rips_deaths(distances / torch.where(largest > 0, largest, 1))
        # What dies at birth is not a point of the diagram.
        living = deaths > 0
        seen = (self.elements(deaths) * living[:, :, None]).sum(1)
        if self.published:
            # The library fills diagrams up to the largest of the batch with points that every
            # element sees fully.
            number = living.sum(1)
            seen = seen + (number.max() - number)[:, None]
        return seen

    def forward(self, joints: Tensor) -> list[Tensor]:
        """Map clips (N, M, T, V, C) to a tensor (C', N * M) for each block.

        Raises:
            ValueError: If a single person is to be normalised over the batch in training.
        """
        n, m = joints.shape[:2]
        seen = self.vectors(joints)
        seen = seen.repeat(m, 1) if self.published else seen.repeat_interleave(m, 0)
        norms = [block['bn'] for block in self.embed]
        mode = norm_mode(norms)
        if mode != 'fold' and n * m == 1:
            raise ValueError('the topology branch normalises over the batch, but in training got '
                             '1 clip of 1 person; give batches of at least 2')
        weight = torch.cat([block['mlp'].weight for block in self.embed])
        bias = torch.cat([block['mlp'].bias for block in self.embed])
        rows = weight @ seen.T
        if mode == 'fold':
            scale, shift = fold(norms, bias)
            rows = rows * scale[:, None] + shift[:, None]
        else:
            rows = batch_norm([rows], bias, norms)
        return list(torch.relu(rows).split([norm.num_features for norm in norms]))

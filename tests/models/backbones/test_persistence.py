import torch
from scipy.sparse.csgraph import minimum_spanning_tree

from cocodiff_mm.models.backbones.persistence import minimum_spanning_trees, rips_deaths


def clouds(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(seed))


def test_deaths_are_the_edges_of_scipys_minimum_spanning_tree():
    points = clouds(20, 25, 3)
    deaths = rips_deaths(points)
    assert deaths.shape == (20, 24)
    for cloud, found in zip(points, deaths, strict=True):
        tree = minimum_spanning_tree(torch.cdist(cloud, cloud).numpy())
        torch.testing.assert_close(found.sort()[0], torch.from_numpy(tree.data).sort()[0],
                                   rtol=1e-12, atol=0)


def test_edges_make_a_tree():
    distances = torch.cdist(clouds(5, 9, 2), clouds(5, 9, 2))
    distances = distances + distances.mT
    for edges in minimum_spanning_trees(distances):
        group = list(range(9))
        for u, v in zip((edges // 9).tolist(), (edges % 9).tolist(), strict=True):
            assert group[u] != group[v]
            group = [group[u] if g == group[v] else g for g in group]
        assert len(set(group)) == 1


def test_points_on_a_line_die_at_their_gaps():
    gaps = torch.tensor([3., 0.5, 2., 1.])
    line = torch.cat([torch.zeros(1), gaps.cumsum(0)])
    order = torch.tensor([3, 0, 4, 1, 2])
    deaths = rips_deaths(line[order][None, :, None])
    assert sorted(deaths[0].tolist()) == [0.5, 1, 2, 3]


def test_coincident_points_die_at_once_and_keep_gradients_finite():
    points = torch.zeros(2, 6, 3, dtype=torch.float64)
    points[1, 3:] = 1
    points.requires_grad_()
    deaths = rips_deaths(points)
    assert not deaths[0].any()
    torch.testing.assert_close(deaths[1].sort()[0][-2:].tolist(), [0., 3**0.5])
    deaths.sum().backward()
    assert torch.isfinite(points.grad).all()


def test_gradient_is_that_of_the_lengths():
    points = clouds(2, 7, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: rips_deaths(p).sort()[0], points)


def test_clouds_of_a_batch_do_not_touch():
    points = clouds(4, 10, 3)
    assert torch.equal(rips_deaths(points)[2:3], rips_deaths(points[2:3]))


def test_a_single_point_never_merges():
    assert rips_deaths(torch.ones(3, 1, 2)).shape == (3, 0)

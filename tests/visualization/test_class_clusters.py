import numpy as np
import pytest

from cocodiff_mm.visualization.class_clusters import cluster


def blocks(groups, within=0.9, across=0.1):
    """Similarities of classes of which those of a group are alike."""
    groups = np.asarray(groups)
    return np.where(groups[:, None] == groups, within, across) + np.eye(len(groups)) * (1 - within)


def test_groups_are_side_by_side():
    groups = np.array([0, 1, 2, 0, 1, 2, 2, 0, 1, 1])
    order = cluster(blocks(groups)).order
    assert sorted(order) == list(range(10))
    assert (np.diff(groups[order]) != 0).sum() == 2


def test_leaves_are_ordered_along_a_line():
    # On a line the best order is that of the points, from either end.
    points = np.random.default_rng(0).permutation(9)
    tree = cluster(1 - np.abs(points[:, None] - points) / 10)
    assert abs(np.diff(points[tree.order])).sum() == 8
    assert (tree.order[tree.position] == np.arange(9)).all()


def test_order_of_the_classes_does_not_matter():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(15, 4))
    similarity = np.corrcoef(rows)
    shuffled = rng.permutation(15)
    first = cluster(similarity).order.tolist()
    second = shuffled[cluster(similarity[np.ix_(shuffled, shuffled)]).order].tolist()
    assert second in (first, first[::-1])


def test_brackets_are_the_merges():
    similarity = np.array([[1, 0.2, 0.8], [0.2, 1, 0.4], [0.8, 0.4, 1]])
    tree = cluster(similarity)
    assert tree.order.tolist() in ([0, 2, 1], [1, 2, 0])
    inner, outer = tree.brackets
    assert inner[1:3, 1] == pytest.approx(0.2) and inner[[0, 3], 1].tolist() == [0, 0]
    assert outer[1:3, 1] == pytest.approx((0.8 + 0.6) / 2)  # average linkage
    assert {tuple(corner) for corner in outer.tolist()} >= {(tree.position[1], 0.)}
    middle = tree.position[[0, 2]].mean()
    assert any(corner == pytest.approx((middle, 0.2)) for corner in outer.tolist())

import pytest
import torch

from cocodiff_mm.utils.hierarchy import hierarchy_adjacency, joint_groups, layer_members

# As published, counted from 1.
NTU = {
    1: [[1], [2, 13, 17], [14, 18, 21], [3, 5, 9, 15, 19], [4, 6, 10, 16, 20], [7, 11],
        [8, 12, 22, 23, 24, 25]],
    2: [[2], [1, 21], [13, 17, 3, 5, 9], [14, 18, 4, 6, 10], [15, 19, 7, 11], [16, 20, 8, 12],
        [22, 23, 24, 25]],
    21: [[21], [2, 3, 5, 9], [4, 6, 10, 1], [7, 11, 13, 17], [8, 12, 14, 18],
         [22, 23, 24, 25, 15, 19], [16, 20]],
}
NWUCLA = {
    1: [[1], [2, 13, 17], [3, 14, 18], [4, 5, 9, 15, 19], [6, 10, 16, 20], [7, 11], [8, 12]],
    2: [[2], [1, 3], [4, 5, 9, 13, 17], [6, 10, 14, 18], [7, 11, 15, 19], [8, 12, 16, 20]],
    3: [[3], [2, 4, 5, 9], [1, 6, 10], [7, 11, 13, 17], [8, 12, 14, 18], [15, 19], [16, 20]],
}
# A path 0-1-2-3 with 4 on 1.
SMALL = dict(num_node=5, inward=[(0, 1), (2, 1), (3, 2), (4, 1)], center=1)


@pytest.mark.parametrize('layout, published', [('nturgb+d', NTU), ('nwucla', NWUCLA)])
@pytest.mark.parametrize('which', range(3))
def test_published_hierarchies(layout, published, which):
    center, groups = list(published.items())[which]
    assert joint_groups(layout, center - 1) == [sorted(joint - 1 for joint in group)
                                                for group in groups]


@pytest.mark.parametrize('layout, center', [('nturgb+d', 20), ('nwucla', 2), ('openpose', 1),
                                            ('coco', 0), ('utd_mhad', 1), ('sbu', 1)])
def test_starts_from_the_centre_of_the_layout(layout, center):
    groups = joint_groups(layout)
    assert groups[0] == [center] and groups == joint_groups(layout, center)
    assert sorted(sum(groups, [])) == list(range(len(sum(groups, []))))


def test_groups_of_an_own_layout_by_hand():
    assert joint_groups(SMALL) == [[1], [0, 2, 4], [3]]
    assert joint_groups(SMALL, 3) == [[3], [2], [1], [0, 4]]
    # What lies beyond the last layer joins its outer group.
    assert joint_groups(SMALL, 3, max_layers=2) == [[3], [2], [0, 1, 4]]
    assert joint_groups(SMALL, 3, max_layers=1) == [[3], [0, 1, 2, 4]]


def test_adjacency_by_hand():
    adjacency = hierarchy_adjacency([[1], [0, 2, 4], [3]])
    assert adjacency.shape == (2, 3, 5, 5) and adjacency.dtype == torch.float32
    third = torch.tensor(1 / 3)
    # Layer 0: joint 1 gives a third to each of 0, 2 and 4, and takes all of each.
    assert torch.equal(adjacency[0, 0], torch.diag(torch.tensor([1., 1, 1, 0, 1])))
    assert torch.equal(adjacency[0, 1, :, 1], third * torch.tensor([1, 0, 1, 0, 1]))
    assert adjacency[0, 2, 1].tolist() == [1, 0, 1, 0, 1]
    assert adjacency[0].count_nonzero().item() == 4 + 3 + 3
    # Layer 1: 0, 2 and 4 give all to 3 and take a third of it each.
    assert adjacency[1, 1, 3].tolist() == [1, 0, 1, 0, 1]
    assert torch.equal(adjacency[1, 2, [0, 2, 4], 3], third.expand(3))
    assert adjacency[1].count_nonzero().item() == 4 + 3 + 3


def test_columns_sum_to_one_or_nothing():
    groups = joint_groups('nturgb+d')
    adjacency, members = hierarchy_adjacency(groups), layer_members(groups)
    assert adjacency.shape == (6, 3, 25, 25) and members.shape == (6, 25)
    torch.testing.assert_close(adjacency[:, 0].sum(1), members)
    torch.testing.assert_close(adjacency[:, 1].sum(1) + adjacency[:, 2].sum(1), members)
    assert members[5].nonzero().flatten().tolist() == [14, 15, 18, 19, 21, 22, 23, 24]


@pytest.mark.parametrize('arguments, message', [
    (('nturgb+d', 25), 'starts from joint 25 counted from 0, expected one of the 25 joints of the '
                       'layout, 0 to 24'),
    (('nturgb+d', -1), 'starts from joint -1'),
    (('nturgb+d', 0, 0), 'max_layers=0, expected at least 1'),
    ((dict(num_node=1, inward=[], center=0), ), 'at least 2 joints, got 1'),
    ((dict(num_node=3, inward=[(1, 0)], center=0), ), r'joints \[2\] do not lead to center=0'),
    (('ntu', ), "unknown layout 'ntu'"),
])
def test_refuses_what_is_not_valid(arguments, message):
    with pytest.raises(ValueError, match=message):
        joint_groups(*arguments)

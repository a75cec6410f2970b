import pytest
import torch
from mmaction.datasets.transforms import JointToBone
from mmaction.models.utils import Graph

from cocodiff_mm.utils.graph import bones, build_adjacency, num_joints

LAYOUTS = {'nturgb+d': 25, 'openpose': 18, 'coco': 17}
# 0 is the centre; 1 and 2 hang on it, 3 on 2.
SMALL = dict(num_node=4, inward=[(1, 0), (2, 0), (3, 2)], center=0)


def test_small_graph_by_hand():
    own, inward, outward = build_adjacency(dict(layout=SMALL, mode='spatial')).unbind()
    assert torch.equal(own, torch.eye(4))
    # Joint 0 takes all of 1 and 2, joint 2 all of 3.
    assert inward.tolist() == [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    # Joint 0 gives a half each to 1 and 2, joint 2 all to 3.
    assert outward.tolist() == [[0, 0, 0, 0], [.5, 0, 0, 0], [.5, 0, 0, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize('layout', [*LAYOUTS, SMALL], ids=str)
def test_equals_the_graph_of_mmaction2(layout):
    adjacency = build_adjacency(dict(layout=layout))
    assert adjacency.dtype == torch.float32
    assert torch.equal(adjacency, torch.tensor(Graph(layout, 'spatial').A).float())


@pytest.mark.parametrize('layout', LAYOUTS)
def test_numbers_of_a_named_layout(layout):
    count = LAYOUTS[layout]
    own, inward, outward = build_adjacency(dict(layout=layout)).unbind()
    assert num_joints(layout) == len(own) == count
    # Columns sum to 1, but for what gives nothing: the centre inward, the ends outward.
    assert torch.equal(inward.sum(0), 1 - (torch.arange(count) == Graph(layout).center).float())
    torch.testing.assert_close(outward.sum(0), (inward.sum(1) > 0).float())
    assert torch.equal((inward > 0).T, outward > 0)
    assert (inward > 0).sum() == count - 1


@pytest.mark.parametrize('layout', LAYOUTS)
def test_bones_are_those_of_joint_to_bone(layout):
    pairs = JointToBone(layout).pairs
    assert sorted(bones(layout)) == sorted(pair for pair in pairs if pair[0] != pair[1])
    assert len(bones(layout)) == num_joints(layout) - 1


def test_bones_of_an_own_layout_are_its_edges():
    # Lists, as a config read from JSON or YAML has them.
    assert bones(dict(SMALL, inward=[[1, 0], [2, 0], [3, 2]])) == [(1, 0), (2, 0), (3, 2)]
    assert num_joints(SMALL) == 4
    with pytest.raises(ValueError, match=r'inward gives joints \[3\] several'):
        bones(dict(SMALL, inward=[(1, 0), (2, 0), (3, 2), (3, 1)]))


def test_a_joint_between_two_parents_gives_each_a_half():
    _, inward, _ = build_adjacency(
        dict(layout=dict(SMALL, inward=[(1, 0), (2, 0), (3, 2), (3, 1)])))
    assert inward[:, 3].tolist() == [0, .5, .5, 0]


@pytest.mark.parametrize('layout, message', [
    ('ntu', r"unknown layout 'ntu'; allowed: 'nturgb\+d', 'openpose', 'coco', .*'sbu' or dict"),
    (['coco'], 'unknown layout'),
    (dict(num_node=4, center=0), r"layout has the keys \['center', 'num_node'\], expected dict"),
    (dict(SMALL, outward=[]), 'layout has the keys'),
    (dict(SMALL, center=4), 'num_node=4 with center=4'),
    (dict(SMALL, num_node='4'), "num_node='4' with center=0"),
    (dict(SMALL, inward=[(1, 0), (2, 0), (4, 2)]), r'the edge \(4, 2\).* from 0 to 3'),
    (dict(SMALL, inward=[(1, 0), (2, 0), (3, -1)]), r'the edge \(3, -1\)'),
    (dict(SMALL, inward=[(1, 0), (2, 0), (3, 3)]), r'the edge \(3, 3\).* two different joints'),
    (dict(SMALL, inward=[(1, 0), (2, 0), (3, 2, 1)]), r'the edge \(3, 2, 1\)'),
    (dict(SMALL, inward=[(1, 0), (2, 0)]), r'joints \[3\] do not lead to center=0'),
    (dict(SMALL, inward=[(1, 0), (2, 0), (2, 3)]), r'joints \[3\] do not lead to center=0'),
], ids=str)
def test_refuses_a_layout_that_is_not_valid(layout, message):
    for call in (num_joints, bones, lambda layout: build_adjacency(dict(layout=layout))):
        with pytest.raises(ValueError, match=message):
            call(layout)


@pytest.mark.parametrize('cfg, message', [
    (dict(mode='spatial'), r"graph_cfg has the keys \['mode'\], expected 'layout'"),
    (dict(layout='coco', max_hop=2), r"graph_cfg has the keys \['layout', 'max_hop'\]"),
    (dict(layout='coco', mode='stgcn_spatial'),
     "unknown graph_cfg.mode 'stgcn_spatial'; allowed: 'spatial'"),
], ids=str)
def test_refuses_a_graph_cfg_that_is_not_valid(cfg, message):
    with pytest.raises(ValueError, match=message):
        build_adjacency(cfg)

import numpy as np
import pytest
from standing_people import standing_pose

from cocodiff_mm.datasets.inspection.body import LEFT, MIDDLE, RIGHT, links, sides, upright
from cocodiff_mm.datasets.joints import JOINTS

OWN = dict(num_node=3, inward=[(1, 0), (2, 0)], center=0)


@pytest.mark.parametrize('layout', JOINTS)
def test_links_make_one_body(layout):
    edges, names = links(layout), JOINTS[layout]
    assert len(edges) == len(names) - 1 == len({child for child, _ in edges})
    side = sides(layout)
    assert {names[i].split('_')[0] for i in np.flatnonzero(side == LEFT)} == {'left'}
    assert (side == LEFT).sum() == (side == RIGHT).sum() > 4
    # Nothing of the left hangs on the right.
    assert not any(side[child] * side[parent] == LEFT * RIGHT for child, parent in edges)


def test_links_are_those_of_the_graph_not_of_bone_streams():
    names = JOINTS['nturgb+d']
    found = {names[child]: names[parent] for child, parent in links('nturgb+d')}
    assert found['left_hand_tip'] == 'left_hand' and found['right_thumb'] == 'right_hand'
    assert links(OWN).tolist() == [[1, 0], [2, 0]] and sides(OWN) is None
    assert MIDDLE == 0


@pytest.mark.parametrize('order, flip, expected', [
    ((0, 1, 2), 1, (1, 1)),   # y up, a Kinect
    ((0, 1, 2), -1, (1, -1)),  # y down, an image
    ((0, 2, 1), 1, (2, 1)),   # z up, the axes of the body
    ((1, 0, 2), -1, (0, -1)),
])
def test_upright_is_measured(order, flip, expected):
    poses = flip * standing_pose()[:, order] + np.array([1, -5, 3])
    lying = poses[:, (1, 2, 0)]
    assert upright('nwucla', np.stack([poses, poses, lying])) == expected


def test_upright_without_anything_to_measure():
    assert upright('nwucla', np.zeros((0, 20, 3))) == (1, 1)
    assert upright('nwucla', np.zeros((4, 20, 3))) == (1, 1)
    assert upright('coco', np.zeros((0, 17, 2))) == (1, -1)
    assert upright(OWN, np.ones((2, 3, 2))) == (1, -1)


def test_upright_skips_poses_that_lack_a_foot():
    poses = np.stack([standing_pose()] * 3)
    poses[1:, JOINTS['nwucla'].index('left_foot')] = 0
    poses[1:] *= (1, -1, 1)
    assert upright('nwucla', poses) == (1, 1)

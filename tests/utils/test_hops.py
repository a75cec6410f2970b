import pytest
import torch
from scipy.sparse.csgraph import shortest_path

from cocodiff_mm.utils.graph import build_adjacency
from cocodiff_mm.utils.hops import hop_distances


@pytest.mark.parametrize('layout, longest', [('nturgb+d', 11), ('openpose', 8), ('coco', 8),
                                             ('nwucla', 10), ('utd_mhad', 10), ('sbu', 7)])
def test_hops_are_the_shortest_ways(layout, longest):
    adjacency = build_adjacency(dict(layout=layout))
    hops = hop_distances(adjacency)
    expected = shortest_path(adjacency.sum(0).numpy() > 0, unweighted=True, directed=False)
    assert torch.equal(hops, torch.from_numpy(expected).long())
    assert hops.max() == longest


def test_one_direction_is_enough_and_weights_do_not_count():
    chain = torch.zeros(4, 4)
    chain[0, 1] = chain[1, 2] = 0.25
    chain[3, 2] = -2
    assert hop_distances(chain)[0].tolist() == [0, 1, 2, 3]
    assert torch.equal(hop_distances(chain), hop_distances(chain.T))
    assert hop_distances(torch.zeros(1, 1)).tolist() == [[0]]


def test_refuses_a_graph_in_pieces():
    pieces = torch.eye(4)
    pieces[0, 2] = 1
    with pytest.raises(ValueError, match=r'no bones lead from joint 0 to the joints \[1, 3\] of 4'):
        hop_distances(pieces)

import pytest
import torch

from cocodiff_mm.conversion.weight_source import CHANGES, Part, WeightSource, authors_key


class Plain(WeightSource):
    def part(self, key):
        return Part([key])


@pytest.mark.parametrize('part, ours, theirs', [
    (Part(['a']), (4, 3, 1, 1), (4, 3, 1, 1)),
    (Part(['a', 'b']), (4, 3, 1, 1), (2, 3, 1, 1)),
    (Part(['a', 'b']), (), ()),
    (Part(['a'], 'flattened'), (4, ), (1, 4, 1, 1)),
    (Part(['a'], 'transposed'), (3, 5, 7), (3, 7, 5)),
    (Part(['a'], 'negated'), (4, ), (4, )),
])
def test_shapes_in_the_file_become_ours(part, ours, theirs):
    assert part.shape(ours) == theirs
    pieces = [CHANGES[part.change](torch.zeros(theirs)) for _ in part.keys]
    assert (torch.cat(pieces) if len(ours) else pieces[0]).shape == ours


@pytest.mark.parametrize('ours, theirs', [
    ('backbone.net.9.gcn1.PA', 'l10.gcn1.PA'), ('backbone.data_bn.weight', 'data_bn.weight'),
    ('cls_head.fc.bias', 'fc.bias'), ('backbone.topo.embed.0.mlp.bias', 'topo.embed.0.mlp.bias'),
])
def test_names_of_the_authors(ours, theirs):
    assert authors_key(ours) == theirs


def blocks(widths, residual=(), first=1):
    state = {f'l{i}.gcn1.bn.weight': torch.zeros(width) for i, width in enumerate(widths, first)}
    return {**state, **{f'l{i}.residual.conv.weight': torch.zeros(1) for i in residual}}


def test_published_stages_are_found():
    source = Plain(blocks((64, ) * 4 + (128, ) * 3 + (256, ) * 3, (5, 8)))
    assert source.find_stages('l', 1) == dict(
        base_channels=64, num_stages=10, inflate_stages=[5, 8], down_stages=[5, 8])
    assert source.notes == []
    other = Plain(blocks((8, 8), (2, )))
    assert other.find_stages('l', 1)['down_stages'] == [2]
    assert 'no weights tell whether a block' in other.notes[0]


@pytest.mark.parametrize('state, message', [
    (blocks((8, 12)), r'of blocks with \[8, 12\] channels, which must stay or double'),
    (blocks((8, 8), first=2), r'it has the blocks \[2, 3\], expected all from 1'),
    ({}, r'it has the blocks \[\], expected all from 1'),
    ({'l1.tcn1.bias': torch.zeros(1)}, r'not complete: it has no l1\.gcn1\.bn\.weight'),
    ({'l1.gcn1.bn.weight': torch.tensor(1.)}, r'l1\.gcn1\.bn\.weight has the shape \(\)'),
])
def test_blocks_of_another_kind_are_explained(state, message):
    with pytest.raises(ValueError, match=message):
        Plain(state).find_stages('l', 1)


def test_layouts_follow_joints_and_classes():
    source = Plain({})
    for joints, classes, layout in ((25, 60, 'nturgb+d'), (20, 10, 'nwucla'), (20, 27, 'utd_mhad'),
                                    (20, 5, 'nwucla'), (18, 400, 'openpose'), (17, 60, 'coco')):
        source.classes = classes
        assert source.find_layout(joints) == dict(layout=layout)
    with pytest.raises(ValueError, match=r'of 22 joints, which no layout .* nturgb\+d \(25\)'):
        source.find_layout(22)


def test_persons_divide_the_first_batch_norm():
    for total, persons in ((150, 2), (75, 1)):
        assert Plain({'data_bn.weight': torch.zeros(total)}).find_persons(25, 3) == persons
    with pytest.raises(ValueError, match='data_bn has 100 channels, which is no multiple of 25'):
        Plain({'data_bn.weight': torch.zeros(100)}).find_persons(25, 3)

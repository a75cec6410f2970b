import pytest

from cocodiff_mm.datasets.published import PUBLISHED_SPLITS, published_splits


@pytest.mark.parametrize('name, layout, splits', [
    ('ntu60', 'nturgb+d', dict(xsub_train=40091, xsub_val=16487, xview_train=37646,
                               xview_val=18932)),
    ('ntu60', 'coco', {}),  # found in the videos, some more clips
    ('ntu60', dict(num_node=25, inward=[], center=1), PUBLISHED_SPLITS['ntu60']),
    ('mine', 'nturgb+d', {}),
])
def test_clips_of_published_splits(name, layout, splits):
    assert published_splits(name, layout) == splits


def test_the_protocols_of_a_data_set_share_its_clips():
    for name, clips in (('ntu60', 56578), ('ntu120', 113945)):
        sizes = PUBLISHED_SPLITS[name]
        totals = {sizes[train] + sizes[train.replace('train', 'val')]
                  for train in sizes if train.endswith('train')}
        assert totals == {clips}

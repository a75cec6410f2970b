import numpy as np
import pytest
from small_store import small_info, small_store

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.clip import Clip
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_fit import axes_conflict, check_names_fit, check_skeleton_fits
from cocodiff_mm.datasets.store_writer import StoreWriter

CHAIN = dict(num_node=5, inward=[[i, i + 1] for i in (3, 2, 1, 0)], center=4)


@pytest.fixture
def store(tmp_path):
    return SkeletonStore(small_store(tmp_path / 'store'))


def test_the_same_graph_fits_however_it_is_spelt(store):
    check_skeleton_fits(store, None, None)
    check_skeleton_fits(store, CHAIN, 3)


@pytest.mark.parametrize('layout, coords, message', [
    ('nturgb+d', None, 'expected 3 coordinates of 25 joints, got 3 of 5 in .*store; use a store of '
     'the expected kind, or set layout, num_coords, graph_cfg and in_channels of the recipe'),
    (None, 2, 'expected 2 coordinates of 5 joints, got 3 of 5 in .*store; use a store of the'),
    (dict(CHAIN, inward=[(i, 4) for i in range(4)]), None,
     'expected layout .*, got .* in .*store: as many joints, but other bones'),
])
def test_another_skeleton(store, layout, coords, message):
    with pytest.raises(ValueError, match=message):
        check_skeleton_fits(store, layout, coords)


def test_a_flat_store_under_a_recipe_for_space(tmp_path):
    with StoreWriter(tmp_path / 'flat', small_info(layout='coco',
                                                   coordinates=('x', 'y'))) as writer:
        writer.add(Clip('a', np.ones((1, 4, 17, 2)), 0))
        writer.finish({})
    with pytest.raises(ValueError) as error:
        check_skeleton_fits(SkeletonStore(tmp_path / 'flat'), 'nturgb+d', 3)
    assert str(error.value) == (
        f'expected 3 coordinates of 25 joints, got 2 of 17 in {tmp_path / "flat"}; use a store of '
        'the expected kind (convert the 3-D recordings; for NTU RGB+D: ntu60_3d.pkl, '
        'ntu120_3d.pkl or the .skeleton files), or set layout, num_coords, graph_cfg and '
        'in_channels of the recipe to those of this store')


def test_classes(tmp_path, store):
    fitting = small_store(tmp_path / 'sbu', classes=CLASSES['sbu'])
    check_names_fit(SkeletonStore(fitting), 'sbu')
    swapped = (*CLASSES['sbu'][:6], *CLASSES['sbu'][:5:-1])
    other = SkeletonStore(small_store(tmp_path / 'other', classes=swapped))
    with pytest.raises(ValueError, match=f"class 6 is '{swapped[6]}' in .*other, but "
                       f"'{swapped[7]}' in label set 'sbu'; is it the store of another"):
        check_names_fit(other, 'sbu')
    with pytest.raises(ValueError, match="store has 4 classes, but label set 'sbu' has 8; is it"):
        check_names_fit(store, 'sbu')
    with pytest.raises(ValueError, match="unknown label_set 'dogs'; allowed: 'ntu120'"):
        check_names_fit(store, 'dogs')


def test_axes(tmp_path, store):
    done = SkeletonStore(small_store(tmp_path / 'done', options=dict(pre_normalized=True)))
    assert 'use sampling=pyskl' in axes_conflict(done, ['CenterSkeleton', 'PreNormalize2D'])
    for steps in ([], ['PreNormalize3D'], ['PoseDecode', 'FastPreNormalize3D']):
        assert axes_conflict(done, steps) is None
    assert axes_conflict(store, ['CenterSkeleton']) is None

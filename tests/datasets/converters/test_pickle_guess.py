from pathlib import Path

import pytest

from cocodiff_mm.datasets.converters.pickle_guess import guess_label_set, guess_layout, units_of


@pytest.mark.parametrize('name, expected', [
    ('ntu60_3d', 'ntu60'), ('ntu120_hrnet', 'ntu120'), ('NTU_RGBD_120', 'ntu120'),
    ('nturgbd_xsub', 'ntu60'), ('nw_ucla', 'nwucla'), ('UTD-MHAD', 'utd_mhad'),
    ('sbu_interaction', 'sbu'), ('k400_2d', 'kinetics400'), ('gym_hrnet', None)])
def test_label_sets_by_the_names_of_files(name, expected):
    label_set, remark = guess_label_set(Path(f'{name}.pkl'))
    assert label_set == expected and '--set' in remark


@pytest.mark.parametrize('label_set, shape, expected', [
    ('ntu120', (25, 3), 'nturgb+d'), ('ntu120', (17, 2), 'coco'), (None, (17, 2), 'coco'),
    ('nwucla', (20, 3), 'nwucla'), ('utd_mhad', (20, 3), 'utd_mhad'), ('nwucla', (17, 2), 'coco'),
    (None, (15, 3), 'sbu'), ('kinetics400', (18, 2), 'openpose')])
def test_layouts_by_set_and_shape(label_set, shape, expected):
    layout, remark = guess_layout(Path('a.pkl'), label_set, *shape)
    assert layout == expected and f'{shape[0]} joints x {shape[1]}' in remark


@pytest.mark.parametrize('label_set, shape, hint', [
    (None, (20, 3), 'nwucla or utd_mhad'), ('ntu60', (20, 3), 'nwucla or utd_mhad'),
    ('nwucla', (25, 3), '25 joints'), (None, (17, 3), '17 joints'), (None, (33, 2), 'a JSON file')])
def test_what_can_not_be_told_is_asked_for(label_set, shape, hint):
    with pytest.raises(ValueError, match=f'a.pkl.*{hint}'):
        guess_layout(Path('a.pkl'), label_set, *shape)


def test_units():
    assert units_of('coco', 2).startswith('pixels') and units_of('nturgb+d', 3).startswith('metres')
    assert units_of(dict(num_node=1), 3) == 'unknown'

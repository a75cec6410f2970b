import numpy as np
import pytest

from cocodiff_mm.datasets.converters.hold_out import check_fraction, held_out_remarks, hold_out
from cocodiff_mm.datasets.converters.source import ClipKey


def clips(counts, subjects=None):
    """Clips of some classes, the subjects in turns."""
    keys = [(label, i) for label, count in enumerate(counts) for i in range(count)]
    return [ClipKey(f'class{label}/clip{i}', label, subjects[n % len(subjects)] if subjects else -1,
                    -1, -1, -1) for n, (label, i) in enumerate(keys)]


def classes_of(names):
    return np.bincount([int(name[5]) for name in names], minlength=4).tolist()


def test_the_same_part_of_every_class_is_held_out():
    split = hold_out(clips([10, 50, 5, 20]), 0.2, seed=0)
    assert classes_of(split['val']) == [2, 10, 1, 4]
    assert classes_of(split['train']) == [8, 40, 4, 16]
    assert not set(split['train']) & set(split['val'])


def test_small_classes_are_on_both_sides_if_they_can():
    split = hold_out(clips([1, 2, 3, 2]), 0.01, seed=0)
    assert classes_of(split['val']) == [0, 1, 1, 1]
    split = hold_out(clips([1, 2, 3, 2]), 0.99, seed=0)
    assert classes_of(split['train']) == [1, 1, 1, 1]


def test_a_seed_is_a_split_whatever_the_order():
    some = clips([20, 30])
    split = hold_out(some, 0.3, seed=1)
    assert hold_out(some, 0.3, seed=1) == split
    assert set(hold_out(some[::-1], 0.3, seed=1)['val']) == set(split['val'])
    assert set(hold_out(some, 0.3, seed=2)['val']) != set(split['val'])


def test_a_class_keeps_its_split_when_others_change():
    first = hold_out(clips([20, 30]), 0.3, seed=1)['val']
    second = hold_out(clips([20, 5]), 0.3, seed=1)['val']
    assert [name for name in first if name[5] == '0'] == [name for name in second if name[5] == '0']


def test_known_subjects_are_held_out_whole():
    some = clips([40, 60], subjects=[3, 5, 8, 9, 11])
    subject = {clip.name: clip.subject for clip in some}
    split = hold_out(some, 0.35, seed=0)
    train, val = ({subject[name] for name in split[part]} for part in ('train', 'val'))
    assert not train & val and train | val == {3, 5, 8, 9, 11}
    assert len(val) == 2  # 20 clips each, 35 wanted
    assert len(split['train']) + len(split['val']) == 100


def test_never_all_subjects_are_held_out():
    split = hold_out(clips([4, 4], subjects=[1, 2]), 0.99, seed=0)
    assert len(split['train']) == len(split['val']) == 4


def test_one_subject_is_split_by_class():
    split = hold_out(clips([10, 10], subjects=[7]), 0.2, seed=0)
    assert classes_of(split['val'])[:2] == [2, 2]


@pytest.mark.parametrize('fraction', [0, 1, -0.1, 20, float('nan')])
def test_fractions_are_between_0_and_1(fraction):
    with pytest.raises(ValueError, match='val_fraction is .*between 0 and 1'):
        check_fraction(fraction)


def test_a_fifth_is_held_out_by_default():
    assert check_fraction(None) == 0.2 and check_fraction(0.3) == 0.3


def test_a_split_without_a_clip_to_validate_on_is_a_remark():
    (remark, ) = held_out_remarks(hold_out(clips([1, 1, 1]), 0.2, seed=0))
    assert 'nothing is held out' in remark and '--val-list' in remark
    assert held_out_remarks(hold_out(clips([1, 2, 1]), 0.2, seed=0)) == []

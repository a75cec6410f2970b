import pytest

from cocodiff_mm.datasets.classes import CLASSES


@pytest.mark.parametrize('label_set, count', [
    ('ntu120', 120), ('ntu60', 60), ('nwucla', 10), ('sbu', 8), ('utd_mhad', 27),
    ('kinetics400', 400), ('synthetic', 17)])
def test_as_many_names_as_classes_and_none_twice(label_set, count):
    assert len(CLASSES[label_set]) == count == len(set(CLASSES[label_set]))


@pytest.mark.parametrize('label_set', CLASSES)
def test_names_are_plain_text(label_set):
    for name in CLASSES[label_set]:
        assert name == ' '.join(name.split()) and name.isascii() and name


def test_kinetics_labels_are_the_places_in_the_alphabet():
    names = CLASSES['kinetics400']
    assert list(names) == sorted(names)
    # As the published label files have it.
    assert names[354] == 'testifying'
    assert (names[0], names[399]) == ('abseiling', 'zumba')


@pytest.mark.parametrize('action, name', [
    (1, 'right arm swipe to the left'), (2, 'right arm swipe to the right'),
    (8, 'right hand draw x'), (13, 'front boxing'), (16, 'arm curl'), (21, 'pick up and throw'),
    (24, 'sit to stand'), (27, 'squat')])
def test_utd_mhad_follows_the_numbers_of_its_files(action, name):
    assert CLASSES['utd_mhad'][action - 1] == name

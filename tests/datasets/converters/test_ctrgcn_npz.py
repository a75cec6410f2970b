import numpy as np
import pytest

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.converters.convert import TooManyBadClips, convert
from cocodiff_mm.datasets.converters.ctrgcn_npz import CTRGCNSource
from cocodiff_mm.datasets.store import SkeletonStore

FRAMES = 12


def one_hot(labels, classes):
    return np.eye(classes)[labels]


def padded(*persons):
    """A row of the file: persons of shape (T, 25, 3) side by side, zeros behind."""
    row = np.zeros((FRAMES, 150), np.float32)
    for i, person in enumerate(persons):
        row[:len(person), i * 75:i * 75 + 75] = person.reshape(len(person), 75)
    return row


def persons(number, frames, seed=0):
    return np.random.default_rng(seed).normal(size=(number, frames, 25, 3)).astype(np.float32)


def write(path, train, test, classes=60, labels=None, **changes):
    """An .npz file of rows; the labels are 0, 1, 2 and so on in each part."""
    arrays = {}
    for part, rows in dict(train=train, test=test).items():
        arrays[f'x_{part}'] = np.stack(rows)
        arrays[f'y_{part}'] = one_hot(range(len(rows)), classes)
    np.savez(path, **{**arrays, **changes})
    return path


@pytest.fixture
def path(tmp_path):
    alone, pair, test = persons(1, 5), persons(2, FRAMES, 1), persons(1, 1, 2)
    return write(tmp_path / 'NTU60_CS.npz', [padded(*alone), padded(*pair)], [padded(*test)])


def test_a_store_holds_every_row_without_its_padding(path, tmp_path):
    convert(CTRGCNSource(path), tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    assert store.names() == ['train_000000', 'train_000001', 'test_000000']
    assert store.classes == list(CLASSES['ntu60']) and store.layout == 'nturgb+d'
    for i, expected in enumerate((persons(1, 5), persons(2, FRAMES, 1), persons(1, 1, 2))):
        np.testing.assert_array_equal(store.keypoint(i), expected)
    assert list(store.clips['label']) == [0, 1, 0]
    assert list(store.split('xsub_train')) == [0, 1] and list(store.split('xsub_val')) == [2]


def test_frames_are_counted_as_the_authors_feeder_counts_them(tmp_path):
    """Number of frames whose sum is not zero; an empty frame in the middle stays in place."""
    person = persons(1, 6)
    person[0, 3] = 0
    path = write(tmp_path / 'NTU60_CV.npz', [padded(*person)], [padded(*persons(1, 2))])
    convert(CTRGCNSource(path), tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    data = np.load(path)['x_train'].reshape(1, FRAMES, 2, 25, 3).transpose(0, 4, 1, 3, 2)[0]
    assert store.clips[0]['valid'] == np.sum(data.sum(0).sum(-1).sum(-1) != 0) == 5
    assert store.clips[0]['frames'] == 6
    np.testing.assert_array_equal(store.keypoint(0), person)
    assert store.split_names == ['xview_train', 'xview_val']


def test_a_copy_of_the_first_person_is_none(tmp_path):
    actor, pair = persons(1, 4)[0], persons(2, 4)
    path = write(tmp_path / 'NTU120_CSet.npz', [padded(actor, actor), padded(*pair)],
                 [padded(actor, actor)], classes=120)
    report = convert(CTRGCNSource(path), tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    assert list(store.clips['persons']) == [1, 2, 1] and len(store.classes) == 120
    assert report.repaired['second person is a copy of the first, dropped'].clips == 2
    assert store.split_names == ['xset_train', 'xset_val']


@pytest.mark.parametrize('classes, number', [(60, 1), (120, 2)])
def test_zeros_are_a_second_body_only_where_one_person_is_written_twice(tmp_path, classes, number):
    row = padded(*persons(1, 4))
    path = write(tmp_path / 'CSub.npz', [row], [row], classes=classes)
    convert(CTRGCNSource(path), tmp_path / 'store')
    store = SkeletonStore(tmp_path / 'store')
    assert list(store.clips['persons']) == [number, number]
    np.testing.assert_array_equal(store.keypoint(0)[0], persons(1, 4)[0])
    assert not store.keypoint(0)[1:].any()


def test_a_second_person_alone_stays_the_second(tmp_path):
    pair = persons(2, 4)
    pair[0] = 0
    path = write(tmp_path / 'NTU60_CS.npz', [padded(*pair)], [padded(*pair)])
    convert(CTRGCNSource(path), tmp_path / 'store')
    np.testing.assert_array_equal(SkeletonStore(tmp_path / 'store').keypoint(0), pair)


def test_rows_that_can_not_be_used_are_named(tmp_path):
    good = padded(*persons(1, 4))
    empty, infinite = np.zeros_like(good), good.copy()
    infinite[1, 7] = np.nan
    labels = one_hot([0, 1, 2, 3], 60)
    labels[3, 9] = 1
    path = write(tmp_path / 'NTU60_CS.npz', [good, empty, infinite, good], [good], y_train=labels)
    with pytest.raises(TooManyBadClips) as caught:
        convert(CTRGCNSource(path), tmp_path / 'store')
    reasons = [entry.reason for entry in caught.value.report.bad]
    assert 'row 1 of x_train: no frame holds a pose' in reasons[0]
    assert 'train_000002: coordinates that are not finite' in reasons[1]
    assert 'row 3 of x_train: 2 classes are set in y_train' in reasons[2]


@pytest.mark.parametrize('changes, message', [
    (dict(x_train=np.ones((2, 3, 75))), r'x_train is \(2, 3, 75\).*2 persons x 25 joints'),
    (dict(y_train=np.ones((3, 60))), r'y_train is \(3, 60\), expected \(2, classes\)'),
    (dict(y_train=np.ones(2)), r'y_train is \(2,\)'),
    (dict(y_train=np.ones((2, 49))), 'y_train has 49 classes and y_test 60, expected 60 or 120'),
    (dict(y_test=np.ones((1, 120))), 'y_test 120'),
    (dict(x_test=np.array([{}])), "'x_test': an array of object"),
])
def test_other_files_are_a_sentence(path, changes, message):
    arrays = dict(np.load(path))
    np.savez(path, **{**arrays, **changes})
    with pytest.raises(ValueError, match=f'NTU60_CS.npz.*{message}'):
        CTRGCNSource(path)


def test_the_protocol_is_asked_for_when_the_name_does_not_tell(path):
    other = path.rename(path.with_name('mine.npz'))
    with pytest.raises(ValueError, match='mine.npz.*--protocol xsub, xview or xset'):
        CTRGCNSource(other)
    assert CTRGCNSource(other, 'xset').splits([]) == dict(xset_train=[], xset_val=[])
    with pytest.raises(ValueError, match='protocol'):
        CTRGCNSource(other, 'cs')

import numpy as np
import pytest
from standing_people import damage, people_store

from cocodiff_mm.datasets.inspection.expectation import Reading
from cocodiff_mm.datasets.inspection.finding import NOTE, OK, PROBLEM
from cocodiff_mm.datasets.inspection.opening import open_recipe, open_store, verify


def readings(**datasets):
    """Readings of train, val and test."""
    return [Reading(f'{role}_dataloader.dataset', role, dict(
        dict(type='SkeletonStoreDataset', pipeline=[]), **dataset))
        for role, dataset in datasets.items()]


@pytest.fixture
def store(tmp_path):
    return people_store(tmp_path / 'store')


def test_a_store_with_its_protocols(store):
    opened = open_store(store.path)
    assert not opened.findings and [p.name for p in opened.protocols] == ['xsub']


def test_no_store_and_a_store_cut_short(store, tmp_path):
    finding, = open_store(tmp_path / 'nothing').findings
    assert finding.level == PROBLEM and 'convert.py' in finding.text
    with (store.path / 'keypoint.npy').open('r+b') as file:
        file.truncate(5000)
    opened = open_store(store.path)
    assert not opened.stores and not opened.protocols
    assert 'keypoint.npy (5000 bytes)' in opened.findings[0].text


def test_checksums(store):
    assert verify(store, quick=False).level == OK
    damage(store, 5, 1.5)
    finding = verify(store, quick=False)
    assert finding.level == PROBLEM and 'keypoint.npy changed' in finding.text
    quick = verify(store, quick=True)
    assert quick.level == OK and 'not compared' in quick.text


def test_a_recipe_is_one_protocol(store):
    ann_file = str(store.path)
    opened = open_recipe(readings(
        train=dict(ann_file=ann_file, split='xsub_train', label_set='ntu120', layout='coco'),
        val=dict(ann_file=ann_file, split='xsub_val'),
        test=dict(ann_file=ann_file, split='xsub_val')))
    assert not opened.findings and len(opened.stores) == 1 and len(opened.datasets) == 3
    protocol, = opened.protocols
    assert protocol.name == 'xsub' and list(protocol.splits) == ['xsub_train', 'xsub_val']
    assert np.array_equal(protocol.train, store.split('xsub_train'))
    assert np.array_equal(protocol.test, store.split('xsub_val'))
    assert protocol.kept == dict.fromkeys(protocol.splits, list(range(10)))


def test_classes_that_a_recipe_keeps(store):
    common = dict(ann_file=str(store.path))
    opened = open_recipe(readings(
        train=dict(common, split='xsub_train', classes=['throw', 'carry']),
        val=dict(common, split='xsub_val', classes=[0])))
    protocol, = opened.protocols
    assert protocol.kept == dict(xsub_train=[8, 9], xsub_val=[0])
    assert set(store.clips['label'][protocol.train]) == {8, 9} and len(protocol.train) == 4


def test_training_and_test_of_different_stores(store, tmp_path):
    other = people_store(tmp_path / 'other', per_class=2)
    opened = open_recipe(readings(train=dict(ann_file=str(store.path)),
                                  test=dict(ann_file=str(other.path), split='xsub_val')))
    protocol, = opened.protocols
    assert len(opened.stores) == 2 and protocol.train.tolist() == list(range(40))
    assert protocol.test.tolist() == list(range(50, 60))


def test_training_on_the_test_clips(store):
    common = dict(ann_file=str(store.path), split='xsub_train')
    protocol, = open_recipe(readings(train=common, val=common)).protocols
    assert list(protocol.splits) == ['xsub_train', 'xsub_train (val)']
    assert np.array_equal(protocol.train, protocol.test)


def test_what_can_not_be_opened_is_said_once(store, tmp_path):
    missing = dict(ann_file='nothing', data_root=str(tmp_path))
    opened = open_recipe(readings(train=missing, val=missing))
    finding, = opened.findings
    assert not opened.stores and finding.level == PROBLEM
    assert 'train_dataloader.dataset.ann_file=STORE' in finding.advice
    opened = open_recipe(readings(train=dict(ann_file=str(store.path), split='xset_train')))
    finding, = opened.findings
    assert finding.level == PROBLEM and "no split 'xset_train'" in finding.text


def test_other_datasets(tmp_path):
    made = dict(type='SyntheticSkeletonDataset', split='xsub_train')
    opened = open_recipe(readings(train=made, val=made))
    finding, = opened.findings
    assert finding.level == NOTE and 'makes its clips itself' in finding.text
    opened = open_recipe(readings(train=dict(type='PoseDataset', ann_file='a.pkl')))
    finding, = opened.findings
    assert finding.level == PROBLEM and 'a.pkl is read by PoseDataset' in finding.text
    assert 'convert.py' in finding.advice

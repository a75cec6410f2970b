import os
from pathlib import Path

import numpy as np
import pytest
from standing_people import changed, people_store

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.inspection import inspect_clips, judge, open_store
from cocodiff_mm.datasets.inspection.finding import OK, PROBLEM
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.store_writer import StoreWriter
from cocodiff_mm.utils.safe_pickle import load_arrays


def inspect(store):
    opened = open_store(store.path)
    inspection = inspect_clips(opened.stores, opened.protocols)
    return inspection, judge(inspection.findings, [p.name for p in opened.protocols])


def problems(inspection):
    return [f for f in inspection.findings if f.level == PROBLEM]


def test_good_data_is_ready(tmp_path):
    store, seen = people_store(tmp_path / 'store'), []
    inspection, verdict = inspect(store)
    assert verdict.ready and verdict.text == 'Ready to train.'
    assert {f.level for f in inspection.findings} == {OK} and len(inspection.table) == 40
    assert {f.topic for f in inspection.findings} == {
        'numbers', 'poses', 'lengths', 'units', 'splits', 'leaks', 'copies'}
    inspect_clips([store], open_store(store.path).protocols, seen.append)
    assert sum(seen) == 40


def test_published_numbers_are_those_of_the_name(tmp_path):
    inspection, verdict = inspect(people_store(
        tmp_path / 'store', name='nwucla',
        splits=lambda names: dict(xview_train=names[:20], xview_val=names[20:])))
    assert not verdict.ready
    assert [f.text for f in problems(inspection)] == [
        'xview_train has 20 clips, the published split has 1,020',
        'xview_val has 20 clips, the published split has 464']


def test_poses_found_in_videos_have_no_published_numbers(tmp_path):
    inspection, verdict = inspect(people_store(
        tmp_path / 'store', lambda clips: [changed([c], 0, keypoint=c.keypoint[:, :, :17])[0]
                                           for c in clips], name='ntu60', layout='coco'))
    assert 'split sizes' not in {f.topic for f in inspection.findings}


def test_a_leak_between_two_stores(tmp_path):
    train = people_store(tmp_path / 'a', splits=lambda names: dict(train=names))
    test = people_store(tmp_path / 'b', lambda clips: [
        changed([clip], 0, name=f'other{i}', keypoint=clip.keypoint * np.float32(
            1 if i == 7 else 1.01))[0] for i, clip in enumerate(clips)])
    protocol = open_store(test.path).protocols[0]
    protocol = type(protocol)('both', np.arange(40), dict(test=np.arange(40, 80)), 'train')
    inspection = inspect_clips([train, test], [protocol])
    leak, = problems(inspection)
    assert leak.text == 'both: 1 of 40 test clips (2.5 %) bit-identical to training clips'
    assert leak.examples == 'other7 = clip7'


def test_data_without_a_single_pose(tmp_path):
    inspection, verdict = inspect(people_store(tmp_path / 'store', lambda clips: [
        changed([clip], 0, keypoint=np.zeros_like(clip.keypoint))[0] for clip in clips]))
    assert verdict.text.startswith('Do not train on this: no pose at all in 40 of 40 clips')


@pytest.fixture(scope='module')
def nwucla(tmp_path_factory) -> SkeletonStore:
    """The real recordings as a store."""
    folder = os.environ.get('COCODIFF_REAL_DATA')
    if not folder:
        pytest.skip('COCODIFF_REAL_DATA does not name the folder of the real recordings')
    data = load_arrays(Path(folder) / 'nw_ucla.pkl')
    classes = tuple(f'a{i}' for i in range(10))
    info = StoreInfo('nwucla', 'nwucla', classes, ('x', 'y', 'z'), 'metres', 'a test')
    with StoreWriter(tmp_path_factory.mktemp('real') / 'nwucla', info) as writer:
        for each in data['annotations']:
            writer.add(Clip(each['frame_dir'], each['keypoint'], each['label'],
                            subject=each['subject'], camera=each['view']))
        return SkeletonStore(writer.finish(data['split']))


def test_the_leak_of_nwucla(nwucla):
    inspection, verdict = inspect(nwucla)
    leak, = problems(inspection)
    assert (leak.topic, leak.protocol) == ('leaks', 'xview')
    assert leak.text == 'xview: 95 of 464 test clips (20.5 %) bit-identical to training clips'
    assert leak.advice.startswith('use split=xview_clean')
    assert verdict.ready and verdict.text.startswith(
        'Ready to train with split xsub, xview_clean, xview_dedup. Do not train with split xview')
    units, = (f for f in inspection.findings if f.topic == 'units')
    sizes, = (f for f in inspection.findings if f.topic == 'split sizes')
    assert units.level == OK and sizes.text == 'as published: xview_train 1,020, xview_val 464'

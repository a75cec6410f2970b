import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.converters.convert import TooManyBadClips, convert
from cocodiff_mm.datasets.converters.pyskl_pickle import PickleSource
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.utils.safe_pickle import load_arrays


def annotation(name, label=0, persons=1, frames=4, joints=25, coords=3, dtype=np.float32, **more):
    rng = np.random.default_rng([ord(letter) for letter in name])
    keypoint = rng.normal(size=(persons, frames, joints, coords)).astype(dtype)
    return dict(frame_dir=name, label=label, total_frames=frames, keypoint=keypoint, **more)


def write(path, annotations, split=None):
    data = annotations if split is None else dict(split=split, annotations=annotations)
    path.write_bytes(pickle.dumps(data))
    return path


def as_annotations(store):
    """What a store holds, in the pickle's form."""
    found = []
    for i, clip in enumerate(store.clips):
        entry = dict(frame_dir=store.name(i), label=int(clip['label']),
                     total_frames=int(clip['frames']), keypoint=np.array(store.keypoint(i)))
        if store.score(i) is not None:
            entry['keypoint_score'] = np.array(store.score(i))
        if clip['height'] > 0:
            entry['img_shape'] = (int(clip['height']), int(clip['width']))
        found.append(entry)
    return found


def convert_pickle(path, store, **options):
    report = convert(PickleSource(path, **options), store)
    return SkeletonStore(store), report


def test_joints_in_space_with_names_of_ntu(tmp_path):
    annotations = [annotation('S001C002P003R002A013', label=12, persons=2, frames=7),
                   annotation('S017C003P008R001A001', frames=1)]
    path = write(tmp_path / 'ntu60_3d.pkl', annotations,
                 dict(xsub_train=['S017C003P008R001A001', 'S009C009P009R009A009'],
                      xsub_val=['S001C002P003R002A013']))
    store, report = convert_pickle(path, tmp_path / 'store')
    assert store.classes == list(CLASSES['ntu60']) and store.layout == 'nturgb+d'
    for i, expected in enumerate(annotations):
        np.testing.assert_array_equal(store.keypoint(i), expected['keypoint'])
    keys = ('setup', 'camera', 'subject', 'replication', 'label')
    assert [int(store.clips[0][key]) for key in keys] == [1, 2, 3, 2, 12]
    assert list(store.split('xsub_train')) == [1] and list(store.split('xsub_val')) == [0]
    assert report.remarks == [
        "label set ntu60 by the file's name; --set or --classes says otherwise",
        'layout nturgb+d by its 25 joints x 3 coordinates',
        'split xsub_train names 1 clips that the file does not hold']
    assert 'xsub_train                 1  published: 40091 (-40090)' in report.text()


def test_joints_in_the_image_with_scores(tmp_path):
    scores = np.linspace(0, 1, 2 * 3 * 17, dtype=np.float16).reshape(2, 3, 17)
    path = write(tmp_path / 'own.pkl', [
        annotation('v_1', 1, 2, 3, 17, 2, np.float16, keypoint_score=scores, img_shape=(480, 640),
                   original_shape=(480, 640))])
    store, _ = convert_pickle(path, tmp_path / 'store')
    assert store.layout == 'coco' and store.meta['coordinates'] == ['x', 'y']
    assert store.keypoint(0).dtype == np.float16  # nothing is lost, and half the size
    np.testing.assert_array_equal(store.score(0), scores)
    assert (store.clips[0]['height'], store.clips[0]['width']) == (480, 640)
    assert store.classes == ['class 0', 'class 1'] and store.split_names == []


@pytest.mark.parametrize('annotations', [
    [annotation('S001C001P001R001A002', 1), annotation('S001C001P001R001A001', 0, 2, 9)],
    [annotation(f'v{i}', i, i + 1, i + 1, 17, 2, img_shape=(10, 20 + i),
                keypoint_score=np.full((i + 1, i + 1, 17), 0.5, np.float32)) for i in range(3)],
])
def test_pickle_store_and_pickle_are_one(tmp_path, annotations):
    split = dict(train=[annotations[0]['frame_dir']], val=[annotations[1]['frame_dir']])
    first, _ = convert_pickle(write(tmp_path / 'a.pkl', annotations, split), tmp_path / 'first')
    back = as_annotations(first)
    np.testing.assert_equal(back, annotations)
    named = {key: [first.name(i) for i in first.split(key)] for key in first.split_names}
    assert named == split
    second, _ = convert_pickle(write(tmp_path / 'a.pkl', back, named), tmp_path / 'second')
    assert first.meta['sha256'] == second.meta['sha256']


@pytest.mark.parametrize('changes, message', [
    (dict(total_frames=5), 'a frame count that lies: total_frames is 5, the joints are'),
    (dict(total_frames='4'), "a frame count that lies: total_frames is '4'"),
    (dict(label='drink'), "label 'drink', expected a number"),
    (dict(label=True), 'label True'),
    (dict(label=70), 'label 70, but by its name it is 0; is it the file of another data set'),
    (dict(keypoint=None), 'keypoint is NoneType'),
    (dict(keypoint=np.ones((4, 25, 3))), 'a frame count that lies'),
    (dict(keypoint=np.ones((1, 4, 17, 3))), 'expected 3 coordinates of 25 joints, got 3 of 17'),
    (dict(keypoint=np.full((1, 4, 25, 3), np.nan)), 'not finite'),
    (dict(keypoint_score=np.ones((1, 4, 25))), 'confidence scores in all clips or in none'),
    (dict(img_shape=(480, )), 'img_shape (480,), expected (height, width)'),
    (dict(img_shape=(0, 640)), 'img_shape'),
    (dict(img_shape='480x640'), 'img_shape'),
    (dict(frame_dir=''), 'annotation 1 has no name'),
])
def test_annotations_that_can_not_be_used_are_named(tmp_path, changes, message):
    path = write(tmp_path / 'ntu60_3d.pkl', [
        annotation('S002C001P001R001A001'), {**annotation('S001C001P001R001A001'), **changes}])
    with pytest.raises(TooManyBadClips) as caught:
        convert(PickleSource(path), tmp_path / 'store')
    # A single clip with scores makes them the rule, so that it is the other that lacks them.
    (entry, ) = caught.value.report.bad
    assert message in entry.reason


def test_an_annotation_without_a_name_is_counted(tmp_path):
    nameless = annotation('a')
    del nameless['frame_dir']
    path = write(tmp_path / 'a.pkl', [annotation('b'), nameless])
    with pytest.raises(TooManyBadClips) as caught:
        convert(PickleSource(path), tmp_path / 'store')
    (entry, ) = caught.value.report.bad
    assert 'annotation 1 has no name, neither frame_dir nor filename' in entry.reason
    named = dict(nameless, filename='c.avi')
    store, _ = convert_pickle(write(tmp_path / 'a.pkl', [annotation('b'), named]),
                              tmp_path / 'store')
    assert store.names() == ['b', 'c.avi']


def test_poses_of_videos_have_their_own_numbers_of_clips(tmp_path):
    path = write(tmp_path / 'ntu60_hrnet.pkl', [annotation('S001C001P001R001A001', 0, 1, 3, 17, 2)],
                 dict(xsub_train=['S001C001P001R001A001']))
    _, report = convert_pickle(path, tmp_path / 'store')
    assert report.name == 'ntu60' and 'published' not in report.text()


def test_own_keys_tell_provenance_where_names_do_not(tmp_path):
    path = write(tmp_path / 'a.pkl', [annotation('x', subject=3, view=2, trial=np.int64(1))])
    store, _ = convert_pickle(path, tmp_path / 'store')
    assert [int(store.clips[0][key]) for key in ('subject', 'camera', 'replication', 'setup')] == [
        3, 2, 1, -1]


def test_classes_and_layout_can_be_given(tmp_path):
    layout = dict(num_node=4, inward=[[1, 0], [2, 1], [3, 1]], center=0)
    path = write(tmp_path / 'robots.pkl', [annotation('x', joints=4)])
    store, report = convert_pickle(path, tmp_path / 'store', layout=layout, classes=['idle', 'run'])
    assert store.layout == layout and store.classes == ['idle', 'run'] and not report.remarks
    assert store.meta['name'] == 'robots'


@pytest.mark.parametrize('content, message', [
    (dict(split={}), r'expected dict\(split=..., annotations='),
    ([1, 2], 'or a list of annotations'),
    ([], 'list of annotations'),
    (dict(annotations=[dict(label=0)]), 'no annotation has a keypoint array'),
    (dict(annotations=[dict(label=0, raw_file='a')]), 'use the verb kinetics-hrnet'),
    (dict(annotations=[annotation('a')], split=['a']), 'split is not a dict of lists'),
    (dict(annotations=[annotation('a')], split=dict(train=[1])), 'split is not a dict of lists'),
    ([annotation('a', coords=4)], '4 coordinates per joint'),
    ([annotation('a', label=10**9)], 'label 1000000000; give the class names'),
    ([annotation('a', joints=20)], '20 joints x 3 .* --layout: nwucla or utd_mhad'),
])
def test_other_pickles_are_a_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=f'a.pkl.*{message}'):
        PickleSource(write(tmp_path / 'a.pkl', content))


@pytest.mark.skipif(not os.environ.get('COCODIFF_REAL_DATA'),
                    reason='COCODIFF_REAL_DATA does not name the folder of the real recordings')
@pytest.mark.parametrize('name, label_set, clips', [
    ('nw_ucla', 'nwucla', 1484), ('sbu_interaction', 'sbu', 282)])
def test_the_real_recordings_come_through_unchanged(tmp_path, name, label_set, clips):
    path = Path(os.environ['COCODIFF_REAL_DATA']) / f'{name}.pkl'
    store, report = convert_pickle(path, tmp_path / 'store', label_set=label_set)
    data = load_arrays(path)
    assert len(store) == clips and not report.bad and store.layout == label_set
    for i, expected in enumerate(data['annotations']):
        assert store.name(i) == expected['frame_dir']
        assert store.clips[i]['label'] == expected['label']
        np.testing.assert_array_equal(store.keypoint(i), expected['keypoint'])
    for split, names in data['split'].items():
        assert {store.name(i) for i in store.split(split)} == set(names)


def test_an_unknown_label_set_lists_those_that_there_are(tmp_path):
    path = write(tmp_path / 'a.pkl', [annotation('x')])
    with pytest.raises(ValueError, match="unknown label_set 'bogus'; allowed: .*'ntu60'"):
        PickleSource(path, label_set='bogus')

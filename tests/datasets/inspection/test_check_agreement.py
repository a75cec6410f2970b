import numpy as np
import pytest
from small_store import small_store
from standing_people import changed, people_store

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.inspection.check_agreement import (
    check_axes,
    check_classes,
    check_persons,
    check_skeleton,
)
from cocodiff_mm.datasets.inspection.expectation import Reading
from cocodiff_mm.datasets.inspection.finding import NOTE, OK, PROBLEM
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.utils.graph import bones

NAMES = CLASSES['nwucla']


def reading(**config):
    return Reading('train_dataloader.dataset', 'train', config)


def test_classes_agree():
    finding, = check_classes(NAMES, 'data', {"text bank 'nwucla'": list(NAMES)}, 10)
    assert finding.level == OK
    assert finding.text == "10 classes, the same in data, text bank 'nwucla', the head"


@pytest.mark.parametrize('names, head, text', [
    (NAMES, 120, 'the head has 120 classes, data 10'),
    ((*NAMES[:4], 'stand up', 'sit down', *NAMES[6:]), 10,
     "class 4 is 'sit down' in data, but 'stand up' in the bank"),
    (NAMES[:8], None, 'data has 10 classes, the bank has 8'),
    ((*NAMES, 'jump'), None, 'data has 10 classes, the bank has 11'),
])
def test_classes_that_differ(names, head, text):
    finding, = check_classes(NAMES, 'data', {'the bank': names}, head)
    assert (finding.level, finding.text) == (PROBLEM, text)


def test_a_flat_store_under_a_recipe_for_space(tmp_path):
    store = people_store(
        tmp_path / 'coco', lambda clips: [changed([c], 0, keypoint=c.keypoint[:, :, :17, :2])[0]
                                          for c in clips], layout='coco', coordinates=('x', 'y'))
    finding, = check_skeleton(store, [reading(layout='nturgb+d', num_coords=3)] * 2, 'nturgb+d')
    assert finding.level == PROBLEM
    assert finding.text == (f"expected 3 coordinates of 25 joints ('nturgb+d'), got 2 of 17 "
                            f"('coco') in {store.path}")
    assert finding.advice == (
        'use a store of the expected kind (convert the 3-D recordings; for NTU RGB+D: '
        'ntu60_3d.pkl, ntu120_3d.pkl or the .skeleton files), or set layout, num_coords, graph_cfg '
        'and in_channels of the recipe to those of this store; another store is given as '
        'train_dataloader.dataset.ann_file=STORE')
    finding, = check_skeleton(store, [reading()], 'nturgb+d')  # nothing but the backbone says it
    assert finding.level == PROBLEM and 'of 25 joints' in finding.text
    finding, = check_skeleton(store, [reading(layout='coco', num_coords=2)], 'coco')
    assert (finding.level, finding.text) == (
        OK, "2 coordinates of 17 joints ('coco'), as the recipe expects")


def test_as_many_joints_in_another_order(tmp_path):
    store = people_store(tmp_path / 'store')
    dataset, = check_skeleton(store, [reading(layout='utd_mhad')], 'nwucla')
    assert dataset.text.startswith("train_dataloader.dataset.layout is 'utd_mhad'")
    backbone, = check_skeleton(store, [reading(layout='nwucla')], 'utd_mhad')
    assert backbone.text.startswith("model.backbone.graph_cfg.layout is 'utd_mhad'")
    assert backbone.level == dataset.level == PROBLEM
    spelt_out = dict(num_node=20, inward=bones('nwucla'), center=2)
    assert check_skeleton(store, [reading(layout=spelt_out)], spelt_out)[0].level == OK


def test_own_layouts_have_no_name(tmp_path):
    store = SkeletonStore(small_store(tmp_path / 'small'))
    assert check_skeleton(store, [], None)[0].text == '3 coordinates of 5 joints (an own layout)'


def test_axes_of_the_body(tmp_path):
    def steps(*names):
        return Reading('train_dataloader.dataset', 'train', {}, names)
    other, fitting = steps('CenterSkeleton', 'FormatGCNInput'), steps('FastPreNormalize3D')
    store = people_store(tmp_path / 'plain')
    assert check_axes(store, [other]) == check_axes(store, []) == []
    store = people_store(tmp_path / 'store', options=dict(pre_normalized=True))
    note, = check_axes(store, [])
    assert note.level == NOTE and note.advice == 'train with sampling=pyskl'
    assert check_axes(store, [fitting, fitting])[0].level == OK
    finding, = check_axes(store, [fitting, other, other])  # validation alone is enough
    assert finding.level == PROBLEM and 'use sampling=pyskl' in finding.text


def test_persons(tmp_path):
    store = people_store(tmp_path / 'store', lambda clips: changed(
        clips, 5, keypoint=np.repeat(clips[5].keypoint, 3, axis=0)))
    assert check_persons(store, None)[0].text == '39 clips with 1, 1 clip with 3'
    assert check_persons(store, 3)[0].level == OK
    finding, = check_persons(store, 2)
    assert finding.level == NOTE and finding.text.endswith('the recipe takes the first 2')
    assert finding.advice.startswith('1 clip will be cut')

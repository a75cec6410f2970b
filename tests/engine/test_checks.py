from types import SimpleNamespace

import pytest
import torch
from mmaction.registry import MODELS

from cocodiff_mm.engine.checks import check_classes, check_model, dataset_classes

BACKBONE = dict(type='CTRGCN', base_channels=8, num_stages=1, inflate_stages=[], down_stages=[],
                graph_cfg=dict(layout='nturgb+d', mode='spatial'))


class Data:
    """The least of a dataset: labels, and names if it has any."""

    ann_file, split = 'some/file.pkl', 'xsub_train'

    def __init__(self, labels, classes=None):
        self.labels, self.metainfo = labels, {} if classes is None else dict(classes=classes)

    def __len__(self):
        return len(self.labels)

    def get_data_info(self, i):
        return dict(label=self.labels[i])


def build(num_classes=17, recognizer='CoCoDiffRecognizer', head='CoCoDiffHead', **neck):
    return MODELS.build(dict(
        type=recognizer, backbone=dict(BACKBONE),
        cls_head=dict(type=head, num_classes=num_classes, in_channels=8),
        neck=dict(type='LatentDiffusionNeck', in_channels=8, text_bank='synthetic', **neck)))


def test_a_neck_that_is_ignored_is_an_error():
    model = build(recognizer='RecognizerGCN', head='GCNHead')
    with pytest.raises(ValueError, match='RecognizerGCN ignores its neck LatentDiffusionNeck'):
        check_model(model)
    check_model(build())


def test_three_numbers_with_their_sources():
    with pytest.raises(ValueError) as error:
        check_classes(build(num_classes=12), Data([0, 9]))
    for part in ('data: 10 (highest label + 1 in some/file.pkl', "split 'xsub_train'",
                 'head: 12 (model.cls_head.num_classes)',
                 "text bank: 17 (model.neck.text_bank='synthetic')"):
        assert part in str(error.value)


def test_first_difference_of_class_names():
    model = build()
    names = list(model.neck.classes)
    check_classes(model, Data([0], names))
    names[2], names[3] = names[3], names[2]
    with pytest.raises(ValueError, match="class 2 is 'brush hair' in the data .* but 'wave hand'"):
        check_classes(model, Data([0], names))


def test_names_taken_on_trust_are_a_warning_only():
    check_classes(build(), Data([16]))


def test_a_plain_recipe_is_checked_too():
    model = SimpleNamespace(cls_head=SimpleNamespace(num_classes=5), neck=None)
    check_classes(model, Data([4]))
    with pytest.raises(ValueError, match='data: 6'):
        check_classes(model, Data([5]))


def test_wrappers_and_tensor_labels():
    wrapped = SimpleNamespace(dataset=Data([torch.tensor(1), 3]))
    assert dataset_classes(wrapped)[:2] == (4, None)

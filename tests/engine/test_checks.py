import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS, TRANSFORMS

from cocodiff_mm.engine.checks import (
    check_classes,
    check_model,
    check_skeleton,
    dataset_classes,
    skeleton_of,
)

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


STGCN = dict(type='STGCN', base_channels=8, num_stages=1, inflate_stages=[], down_stages=[],
             graph_cfg=dict(layout='nturgb+d', mode='stgcn_spatial'))
POSES = [dict(type='UniformSampleFrames', clip_len=8), dict(type='PoseDecode'),
         dict(type='FormatGCNInput'), dict(type='PackActionInputs')]


def clips(tmp_path, joints, coords, scores=False, steps=(), wrapped=False):
    """MMAction2's dataset over one clip."""
    clip = dict(frame_dir='clip0', label=0, total_frames=9,
                keypoint=np.random.rand(1, 9, joints, coords).astype(np.float32))
    if scores:
        clip['keypoint_score'] = np.ones((1, 9, joints), np.float32)
    file = tmp_path / f'{joints}x{coords}.pkl'
    file.write_bytes(pickle.dumps(dict(split=dict(train=['clip0']), annotations=[clip])))
    dataset = dict(type='PoseDataset', ann_file=str(file), split='train',
                   pipeline=[*(dict(type=step) for step in steps), *POSES])
    return DATASETS.build(dict(type='RepeatDataset', times=2, dataset=dataset) if wrapped
                          else dataset)


def network(backbone, **changes):
    return SimpleNamespace(backbone=MODELS.build(dict(backbone, **changes)))


@pytest.mark.parametrize('backbone', [BACKBONE, STGCN, dict(STGCN, data_bn_type='MVC')])
@pytest.mark.parametrize('joints, coords, scores, steps, got', [
    (17, 2, False, (), '2 of 17'),
    (17, 2, True, (), '2 of 17'),  # scores become a third coordinate
    (17, 3, False, (), '3 of 17'),
    (25, 2, False, (), '2 of 25'),
    (20, 3, False, ('PreNormalize3D', ), '3 of 20'),
    (17, 2, True, ('PreNormalize3D', ), '2 of 17'),  # which fails
    (25, 2, False, ('PreNormalize3D', ), '2 of 25'),
    (15, 3, False, ('JointToBone', ), '3 of 15'),
])
def test_clips_of_another_skeleton(tmp_path, backbone, joints, coords, scores, steps, got):
    dataset = clips(tmp_path, joints, coords, scores, steps, wrapped=joints == 17)
    with pytest.raises(ValueError) as error:
        check_skeleton(network(backbone), dataset)
    assert str(error.value).startswith(
        f"expected 3 coordinates of 25 joints, got {got} in {tmp_path}/{joints}x{coords}.pkl, "
        "split 'train'; use a 3-D file of 25 joints, or a backbone whose graph_cfg.layout and")


@pytest.mark.parametrize('backbone', [BACKBONE, STGCN])
def test_clips_that_fit(tmp_path, backbone):
    sample = check_skeleton(network(backbone), clips(tmp_path, 25, 3, steps=['PreNormalize3D']))
    assert sample['inputs'].shape == (1, 2, 8, 25, 3)
    flat = dict(layout='coco', mode='spatial')
    for scores in (False, True):
        model = network(backbone, graph_cfg=flat, in_channels=2 + scores)
        check_skeleton(model, clips(tmp_path, 17, 2, scores))
    with pytest.raises(ValueError, match='expected 2 coordinates of 17 joints, got 3 of 17'):
        check_skeleton(network(backbone, graph_cfg=flat, in_channels=2),
                       clips(tmp_path, 17, 2, scores=True))


def test_a_step_that_fails_on_a_clip_that_fits_says_so_itself(tmp_path):
    with pytest.raises(KeyError, match='imgs'):
        check_skeleton(network(BACKBONE), clips(tmp_path, 25, 3, steps=['Flip']))


def test_other_networks_are_not_asked_for_a_skeleton(tmp_path):
    model = network(dict(type='ResNet3d', depth=18, pretrained=None))
    assert skeleton_of(model.backbone) == (None, None)
    check_skeleton(model, clips(tmp_path, 17, 2))


BLOCKGCN = dict(BACKBONE, type='BlockGCN', base_channels=16, joint_channels=3)
STREAM = dict(type='SkeletonStream', stream='b')


def streams(tmp_path, step):
    dataset = clips(tmp_path, 25, 3)
    dataset.pipeline.transforms.insert(0, TRANSFORMS.build(step))
    return dataset


def test_joints_behind_the_stream(tmp_path):
    behind = dict(type='AppendJoints', step=STREAM)
    sample = check_skeleton(network(BLOCKGCN), streams(tmp_path, behind))
    assert sample['inputs'].shape == (1, 2, 8, 25, 6)
    check_skeleton(network(BLOCKGCN, joint_channels=0), streams(tmp_path, STREAM))
    with pytest.raises(ValueError, match='6 coordinates of a joint, 3 of the stream and 3 of '
                       'the joints, got 3 in .*25x3.pkl.*; put AppendJoints around .*_channels=0'):
        check_skeleton(network(BLOCKGCN), streams(tmp_path, STREAM))
    for backbone in (BACKBONE, dict(BLOCKGCN, joint_channels=0)):
        with pytest.raises(ValueError, match='takes 3 coordinates of a joint, 3 of the stream, got '
                           '6 in .*; take AppendJoints from around .* BlockGCN with joint_chann'):
            check_skeleton(network(backbone), streams(tmp_path, behind))


def test_clips_of_another_skeleton_where_joints_are_behind_the_stream(tmp_path):
    with pytest.raises(ValueError, match='expected 3 coordinates of 25 joints, got 2 of 17 in'):
        check_skeleton(network(BLOCKGCN), clips(tmp_path, 17, 2))
    with pytest.raises(ValueError, match='expected 8 coordinates of 25 joints, got 6 of 25 in'):
        check_skeleton(network(BLOCKGCN, joint_channels=5),
                       streams(tmp_path, dict(type='AppendJoints', step=STREAM)))

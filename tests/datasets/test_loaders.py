import copy

import pytest

from cocodiff_mm.datasets.loaders import adapt, with_joints

PIPELINE = [dict(type='CropResize', clip_len=64), dict(type='RandomRotation', theta=0.3),
            dict(type='FormatGCNInput', num_person=2)]


def test_steps_are_changed_taken_out_or_left():
    adapted = adapt(PIPELINE, dict(
        CropResize=dict(clip_len=32, p_interval=(0.95, )), RandomRotation=None,
        UniformSampleFrames=dict(clip_len=9)))
    assert adapted == [dict(type='CropResize', clip_len=32, p_interval=(0.95, )),
                       dict(type='FormatGCNInput', num_person=2)]
    assert PIPELINE[0]['clip_len'] == 64, 'the base of other data sets must not change'


def nested(pipeline):
    """One loader around a repeated and a joined set."""
    inner = dict(type='Clips', ann_file='here', pipeline=pipeline)
    joined = dict(type='ConcatDataset', datasets=[inner, dict(inner, ann_file='there')])
    return dict(batch_size=4, dataset=dict(type='RepeatDataset', times=5, dataset=joined))


def test_joints_are_put_behind_the_stream_inside_any_wrappers():
    stream = dict(type='SkeletonStream', stream='b', layout='nwucla')
    loader = nested([PIPELINE[0], stream, PIPELINE[2]])
    before = copy.deepcopy(loader)
    relative = dict(type='AppendJoints', step=dict(stream, type='RelativeStream'))
    assert with_joints(loader, 'RelativeStream') == nested([PIPELINE[0], relative, PIPELINE[2]])
    assert loader == before, 'the base of other recipes must not change'


def test_a_pipeline_without_a_stream_is_refused():
    with pytest.raises(ValueError, match='the pipeline has CropResize, RandomRotation, FormatGCNI'):
        with_joints(nested(PIPELINE))

from cocodiff_mm.datasets.loaders import adapt

PIPELINE = [dict(type='CropResize', clip_len=64), dict(type='RandomRotation', theta=0.3),
            dict(type='FormatGCNInput', num_person=2)]


def test_steps_are_changed_taken_out_or_left():
    adapted = adapt(PIPELINE, dict(
        CropResize=dict(clip_len=32, p_interval=(0.95, )), RandomRotation=None,
        UniformSampleFrames=dict(clip_len=9)))
    assert adapted == [dict(type='CropResize', clip_len=32, p_interval=(0.95, )),
                       dict(type='FormatGCNInput', num_person=2)]
    assert PIPELINE[0]['clip_len'] == 64, 'the base of other data sets must not change'

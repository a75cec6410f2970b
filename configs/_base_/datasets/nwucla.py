# Northwestern-UCLA, 20 Kinect v1 joints, one person.
# Variables for --cfg-options: stream=j|b|jm|bm split=xview_clean|xview|xsub. The standard split
# `xview` has 95 of its 464 test clips in the training set; `xview_clean` leaves those out there.
stream = '{{$COCODIFF_STREAM:j}}'
split = '{{$COCODIFF_SPLIT:xview_clean}}'
label_set = 'nwucla'
num_classes = 10
num_person = 1
# Child and parent of each bone, 0-based: hip centre, spine, shoulder centre, head, arms, legs.
layout = dict(
    num_node=20,
    center=2,
    inward=[(0, 1), (1, 2), (3, 2), (4, 2), (5, 4), (6, 5), (7, 6), (8, 2), (9, 8), (10, 9),
            (11, 10), (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17),
            (19, 18)])


def pipeline(**sampling):
    return [
        dict(type='PreNormalize3D'),
        dict(type='SkeletonStream', stream=stream, layout=layout),
        dict(type='UniformSampleFrames', clip_len=32, **sampling),
        dict(type='PoseDecode'),
        dict(type='FormatGCNInput', num_person=num_person),
        dict(type='PackActionInputs'),
    ]


def dataloader(part, pipeline, test_mode):
    return dict(
        batch_size=16,
        num_workers=2,
        persistent_workers=True,
        drop_last=not test_mode,
        sampler=dict(type='DefaultSampler', shuffle=not test_mode),
        dataset=dict(
            type='SkeletonDataset',
            ann_file='{{$COCODIFF_REAL_DATA:data/skeleton}}/nw_ucla.pkl',
            label_set=label_set,
            split=f'{split}_{part}',
            pipeline=pipeline,
            test_mode=test_mode))


train_dataloader = dataloader('train', pipeline(), test_mode=False)
val_dataloader = dataloader('val', pipeline(num_clips=1, test_mode=True), test_mode=True)
test_dataloader = val_dataloader

val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# NTU RGB+D 120, 3-D joints. Variables for --cfg-options: stream=j|b|jm|bm split=xsub|xset
stream = '{{$COCODIFF_STREAM:j}}'
split = '{{$COCODIFF_SPLIT:xsub}}'
label_set = 'ntu120'
num_classes = 120
num_person = 2
layout = 'nturgb+d'


def pipeline(**sampling):
    return [
        dict(type='PreNormalize3D'),
        dict(type='SkeletonStream', stream=stream, layout=layout),
        dict(type='UniformSampleFrames', clip_len=64, **sampling),
        dict(type='PoseDecode'),
        dict(type='FormatGCNInput', num_person=num_person),
        dict(type='PackActionInputs'),
    ]


def dataloader(part, pipeline, test_mode):
    return dict(
        batch_size=64,
        num_workers=4,
        persistent_workers=True,
        drop_last=not test_mode,
        sampler=dict(type='DefaultSampler', shuffle=not test_mode),
        dataset=dict(
            type='SkeletonDataset',
            ann_file='data/skeleton/ntu120_3d.pkl',
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

# What the data sets share, for NTU's 25 joints and two persons. A data set's own file adds its
# annotations and what else differs. Variable for --cfg-options: stream=j|b|jm|bm
stream = '{{$COCODIFF_STREAM:j}}'


def dataloader(test_mode):
    pipeline = [
        dict(type='PreNormalize3D'),
        dict(type='SkeletonStream', stream=stream, layout='nturgb+d'),
        dict(type='UniformSampleFrames', clip_len=64, num_clips=1, test_mode=test_mode),
        dict(type='PoseDecode'),
        dict(type='FormatGCNInput', num_person=2),
        dict(type='PackActionInputs'),
    ]
    return dict(
        batch_size=64,
        num_workers=4,
        persistent_workers=True,
        drop_last=not test_mode,
        sampler=dict(type='DefaultSampler', shuffle=not test_mode),
        dataset=dict(type='SkeletonDataset', pipeline=pipeline, test_mode=test_mode))


train_dataloader = dataloader(test_mode=False)
val_dataloader = test_dataloader = dataloader(test_mode=True)

val_evaluator = test_evaluator = dict(type='AccMetric')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# What skeleton data sets share; a data set's own file adds its store and what else differs.
# Variables for --cfg-options:
#   stream=j|b|jm|bm
#   sampling=official   CTR-GCN's: take half to all of a clip, resize to 64 frames, turn; one clip
#   sampling=pyskl      PYSKL's: turn to the body's axes, draw 100 frames; ten clips at test
stream = '{{$COCODIFF_STREAM:j}}'
sampling = '{{$COCODIFF_SAMPLING:official}}'
if sampling not in ('official', 'pyskl'):
    raise ValueError(f'unknown sampling {sampling!r}; allowed: official, pyskl')
clip_len = dict(official=64, pyskl=100)[sampling]


def pipeline(part):
    train = part == 'train'
    if sampling == 'official':
        steps = [
            dict(type='CenterSkeleton', joint=1),
            dict(type='CropResize', clip_len=clip_len,
                 p_interval=(0.5, 1.0) if train else (0.95, )),
            *([dict(type='RandomRotation', theta=0.3)] if train else []),
            dict(type='SkeletonStream', stream=stream, layout='nturgb+d'),
            dict(type='PadPersons', num_person=2, mode='zero'),
        ]
    else:
        steps = [
            dict(type='FastPreNormalize3D'),
            dict(type='SkeletonStream', stream=stream, layout='nturgb+d'),
            dict(type='FastUniformSampleFrames', clip_len=clip_len,
                 num_clips=10 if part == 'test' else 1, test_mode=not train),
            dict(type='PoseDecode'),
        ]
    return [*steps, dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs')]


def dataloader(part):
    train = part == 'train'
    return dict(
        batch_size=64,
        num_workers=4,
        persistent_workers=True,
        drop_last=train,
        sampler=dict(type='DefaultSampler', shuffle=train),
        dataset=dict(type='SkeletonStoreDataset', pipeline=pipeline(part), test_mode=not train))


train_dataloader, val_dataloader, test_dataloader = map(dataloader, ('train', 'val', 'test'))

val_evaluator = test_evaluator = dict(type='AccMetric')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

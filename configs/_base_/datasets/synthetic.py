# The synthetic set that comes with the package, in NTU's layout; nothing to download.
# Variables for --cfg-options: stream=j|b|jm|bm split=xsub|xview
_base_ = 'pose.py'
split = '{{$COCODIFF_SPLIT:xsub}}'
label_set = 'synthetic'
num_classes = 17
num_person = 2
layout = 'nturgb+d'


def source(part, loader):
    steps = loader.dataset.pipeline
    shorter = dict(UniformSampleFrames=dict(clip_len=32))
    return dict(
        batch_size=16,
        num_workers=0,
        persistent_workers=False,
        dataset=dict(
            type='SyntheticSkeletonDataset',
            split=f'{split}_{part}',
            pipeline=[dict(step, **shorter.get(step.type, {})) for step in steps]))


train_dataloader = source('train', _base_.train_dataloader)
val_dataloader = test_dataloader = source('val', _base_.val_dataloader)

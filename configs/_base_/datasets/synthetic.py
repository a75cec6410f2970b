# The synthetic set that comes with the package, in NTU's layout; nothing to download.
# Variables for --cfg-options: stream=j|b|jm|bm split=xsub|xview sampling=official|pyskl
_base_ = '../skeleton.py'
split = '{{$COCODIFF_SPLIT:xsub}}'
label_set = 'synthetic'
num_classes = 17
num_person = 2
layout = 'nturgb+d'


def source(part, loader):
    shorter = dict(CropResize=dict(clip_len=32), FastUniformSampleFrames=dict(clip_len=32))
    return dict(
        batch_size=16,
        num_workers=0,
        persistent_workers=False,
        dataset=dict(
            type='SyntheticSkeletonDataset',
            split=f'{split}_{part}',
            pipeline=[dict(step, **shorter.get(step.type, {}))
                      for step in loader.dataset.pipeline]))


train_dataloader = source('train', _base_.train_dataloader)
val_dataloader = source('val', _base_.val_dataloader)
test_dataloader = source('val', _base_.test_dataloader)

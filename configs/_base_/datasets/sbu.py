# SBU two-person interaction, 15 joints. Variables for --cfg-options: stream=j|b|jm|bm
# split=fold1|...|fold5 (cross-validation: report the mean) sampling=official|pyskl
_base_ = '../skeleton.py'
from cocodiff_mm.datasets.loaders import skeleton_loaders

split = '{{$COCODIFF_SPLIT:fold1}}'
label_set = 'sbu'
num_classes = 8
num_person = 2
layout = 'sbu'
train_dataloader, val_dataloader, test_dataloader = skeleton_loaders(
    _base_, '{{$COCODIFF_DATA_ROOT:data}}/sbu', label_set, layout, num_coords=3,
    splits=(f'{split}_train', f'{split}_val'), batch_size=16, num_workers=2,
    steps=dict(
        CenterSkeleton=dict(joint=2),
        FastPreNormalize3D=dict(xaxis=(6, 3), zaxis=(2, 1), center_joint=2)))

# UTD-MHAD, 20 Kinect v1 joints, one person, subjects 1, 3, 5, 7 train.
# Variables for --cfg-options: stream=j|b|jm|bm split=xsub sampling=official|pyskl
_base_ = '../skeleton.py'
from cocodiff_mm.datasets.loaders import skeleton_loaders

split = '{{$COCODIFF_SPLIT:xsub}}'
label_set = 'utd_mhad'
num_classes = 27
num_person = 1
layout = 'utd_mhad'
train_dataloader, val_dataloader, test_dataloader = skeleton_loaders(
    _base_, '{{$COCODIFF_DATA_ROOT:data}}/utd_mhad', label_set, layout, num_coords=3,
    splits=(f'{split}_train', f'{split}_val'), batch_size=16, num_workers=2,
    steps=dict(
        CenterSkeleton=dict(joint=2),
        PadPersons=dict(num_person=num_person),
        FormatGCNInput=dict(num_person=num_person),
        FastPreNormalize3D=dict(xaxis=(8, 4), zaxis=(3, 2), center_joint=2)))

# Kinetics-Skeleton, 18 joints in the image with confidence scores, two persons.
# Variables for --cfg-options: stream=j|b|jm|bm sampling=official|pyskl
_base_ = '../skeleton.py'
from cocodiff_mm.datasets.loaders import skeleton_loaders

label_set = 'kinetics400'
num_classes = 400
num_person = 2
layout = 'openpose'
train_dataloader, val_dataloader, test_dataloader = skeleton_loaders(
    _base_, '{{$COCODIFF_DATA_ROOT:data}}/kinetics', label_set, layout, num_coords=2,
    splits=('train', 'val'), batch_size=128, first=[dict(type='FastPreNormalize2D')],
    # What moves and turns joints in space is for 3-D recordings.
    steps=dict(CenterSkeleton=None, RandomRotation=None, FastPreNormalize3D=None))

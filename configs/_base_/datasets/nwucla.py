# Northwestern-UCLA, 20 Kinect v1 joints, one person.
# Variables for --cfg-options: stream=j|b|jm|bm split=xview_clean|xview|xsub sampling=official|pyskl
# The standard split `xview` has 95 of its 464 test clips in the training set; `xview_clean` leaves
# those out there.
_base_ = '../skeleton.py'
from cocodiff_mm.datasets.loaders import skeleton_loaders

split = '{{$COCODIFF_SPLIT:xview_clean}}'
label_set = 'nwucla'
num_classes = 10
num_person = 1
layout = 'nwucla'


def official(part):
    """CTR-GCN's for this set: other views by turning, 52 frames, axes stretched to -1 .. 1."""
    train = part == 'train'
    turn = dict(type='RandomRotation', theta=(1.047, 1.047, 0.0), order='yxz')
    return [
        *([turn] if train else []),
        dict(type='MinMaxNormalize'),
        dict(type='SortedSampleFrames', clip_len=52, test_mode=not train),
        dict(type='PoseDecode'),
        dict(type='SkeletonStream', stream=_base_.stream),
        dict(type='FormatGCNInput'),
        dict(type='PackActionInputs'),
    ]


train_dataloader, val_dataloader, test_dataloader = skeleton_loaders(
    _base_, '{{$COCODIFF_DATA_ROOT:data}}/nwucla', label_set, layout, num_coords=3,
    splits=(f'{split}_train', f'{split}_val'), batch_size=16, num_workers=2,
    # An epoch of the authors' goes through the set five times.
    repeat=5 if _base_.sampling == 'official' else 1,
    pipelines=dict(train=official('train'), val=official('val'), test=official('val'))
    if _base_.sampling == 'official' else None,
    steps=dict(
        FormatGCNInput=dict(num_person=num_person),
        FastPreNormalize3D=dict(xaxis=(8, 4), zaxis=(0, 1), center_joint=1)))

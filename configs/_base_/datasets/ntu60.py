# NTU RGB+D 60, 3-D joints. Variables for --cfg-options: stream=j|b|jm|bm split=xsub|xview
# sampling=official|pyskl
_base_ = '../skeleton.py'
from cocodiff_mm.datasets.loaders import skeleton_loaders

split = '{{$COCODIFF_SPLIT:xsub}}'
label_set = 'ntu60'
num_classes = 60
num_person = 2
layout = 'nturgb+d'
train_dataloader, val_dataloader, test_dataloader = skeleton_loaders(
    _base_, '{{$COCODIFF_DATA_ROOT:data}}/ntu60', label_set, layout, num_coords=3,
    splits=(f'{split}_train', f'{split}_val'))

# A graph network of MMAction2 as MMAction2 trains it on NTU RGB+D, on this package's stores.
# Variables for --cfg-options: backbone=stgcn|stgcnpp|2s-agcn data=ntu60|ntu120
# split=xsub|xview|xset stream=j|b|jm|bm
_base_ = ('mmaction::skeleton/{{$COCODIFF_BACKBONE:stgcn}}/{{$COCODIFF_BACKBONE:stgcn}}'
          '_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py')
from cocodiff_mm.datasets.host_loaders import host_loaders

label_set = '{{$COCODIFF_DATA:ntu60}}'
split = '{{$COCODIFF_SPLIT:xsub}}'
stream = '{{$COCODIFF_STREAM:j}}'
layout = 'nturgb+d'
train_dataloader, val_dataloader, test_dataloader = host_loaders(
    _base_, '{{$COCODIFF_DATA_ROOT:data}}', label_set, layout, split, stream)
num_classes = dict(ntu60=60, ntu120=120)[label_set]
model = dict(cls_head=dict(num_classes=num_classes))

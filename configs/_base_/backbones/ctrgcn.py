# CTR-GCN (ICCV 2021), as published: batch norm over persons, joints and coordinates.
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='CTRGCN', data_bn_type='MVC', graph_cfg=dict(layout='nturgb+d', mode='spatial')),
    cls_head=dict(type='GCNHead', num_classes=120, in_channels=256))

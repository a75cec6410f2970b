# CTR-GCN (ICCV 2021), as published: batch norm over persons, joints and coordinates.
# The recipe adds graph, persons and classes, which are the data set's.
model = dict(
    type='RecognizerGCN',
    backbone=dict(type='CTRGCN', data_bn_type='MVC'),
    cls_head=dict(type='GCNHead', in_channels=256))

# BlockGCN (CVPR 2024), as published: batch norm over persons, joints and channels.
# The recipe adds graph, persons and classes, which are the data set's; for streams other than
# joints also joint_channels.
model = dict(
    type='RecognizerGCN',
    backbone=dict(type='BlockGCN', data_bn_type='MVC'),
    cls_head=dict(type='GCNHead', in_channels=256))

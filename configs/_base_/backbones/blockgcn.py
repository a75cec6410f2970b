# BlockGCN (CVPR 2024), as published: batch norm over persons, joints and channels.
# The recipe adds graph, persons and classes, which are the data set's. Its topology branch sees the
# joints, whichever stream the network learns from: clips bring both where the recipe says
#   from cocodiff_mm.datasets.loaders import blockgcn_loaders
#   train_dataloader, val_dataloader, test_dataloader = blockgcn_loaders(_base_)
model = dict(
    type='RecognizerGCN',
    backbone=dict(type='BlockGCN', joint_channels=3, data_bn_type='MVC'),
    cls_head=dict(type='GCNHead', in_channels=256))

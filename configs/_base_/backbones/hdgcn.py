# HD-GCN (ICCV 2023), as published: batch norm over persons, joints and coordinates.
# The recipe adds graph, persons and classes, which are the data set's, and for the ensemble
# center_of_mass: 1, 2 or 21 for NTU RGB+D, 1, 2 or 3 for NW-UCLA.
model = dict(
    type='RecognizerGCN',
    backbone=dict(type='HDGCN', data_bn_type='MVC'),
    cls_head=dict(type='GCNHead', in_channels=256))

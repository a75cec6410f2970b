_base_ = [
    '_base_/default_runtime.py', '_base_/backbones/ctrgcn.py', '_base_/datasets/ntu60.py',
    '_base_/schedules/sgd_90e.py'
]
model = dict(
    backbone=dict(
        graph_cfg=dict(layout=_base_.layout, mode='spatial'), num_person=_base_.num_person),
    cls_head=dict(
        num_classes=_base_.num_classes,
        init_cfg=dict(type='Normal', layer='Linear', std=(2 / _base_.num_classes)**0.5)))

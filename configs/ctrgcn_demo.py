_base_ = [
    '_base_/default_runtime.py', '_base_/backbones/ctrgcn.py', '_base_/datasets/synthetic.py',
    '_base_/schedules/cocodiff.py'
]
# A quarter of the published width, 6 of 10 blocks and a ninth of the epochs: minutes on a laptop.
model = dict(
    backbone=dict(
        base_channels=16,
        num_stages=6,
        inflate_stages=[3, 5],
        down_stages=[3, 5],
        graph_cfg=dict(layout=_base_.layout, mode='spatial'),
        num_person=_base_.num_person),
    cls_head=dict(num_classes=_base_.num_classes, in_channels=64, topk=(1, )))

train_cfg = dict(max_epochs=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.2, end=1, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=10, eta_min=0, by_epoch=True, convert_to_iter_based=True),
]
default_hooks = dict(logger=dict(interval=20))

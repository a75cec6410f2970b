_base_ = [
    '_base_/default_runtime.py', '_base_/backbones/ctrgcn.py', '_base_/datasets/nwucla.py',
    '_base_/schedules/sgd_90e.py'
]
model = dict(
    backbone=dict(
        graph_cfg=dict(layout=_base_.layout, mode='spatial'), num_person=_base_.num_person),
    cls_head=dict(
        num_classes=_base_.num_classes,
        init_cfg=dict(type='Normal', layer='Linear', std=(2 / _base_.num_classes)**0.5)))

# As published for this set: 65 epochs, x0.1 at 50, weaker decay, small batches.
train_cfg = dict(max_epochs=65)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.2, end=5, by_epoch=True),
    dict(type='MultiStepLR', milestones=[50], gamma=0.1, by_epoch=True),
]
optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
auto_scale_lr = dict(base_batch_size=16)

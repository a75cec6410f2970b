# The CoCoDiff paper's: 90 epochs, x0.1 at 70 and 80, 5 epochs of warm-up, batch 64.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=4e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.2, end=5, by_epoch=True),
    dict(type='MultiStepLR', milestones=[70, 80], gamma=0.1, by_epoch=True),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=90, val_interval=1)
auto_scale_lr = dict(enable=False, base_batch_size=64)

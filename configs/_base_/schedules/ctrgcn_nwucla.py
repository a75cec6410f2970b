# CTR-GCN's authors' for NW-UCLA: 65 epochs, x0.1 at 50, weaker decay, small batches.
_base_ = 'cocodiff.py'
train_cfg = dict(max_epochs=65)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], milestones=[50])]
optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
auto_scale_lr = dict(base_batch_size=16)

# BlockGCN's authors': 140 epochs at half the rate, x0.1 at 110 and 120.
_base_ = 'cocodiff.py'
optim_wrapper = dict(optimizer=dict(lr=0.05))
train_cfg = dict(max_epochs=140)
param_scheduler = [
    _base_.param_scheduler[0], dict(_base_.param_scheduler[1], milestones=[110, 120])
]

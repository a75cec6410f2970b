# CTR-GCN's authors' for NTU RGB+D: 65 epochs, x0.1 at 35 and 55.
_base_ = 'cocodiff.py'
train_cfg = dict(max_epochs=65)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], milestones=[35, 55])]

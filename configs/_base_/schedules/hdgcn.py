# HD-GCN's authors': 90 epochs, after 5 of warm-up along a cosine to a thousandth, step by step.
_base_ = 'cocodiff.py'
param_scheduler = [
    _base_.param_scheduler[0],
    dict(type='CosineAnnealingLR', begin=5, end=90, T_max=85, eta_min_ratio=1e-3, by_epoch=True,
         convert_to_iter_based=True),
]

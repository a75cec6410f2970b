_base_ = ['ctrgcn_nwucla.py', '_base_/cocodiff.py']
model = dict(
    type='CoCoDiffRecognizer',
    neck=dict(_base_.cocodiff_neck, text_bank=_base_.label_set),
    cls_head=dict(type='CoCoDiffHead'))
# A small set gives few steps an epoch.
custom_hooks = [dict(_base_.cocodiff_hooks[0], epochs=200)]

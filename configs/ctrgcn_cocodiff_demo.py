_base_ = ['ctrgcn_demo.py', '_base_/cocodiff.py']
model = dict(
    type='CoCoDiffRecognizer',
    neck=dict(_base_.cocodiff_neck, text_bank=_base_.label_set, in_channels=64),
    cls_head=dict(type='CoCoDiffHead'))
custom_hooks = _base_.cocodiff_hooks

_base_ = ['ctrgcn_ntu60.py', '_base_/cocodiff.py']
model = dict(
    type='CoCoDiffRecognizer',
    neck=dict(_base_.cocodiff_neck, text_bank=_base_.label_set),
    cls_head=dict(type='CoCoDiffHead'))
custom_hooks = _base_.cocodiff_hooks

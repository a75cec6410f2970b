_base_ = ['mmaction.py', '_base_/cocodiff.py']
from cocodiff_mm.utils.recipe_parts import stage1_hooks

model = dict(
    type='CoCoDiffRecognizer',
    neck=dict(_base_.cocodiff_neck, text_bank=_base_.label_set),
    cls_head=dict(type='CoCoDiffHead'))
custom_hooks = stage1_hooks(_base_)

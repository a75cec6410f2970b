_base_ = ['mmaction.py', '_base_/cocodiff.py']
from cocodiff_mm.utils.recipe_parts import with_cocodiff

model, custom_hooks = with_cocodiff(_base_)

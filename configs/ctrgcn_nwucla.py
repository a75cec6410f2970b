_base_ = [
    '_base_/default_runtime.py', '_base_/backbones/ctrgcn.py', '_base_/datasets/nwucla.py',
    '_base_/schedules/{{$COCODIFF_SCHEDULE:ctrgcn_nwucla}}.py'
]
from cocodiff_mm.utils.recipe_parts import fit_to_data

model = fit_to_data(_base_)

# HD-GCN. Variables for --cfg-options: data=ntu120|ntu60|kinetics|nwucla|sbu|utd_mhad
# schedule=hdgcn|... (a file of _base_/schedules) and those of the data set.
_base_ = [
    '_base_/default_runtime.py', '_base_/backbones/hdgcn.py',
    '_base_/datasets/{{$COCODIFF_DATA:ntu120}}.py',
    '_base_/schedules/{{$COCODIFF_SCHEDULE:hdgcn}}.py'
]
from cocodiff_mm.utils.recipe_parts import fit_to_data

model = fit_to_data(_base_)

# BlockGCN. Variables for --cfg-options: data=ntu120|ntu60|kinetics|nwucla|sbu|utd_mhad
# schedule=blockgcn|... (a file of _base_/schedules) and those of the data set.
_base_ = [
    '_base_/default_runtime.py', '_base_/backbones/blockgcn.py',
    '_base_/datasets/{{$COCODIFF_DATA:ntu120}}.py',
    '_base_/schedules/{{$COCODIFF_SCHEDULE:blockgcn}}.py'
]
from cocodiff_mm.datasets.loaders import blockgcn_loaders
from cocodiff_mm.utils.recipe_parts import fit_to_data

model = fit_to_data(_base_)
# Its topology branch sees the joints, whichever stream the network learns from.
train_dataloader, val_dataloader, test_dataloader = blockgcn_loaders(_base_)

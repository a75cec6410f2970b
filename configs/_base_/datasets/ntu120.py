# NTU RGB+D 120, 3-D joints. Variables for --cfg-options: stream=j|b|jm|bm split=xsub|xset
_base_ = 'pose.py'
split = '{{$COCODIFF_SPLIT:xsub}}'
label_set = 'ntu120'
num_classes = 120
num_person = 2
layout = 'nturgb+d'


def source(part):
    return dict(dataset=dict(
        ann_file='data/skeleton/ntu120_3d.pkl', label_set=label_set, split=f'{split}_{part}'))


train_dataloader = source('train')
val_dataloader = test_dataloader = source('val')

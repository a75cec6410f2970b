# Northwestern-UCLA, 20 Kinect v1 joints, one person.
# Variables for --cfg-options: stream=j|b|jm|bm split=xview_clean|xview|xsub. The standard split
# `xview` has 95 of its 464 test clips in the training set; `xview_clean` leaves those out there.
_base_ = 'pose.py'
split = '{{$COCODIFF_SPLIT:xview_clean}}'
label_set = 'nwucla'
num_classes = 10
num_person = 1
# Child and parent of each bone, 0-based: hip centre, spine, shoulder centre, head, arms, legs.
layout = dict(
    num_node=20,
    center=2,
    inward=[(0, 1), (1, 2), (3, 2), (4, 2), (5, 4), (6, 5), (7, 6), (8, 2), (9, 8), (10, 9),
            (11, 10), (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17),
            (19, 18)])


def source(part, loader):
    changes = dict(
        SkeletonStream=dict(layout=layout),
        UniformSampleFrames=dict(clip_len=32),  # clips have 31 frames at the median
        FormatGCNInput=dict(num_person=num_person))
    steps = loader.dataset.pipeline
    return dict(
        batch_size=16,
        num_workers=2,
        dataset=dict(
            ann_file='{{$COCODIFF_REAL_DATA:data/skeleton}}/nw_ucla.pkl',
            label_set=label_set,
            split=f'{split}_{part}',
            pipeline=[dict(step, **changes.get(step.type, {})) for step in steps]))


train_dataloader = source('train', _base_.train_dataloader)
val_dataloader = test_dataloader = source('val', _base_.val_dataloader)

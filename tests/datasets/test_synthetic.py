import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS

from cocodiff_mm.datasets.classes import CLASSES
from cocodiff_mm.datasets.synthetic import SyntheticSkeletonDataset, make_synthetic
from cocodiff_mm.datasets.synthetic_motion.body import BONES
from cocodiff_mm.datasets.synthetic_motion.subject import make_subject

NAMES = CLASSES['synthetic']
PAIRS = ('shake hands', 'push another person', 'walk towards each other', 'walk apart')
PIPELINE = [
    dict(type='PreNormalize3D'),
    dict(type='GenSkeFeat', dataset='nturgb+d', feats=['j']),
    dict(type='UniformSampleFrames', clip_len=32),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs'),
]


def clips(**settings):
    return {clip['frame_dir']: clip for clip in make_synthetic(**settings)['annotations']}


def bone_lengths(keypoint):
    parent, child = np.array(BONES).T
    return np.linalg.norm(keypoint[..., child, :] - keypoint[..., parent, :], axis=-1)


def test_clips_have_the_layout_of_a_pose_dataset():
    made = clips(num_subjects=4)
    assert len(made) == 17 * 4 * 3
    for name, clip in made.items():
        assert set(clip) == {'frame_dir', 'label', 'total_frames', 'keypoint'}
        persons, frames, *rest = clip['keypoint'].shape
        assert persons == (2 if NAMES[clip['label']] in PAIRS else 1)
        assert (30 <= frames <= 80) and frames == clip['total_frames']
        assert rest == [25, 3] and clip['keypoint'].dtype == np.float32
        assert np.isfinite(clip['keypoint']).all() and not clip['keypoint'].flags.writeable
        assert name.endswith(f'A{clip["label"] + 1:03}')
    assert 'S001C001P001R001A001' in made


def test_joints_are_metres_before_a_sensor():
    for clip in clips(num_subjects=4).values():
        seen = clip['keypoint'][(clip['keypoint'] != 0).any(-1)]
        low, high = np.percentile(seen, [0.5, 99.5], axis=0)
        assert (low > (-3, -1.75, 1.2)).all() and (high < (3, 1.5, 5.5)).all()
        assert 2 < np.median(seen[:, 2]) < 4.5
        spine = clip['keypoint'][:, :, [0, 3], 1]
        assert (np.median(spine[..., 1] - spine[..., 0], axis=1) > 0.25).all()


def test_a_larger_set_contains_the_smaller_ones():
    small, large = clips(num_subjects=4), clips(num_subjects=8)
    repeated = clips(num_subjects=4, repetitions=2)
    assert set(small) < set(large) and set(small) < set(repeated)
    for name, clip in small.items():
        for other in (large, repeated):
            np.testing.assert_array_equal(clip['keypoint'], other[name]['keypoint'])


def test_seed_view_and_repetition_make_another_take():
    first = clips(num_subjects=4, repetitions=2)
    other = clips(num_subjects=4, seed=1)
    a = first['S001C001P001R001A001']['keypoint']
    for b in (other['S001C001P001R001A001'], first['S001C002P001R001A001'],
              first['S001C001P001R002A001'], first['S001C001P002R001A001']):
        assert a.shape != b['keypoint'].shape or not np.allclose(a, b['keypoint'], atol=0.05)


def test_the_set_is_made_once_per_process():
    assert make_synthetic(0, 4) is make_synthetic(num_subjects=4, seed=0)


@pytest.mark.parametrize(('protocol', 'column'), [('xsub', slice(9, 12)), ('xview', slice(5, 8))])
def test_splits_are_disjoint_complete_and_balanced(protocol, column):
    data = make_synthetic(num_subjects=4)
    label = {clip['frame_dir']: clip['label'] for clip in data['annotations']}
    train, val = (data['split'][f'{protocol}_{part}'] for part in ('train', 'val'))
    assert sorted(train + val) == sorted(label)
    in_train, in_val = ({name[column] for name in part} for part in (train, val))
    assert not in_train & in_val
    if protocol == 'xview':
        assert (in_train, in_val) == ({'002', '003'}, {'001'})
    else:
        assert len(in_train) == len(in_val) == 2
    for part in (train, val):
        counts = np.bincount([label[name] for name in part], minlength=17)
        assert (counts == len(part) / 17).all()


def test_partners_are_of_the_same_half():
    arm = [make_subject(0, index).body for index in range(4)]
    arm = np.array([(body.upper_arm, body.thigh) for body in arm])
    bone = [BONES.index((8, 9)), BONES.index((16, 17))]
    actor_is_first = set()
    for name, clip in clips(num_subjects=4, noise_std=0, drop_rate=0).items():
        lengths = bone_lengths(clip['keypoint'])[:, 0, bone]
        who = np.abs(lengths[:, None] - arm).sum(-1).argmin(1)
        assert len(set(who)) == len(who) and len(set(who % 2)) == 1
        actor = int(name[9:12]) - 1
        assert actor in who
        actor_is_first.add(bool(who[0] == actor))
    assert actor_is_first == {True, False}


def test_bones_keep_their_lengths_until_the_sensor_adds_noise():
    for clip in clips(num_subjects=4, noise_std=0, drop_rate=0).values():
        assert np.ptp(bone_lengths(clip['keypoint'].astype(float)), axis=1).max() < 1e-5
    noisy = clips(num_subjects=4)['S001C002P001R001A001']['keypoint']
    assert 0.02 < np.ptp(bone_lengths(noisy), axis=1).max() < 0.6


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(seed=-1), 'seed must be 0 or more, got -1'),
    (dict(num_subjects=0), 'multiple of 4.*got 0'),
    (dict(num_subjects=6), 'multiple of 4.*got 6'),
    (dict(repetitions=0), 'repetitions must be 1 or more'),
    (dict(noise_std=-0.1), 'noise_std must be 0 or more'),
    (dict(drop_rate=1.5), 'drop_rate must be a chance'),
    (dict(variety=2), 'variety must be from 0 to 1.5'),
])
def test_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        make_synthetic(**settings)


def test_an_unknown_split_names_the_known_ones():
    with pytest.raises(ValueError, match="'xset_train'.*'xsub_train', 'xsub_val', 'xview_train'"):
        SyntheticSkeletonDataset(PIPELINE, 'xset_train')


def test_feeds_a_recipe_for_ntu():
    dataset = DATASETS.build(dict(
        type='SyntheticSkeletonDataset', ann_file='data/skeleton/ntu60_3d.pkl',
        split='xsub_train', num_subjects=4, pipeline=PIPELINE))
    assert len(dataset) == 17 * 2 * 3
    assert dataset.metainfo['classes'] == NAMES
    for index in (0, 13):
        sample = dataset[index]
        assert sample['inputs'].shape == (1, 2, 32, 25, 3)
        assert sample['inputs'].dtype == torch.float32
        # The second person of a lone actor is padding.
        assert bool(sample['inputs'][:, 1].any()) == (NAMES[index] in PAIRS)
        assert sample['data_samples'].gt_label.item() == index


def test_knobs_reach_the_clips_of_the_dataset():
    quiet = SyntheticSkeletonDataset([], 'xview_val', num_subjects=4, noise_std=0, drop_rate=0,
                                     test_mode=True)
    assert quiet.test_mode and len(quiet) == 17 * 4
    keypoint = quiet.get_data_info(0)['keypoint']
    assert np.ptp(bone_lengths(keypoint.astype(float)), axis=1).max() < 1e-5

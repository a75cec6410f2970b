import os
from pathlib import Path

import numpy as np
import pytest
from mmaction.datasets.transforms import PreNormalize3D

from cocodiff_mm.datasets.transforms import FastPreNormalize3D
from cocodiff_mm.datasets.transforms.fast_pre_normalize3d import normalize_skeleton
from cocodiff_mm.utils.safe_pickle import load_arrays


def make_clip(persons=2, frames=8, joints=25, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(loc=(0.5, -1, 3), size=(persons, frames, joints, 3)).astype(np.float32)


def assert_as_mmaction(keypoint, **settings):
    """Compare with MMAction2's, on the same clip; ours may not be written to."""
    theirs = PreNormalize3D(**settings)(
        dict(keypoint=keypoint.copy(), total_frames=keypoint.shape[1]))
    keypoint.setflags(write=False)
    ours = FastPreNormalize3D(**settings)(
        dict(keypoint=keypoint, total_frames=keypoint.shape[1]))
    assert ours.keys() == theirs.keys()
    assert ours['keypoint'].dtype == np.float32
    assert ours['total_frames'] == theirs['total_frames']
    np.testing.assert_allclose(ours['keypoint'], theirs['keypoint'], rtol=1e-6, atol=1e-6)
    if 'body_center' in theirs:
        assert np.array_equal(ours['body_center'], theirs['body_center'])
    return ours


@pytest.mark.parametrize('joints', [25, 20, 15])
@pytest.mark.parametrize('frames', [1, 2, 60])
@pytest.mark.parametrize('persons', [1, 2])
def test_equals_mmaction_on_whole_clips(persons, frames, joints):
    assert_as_mmaction(make_clip(persons, frames, joints))


@pytest.mark.parametrize('spine', [True, False])
@pytest.mark.parametrize('shoulder', [True, False])
def test_equals_mmaction_with_either_rotation_left_out(spine, shoulder):
    assert_as_mmaction(make_clip(), align_spine=spine, align_shoulder=shoulder)


def test_equals_mmaction_with_other_axes():
    assert_as_mmaction(make_clip(joints=15), zaxis=(2, 1), xaxis=(6, 3))


def test_drops_the_main_persons_empty_frames():
    clip = make_clip()
    clip[0, [0, 3]] = 0
    clip[0, 5] = 1e-9  # MMAction2 takes this for empty
    clip[1, 4:] = 0
    assert assert_as_mmaction(clip)['keypoint'].shape == (2, 5, 25, 3)


@pytest.mark.parametrize('gone', [slice(0, 3), slice(None)])
def test_the_person_with_more_frames_comes_first(gone):
    clip = make_clip()
    clip[0, gone] = 0
    clip[1, 6] = 0
    assert assert_as_mmaction(clip)['total_frames'] == 7


def test_a_second_person_may_come_and_go():
    clip = make_clip()
    clip[1, :2] = clip[1, 6:] = 0
    normal = assert_as_mmaction(clip)['keypoint']
    assert not normal[1, :2].any() and normal[1, 2:6].all()


def test_missing_joints_stay_at_zero():
    clip = make_clip()
    clip[0, 2, 7] = clip[1, :, 3] = clip[0, 0, 8] = 0  # a shoulder of the first frame as well
    clip[0, 4, 9, 1] = 0  # not missing: only one coordinate is 0
    normal = assert_as_mmaction(clip)['keypoint']
    assert not normal[0, 2, 7].any() and not normal[1, :, 3].any() and normal[0, 4, 9].any()


@pytest.mark.parametrize('persons', [1, 2])
def test_an_empty_clip_is_left_alone(persons):
    clip = assert_as_mmaction(np.zeros((persons, 5, 25, 3), dtype=np.float32))
    assert 'body_center' not in clip and clip['total_frames'] == 5
    # MMAction2 fails on these.
    tiny = np.full((persons, 5, 25, 3), 1e-9, dtype=np.float32)
    assert np.array_equal(FastPreNormalize3D()(dict(keypoint=tiny))['keypoint'], tiny)


@pytest.mark.parametrize('spine', [(0, 0, 1), (0, 0, -1), (0, 0, 0), (1e-7, 0, 0), (1e-4, 0, 1),
                                   (3e-4, -2e-4, 1), (1e-4, 0, -1), (1, 0, 0)])
@pytest.mark.parametrize('shoulders', [(1, 0, 0), (-1, 0, 0), (0, 0, 0), (1, 1e-4, 0),
                                       (-1, 1e-4, 1e-4), (0, 0, 1)])
def test_equals_mmaction_on_degenerate_bodies(spine, shoulders):
    clip = make_clip(persons=1)
    clip[0, 0, 1] = clip[0, 0, 0] + np.array(spine, dtype=np.float32)
    clip[0, 0, 8] = clip[0, 0, 4] + np.array(shoulders, dtype=np.float32)
    assert_as_mmaction(clip)
    assert_as_mmaction(clip.copy(), align_spine=False)


def test_many_random_clips_equal_mmactions():
    for seed in range(60):
        generator = np.random.default_rng(seed)
        clip = make_clip(*generator.integers((1, 2), (3, 12)), seed=seed)
        for person in range(len(clip)):
            start, stop = sorted(generator.integers(0, clip.shape[1], size=2))
            clip[person, start:stop] = 0
        assert_as_mmaction(clip)


def test_the_first_frame_ends_up_in_the_axes_of_the_body():
    clip = FastPreNormalize3D()(dict(keypoint=make_clip()))['keypoint'][0, 0]
    np.testing.assert_allclose(clip[1], 0, atol=1e-6)
    shoulders = clip[8] - clip[4]
    assert shoulders[0] > 0
    np.testing.assert_allclose(shoulders[1:], 0, atol=2e-6)
    # Without the second turn the spine is upright.
    upright = normalize_skeleton(make_clip(), align_shoulder=False).keypoint[0, 0]
    assert upright[1, 2] > upright[0, 2]
    np.testing.assert_allclose((upright[1] - upright[0])[:2], 0, atol=1e-6)


def test_distances_within_and_between_frames_are_kept():
    clip = make_clip()
    normal = normalize_skeleton(clip).keypoint
    for first, second in (((0, 0, 3), (1, 5, 20)), ((0, 7, 1), (0, 0, 1))):
        assert np.linalg.norm(normal[first] - normal[second]) == pytest.approx(
            np.linalg.norm(clip[first] - clip[second]), rel=1e-5)


def test_normalizing_again_changes_nothing():
    once = normalize_skeleton(make_clip(), align_shoulder=False).keypoint
    again = normalize_skeleton(once, align_shoulder=False).keypoint
    np.testing.assert_allclose(again, once, atol=5e-4)  # as far as float32 resolves small angles


def test_the_centre_can_be_named_or_left_out():
    clip = make_clip(joints=20)
    named = normalize_skeleton(clip, center_joint=2, align_spine=False, align_shoulder=False)
    np.testing.assert_allclose(named.keypoint, clip - clip[0, 0, 2], atol=1e-6)
    assert np.array_equal(named.center, clip[0, 0, 2])
    assert np.array_equal(normalize_skeleton(clip).center, clip[0, 0, 19])
    left = FastPreNormalize3D(align_spine=False, align_shoulder=False, align_center=False)
    assert np.array_equal(left(dict(keypoint=clip))['keypoint'], clip)


def test_of_three_persons_the_longest_comes_first_and_the_others_keep_their_order():
    clip = make_clip(persons=3)
    clip[0, :2] = clip[1, 7] = clip[2, :4] = 0
    done = normalize_skeleton(clip)
    assert done.persons.tolist() == [1, 0, 2] and done.frames.tolist() == list(range(7))
    pair = normalize_skeleton(clip[:2]).keypoint
    np.testing.assert_allclose(done.keypoint[:2], pair, atol=1e-6)


def test_scores_follow_persons_and_frames():
    clip = make_clip()
    clip[0, :3] = 0
    clip[1, 7] = 0
    score = np.arange(2 * 8 * 25, dtype=np.float32).reshape(2, 8, 25)
    normal = FastPreNormalize3D()(dict(keypoint=clip, keypoint_score=score))
    assert np.array_equal(normal['keypoint_score'], score[[1, 0], :7])


def test_half_precision_is_computed_in_single():
    clip = make_clip().astype(np.float16)
    normal = FastPreNormalize3D()(dict(keypoint=clip))['keypoint']
    assert normal.dtype == np.float32
    assert np.array_equal(normal, normalize_skeleton(clip.astype(np.float32)).keypoint)


def test_a_normalized_clip_passes_through():
    results = dict(keypoint=make_clip(), pre_normalized=True)
    assert FastPreNormalize3D()(dict(results))['keypoint'] is results['keypoint']


def test_refuses_what_it_cannot_turn():
    with pytest.raises(ValueError, match='has 2 coordinates per joint: take FastPreNormalize3D'):
        FastPreNormalize3D()(dict(keypoint=np.ones((1, 4, 17, 2))))
    with pytest.raises(ValueError, match="the clip 'a' has 8 frames and total_frames=64: put"):
        FastPreNormalize3D()(dict(keypoint=make_clip(), total_frames=64, frame_dir='a'))
    with pytest.raises(ValueError, match=r'xaxis=\(8, 4\) .* joints from 0, but the clip has 5'):
        FastPreNormalize3D()(dict(keypoint=make_clip(joints=5)))
    with pytest.raises(ValueError, match='center_joint=25 name'):
        FastPreNormalize3D(center_joint=25)(dict(keypoint=make_clip()))
    few = make_clip(joints=2)
    shifted = FastPreNormalize3D(align_shoulder=False)(dict(keypoint=few))['keypoint']
    assert not shifted[0, 0, 1].any()  # shoulders that nobody asks for need not be there


@pytest.mark.skipif(not os.environ.get('COCODIFF_REAL_DATA'),
                    reason='COCODIFF_REAL_DATA does not name the folder of the real recordings')
@pytest.mark.parametrize('name, settings', [
    ('nw_ucla', dict()), ('sbu_interaction', dict(zaxis=(2, 1), xaxis=(6, 3)))])
def test_equals_mmaction_on_recordings(name, settings):
    recordings = load_arrays(Path(os.environ['COCODIFF_REAL_DATA']) / f'{name}.pkl')
    for clip in recordings['annotations'][::20]:
        assert_as_mmaction(clip['keypoint'].astype(np.float32), **settings)

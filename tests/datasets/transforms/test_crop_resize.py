import numpy as np
import pytest
import torch
from mmaction.datasets.transforms import FormatGCNInput
from torch.nn.functional import interpolate

from cocodiff_mm.datasets.transforms import CropResize
from cocodiff_mm.datasets.transforms.crop_resize import frames_with_a_pose, resize_frames


def counting(frames, persons=1):
    """A clip that says in every coordinate which frame it is, from 1."""
    clip = np.arange(1, frames + 1, dtype=np.float32)[None, :, None, None]
    clip = np.broadcast_to(clip, (persons, frames, 5, 3))
    assert not clip.flags.writeable
    return dict(keypoint=clip, total_frames=frames)


@pytest.mark.parametrize('length', [1, 2, 52, 64, 100])
def test_resize_is_that_of_torch(length):
    generator = np.random.default_rng(0)
    # Powers of two aside, torch's own result depends on whether it has fused multiply-add.
    fused = torch.backends.cpu.get_cpu_capability() != 'DEFAULT'
    tolerance = 1e-6 if fused or length in (1, 2, 64) else 2e-4
    for count in (1, 2, 3, 31, 63, 64, 65, 128, 190, 299, 300):
        frames = generator.normal(loc=2, size=(2, count, 25, 3)).astype(np.float32)
        rows = torch.from_numpy(frames.transpose(0, 2, 3, 1).reshape(1, 1, 150, count).copy())
        expected = interpolate(rows, size=(150, length), mode='bilinear', align_corners=False)
        expected = expected.numpy().reshape(2, 25, 3, length).transpose(0, 3, 1, 2)
        resized = resize_frames(frames, length)
        assert resized.dtype == np.float32 and resized.shape == (2, length, 25, 3)
        np.testing.assert_allclose(resized, expected, rtol=tolerance, atol=tolerance)


def test_a_linear_motion_stays_linear_and_rest_stays_rest():
    resized = resize_frames(counting(160)['keypoint'], 64)[0, :, 0, 0]
    np.testing.assert_allclose(resized, (np.arange(64) + 0.5) * 160 / 64 + 0.5, rtol=1e-6)
    still = np.full((1, 37, 5, 3), 1 / 3, dtype=np.float32)
    assert (resize_frames(still, 64) == still[0, 0, 0, 0]).all()


def test_a_clip_of_the_right_length_is_copied():
    clip = counting(64)['keypoint']
    resized = resize_frames(clip, 64)
    assert np.array_equal(resized, clip) and resized.flags.writeable


@pytest.mark.parametrize('frames, first, last', [
    (300, 8, 293),  # int(0.05 * 300 / 2) = 7 frames on either side
    (100, 3, 98),
    (40, 2, 39),  # int(0.05 * 40 / 2) is 1 of 1.0000000000000009
    (39, 1, 39),
    (1, 1, 1),
])
def test_testing_takes_the_middle(frames, first, last):
    count = last - first + 1  # so many frames out: nothing is interpolated
    clip = CropResize(clip_len=count, p_interval=(0.95, ))(counting(frames))
    assert clip['keypoint'][0, :, 0, 0].tolist() == list(range(first, last + 1))


def test_training_takes_half_to_all_from_anywhere():
    transform = CropResize(clip_len=64)
    starts, lengths = [], []
    for _ in range(2000):
        values = transform(counting(200))['keypoint'][0, :, 0, 0]
        pace = values[2] - values[1]  # old frames per new one
        lengths.append(round(float(pace) * 64))
        starts.append(round(float(values[1] - 1.5 * pace - 0.5)))
    starts, lengths = np.array(starts), np.array(lengths)
    assert lengths.min() == 100 and lengths.max() == 199  # p is below 1
    assert starts.min() == 0 and (starts + lengths).max() == 200
    assert abs(lengths.mean() - 149.5) < 2  # p is uniform
    assert abs(np.mean(starts / (200 - lengths)) - 0.5) < 0.03  # and so is the start


def test_training_draws_as_the_authors_do():
    np.random.seed(7)
    part = np.random.rand() * 0.5 + 0.5
    start = np.random.randint(0, 250 - int(part * 250) + 1)
    np.random.seed(7)
    clip = CropResize(clip_len=1, min_frames=64)(counting(250))['keypoint']
    # The middle of the stretch is its one new frame.
    assert clip[0, 0, 0, 0] == pytest.approx(start + (int(part * 250) + 1) / 2)


@pytest.mark.parametrize('min_frames, expected', [(None, 64), (10, 20), (80, 80), (500, 90)])
def test_training_takes_no_fewer_than_min_frames(min_frames, expected):
    transform = CropResize(clip_len=64, p_interval=(0.23, 0.23), min_frames=min_frames)
    values = transform(counting(90))['keypoint'][0, :, 0, 0]
    assert float(values[33] - values[32]) * 64 == pytest.approx(expected, abs=1e-3)


def test_frames_without_a_pose_do_not_count():
    clip = counting(50, persons=2)['keypoint'].copy()
    clip[:, 40:] = 0
    clip[0, :5] = 0  # the second person is still there
    assert frames_with_a_pose(clip).tolist() == list(range(40))
    resized = CropResize(clip_len=40, p_interval=(1.0, ))(dict(keypoint=clip))['keypoint']
    assert np.array_equal(resized, clip[:, :40])


def test_a_pose_whose_coordinates_cancel_counts():
    clip = np.zeros((1, 3, 2, 3))
    clip[0, :, 1] = (1, -1, 0)
    assert frames_with_a_pose(clip) is None


def test_frames_without_a_pose_are_left_out_wherever_they_are():
    clip = np.zeros((1, 300, 5, 3), dtype=np.float32)
    there = np.r_[150:160, 170:300:3]
    clip[:, there] = counting(300)['keypoint'][:, there]
    score = clip[..., 0] / 300
    whole = CropResize(clip_len=len(there), p_interval=(1.0, ))(
        dict(keypoint=clip, keypoint_score=score))
    assert np.array_equal(whole['keypoint'], clip[:, there])
    assert np.array_equal(whole['keypoint_score'], score[:, there])
    for _ in range(20):
        assert CropResize()(dict(keypoint=clip))['keypoint'].all()


@pytest.mark.parametrize('p_interval', [(0.5, 1.0), (0.95, ), (0.01, )])
@pytest.mark.parametrize('frames', [1, 2, 3, 200])
def test_short_and_empty_clips_work(frames, p_interval):
    transform = CropResize(p_interval=p_interval)
    assert transform(counting(frames))['keypoint'].shape == (1, 64, 5, 3)
    empty = transform(dict(keypoint=np.zeros((2, frames, 5, 3), dtype=np.float32)))['keypoint']
    assert empty.shape == (2, 64, 5, 3) and not empty.any()


def test_one_frame_is_held():
    assert (CropResize()(counting(1))['keypoint'] == 1).all()


def test_scores_are_resized_like_joints_and_half_precision_becomes_single():
    clip = counting(90, persons=2)
    clip['keypoint'] = clip['keypoint'].astype(np.float16)
    clip['keypoint_score'] = clip['keypoint'][..., 0]
    resized = CropResize()(clip)
    assert resized['keypoint'].dtype == resized['keypoint_score'].dtype == np.float32
    assert resized['keypoint_score'].shape == (2, 64, 5)
    assert np.array_equal(resized['keypoint_score'], resized['keypoint'][..., 0])
    clip = counting(90)['keypoint']
    half = resize_frames(clip.astype(np.float16), 64)
    np.testing.assert_allclose(half, resize_frames(clip, 64), rtol=1e-6)  # not rounded on the way


def test_maps_of_files_are_read_and_left_alone(tmp_path):
    np.save(tmp_path / 'x.npy', np.ones((1, 90, 5, 3), dtype=np.float32))
    mapped = np.load(tmp_path / 'x.npy', mmap_mode='r')
    for frames in (mapped, mapped[:, :64]):
        resized = resize_frames(frames, 64)
        assert type(resized) is np.ndarray and resized.flags.writeable


def test_the_result_goes_on_as_one_clip():
    clip = CropResize(clip_len=32)(dict(counting(90), num_clips=10))
    assert (clip['total_frames'], clip['clip_len'], clip['num_clips']) == (32, 32, 1)
    assert FormatGCNInput(num_person=2)(clip)['keypoint'].shape == (1, 2, 32, 5, 3)


def test_repr_names_the_arguments():
    assert repr(CropResize(32, [0.95])) == (
        'CropResize(clip_len=32, p_interval=(0.95,), min_frames=32)')


@pytest.mark.parametrize('p_interval', [0.95, (), (0.0, 1.0), (1.0, 0.5), (0.5, 1.1), (0.1, 1, 1)])
def test_refuses_another_interval(p_interval):
    with pytest.raises(ValueError, match=r'expected \(lowest, highest\) for training'):
        CropResize(p_interval=p_interval)


def test_refuses_no_frames():
    with pytest.raises(ValueError, match='clip_len=0 and min_frames=None: expected 1 or more'):
        CropResize(clip_len=0)
    with pytest.raises(ValueError, match='min_frames=0: expected 1 or more'):
        CropResize(min_frames=0)

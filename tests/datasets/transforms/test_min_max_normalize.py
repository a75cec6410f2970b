import numpy as np
import pytest

from cocodiff_mm.datasets.transforms import MinMaxNormalize, RandomScale


def normalize(keypoint):
    keypoint.setflags(write=False)
    return MinMaxNormalize()(dict(keypoint=keypoint))['keypoint']


def some(shape, seed=0):
    return np.random.default_rng(seed).normal(loc=3, size=shape).astype(np.float32)


@pytest.mark.parametrize('shape', [(1, 30, 20, 3), (2, 1, 15, 3), (1, 4, 17, 2)])
def test_every_axis_spans_the_interval_over_the_whole_clip(shape):
    clip = some(shape)
    normal = normalize(clip)
    assert normal.dtype == np.float32
    for axis in range(shape[-1]):
        values, before = normal[..., axis], clip[..., axis].astype(np.float64)
        assert (values.min(), values.max()) == (-1, 1)  # to the last bit
        low, high = before.min(), before.max()
        np.testing.assert_allclose(values, 2 * (before - low) / (high - low) - 1, atol=1e-6)


def test_shift_and_scale_of_the_axes_do_not_matter():
    clip = some((1, 30, 20, 3))
    moved = clip * np.array([2, 0.5, 7], dtype=np.float32) + np.array([1, -4, 9], dtype=np.float32)
    np.testing.assert_allclose(normalize(moved), normalize(clip), atol=1e-5)
    scaled = RandomScale(0.5)(dict(keypoint=clip))['keypoint']
    np.testing.assert_allclose(normalize(scaled), normalize(clip), atol=1e-6)


def test_an_axis_without_extent_becomes_zero():
    clip = some((1, 5, 20, 3))
    clip[..., 1] = 0.7
    normal = normalize(clip)
    assert not normal[..., 1].any() and normal[..., 0].max() == 1


def test_a_single_joint_and_an_empty_clip_become_zero():
    for clip in (some((1, 1, 1, 3)), np.zeros((2, 4, 20, 3), dtype=np.float32)):
        assert np.array_equal(normalize(clip), np.zeros_like(clip))


def test_half_precision_is_computed_in_single():
    clip = some((1, 8, 20, 3)).astype(np.float16)
    normal = normalize(clip)
    assert normal.dtype == np.float32
    np.testing.assert_array_equal(normal, normalize(clip.astype(np.float32)))

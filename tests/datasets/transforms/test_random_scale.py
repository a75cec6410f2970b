import numpy as np
import pytest

from cocodiff_mm.datasets.transforms import RandomScale

ONES = np.ones((2, 4, 5, 3), dtype=np.float32)
ONES.setflags(write=False)


def test_each_axis_has_its_own_factor_in_the_whole_clip():
    np.random.seed(5)
    expected = np.random.uniform(0.8, 1.2, size=3).astype(np.float32)
    np.random.seed(5)
    scaled = RandomScale()(dict(keypoint=ONES))['keypoint']
    assert scaled.dtype == np.float32 and (scaled == expected).all()


def test_one_factor_keeps_the_shape_of_the_body():
    scaled = RandomScale(0.5, per_axis=False)(dict(keypoint=2 * ONES))['keypoint']
    assert len(np.unique(scaled)) == 1 and scaled[0, 0, 0, 0] != 2


@pytest.mark.parametrize('per_axis', [True, False])
def test_factors_are_uniform_around_one(per_axis):
    transform = RandomScale(0.5, per_axis)
    clip = dict(keypoint=ONES[:1, :1, :1, :2])  # in the plane as well
    factors = np.array([transform(dict(clip))['keypoint'][0, 0, 0, 0] for _ in range(2000)])
    assert 0.5 <= factors.min() < 0.51 and 1.49 < factors.max() <= 1.5
    assert abs(factors.mean() - 1) < 0.02


def test_missing_joints_stay_at_zero_and_half_precision_becomes_single():
    scaled = RandomScale()(dict(keypoint=np.zeros((1, 2, 3, 3), dtype=np.float16)))['keypoint']
    assert scaled.dtype == np.float32 and not scaled.any()


def test_refuses_a_range_as_large_as_the_clip():
    for scale in (-0.1, 1.0):
        with pytest.raises(ValueError, match='expected a number from 0 to below 1'):
            RandomScale(scale)


def test_scale_repr_names_the_arguments():
    assert repr(RandomScale(0.5, False)) == 'RandomScale(scale=0.5, per_axis=False)'

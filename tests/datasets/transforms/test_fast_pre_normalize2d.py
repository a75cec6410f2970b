import copy

import numpy as np
import pytest
from mmaction.datasets.transforms import PreNormalize2D

from cocodiff_mm.datasets.transforms.fast_pre_normalize2d import FastPreNormalize2D


def pixels():
    keypoint = np.random.default_rng(0).uniform(1, 250, (2, 5, 18, 2)).astype(np.float32)
    keypoint.setflags(write=False)
    return keypoint


@pytest.mark.parametrize('given', [dict(img_shape=(256, 340)), dict()])
def test_joints_that_were_found_are_as_in_mmaction2(given):
    stock = PreNormalize2D()(dict(keypoint=copy.deepcopy(pixels()), **given))['keypoint']
    np.testing.assert_allclose(
        FastPreNormalize2D()(dict(keypoint=pixels(), **given))['keypoint'], stock, atol=1e-6)


def test_missing_joints_stay_at_zero():
    keypoint = pixels().copy()
    keypoint[0, 2, 7] = keypoint[1, 3] = 0
    done = FastPreNormalize2D((256, 340))(dict(keypoint=keypoint.astype(np.float16)))['keypoint']
    assert done.dtype == np.float32
    assert not done[0, 2, 7].any() and not done[1, 3].any()
    assert (done != 0).any(-1).sum() == 2 * 5 * 18 - 19
    assert np.abs(done).max() <= 1


def test_joints_in_space_are_refused():
    with pytest.raises(ValueError, match="'a' has 3 coordinates per joint: take FastPreNormalize"):
        FastPreNormalize2D()(dict(keypoint=np.zeros((1, 2, 25, 3)), frame_dir='a'))

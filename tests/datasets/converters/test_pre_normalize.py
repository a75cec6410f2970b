from dataclasses import replace

import numpy as np
import pytest
from tiny_source import TinySource

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.convert import convert
from cocodiff_mm.datasets.converters.pre_normalize import BODY_AXES, body_units, pre_normalizer
from cocodiff_mm.datasets.converters.source import BadClip, Source
from cocodiff_mm.datasets.joints import JOINTS
from cocodiff_mm.datasets.store import SkeletonStore
from cocodiff_mm.datasets.transforms import FastPreNormalize3D

INFO = StoreInfo(name='a', layout='nturgb+d', classes=('a', ), coordinates=('x', 'y', 'z'),
                 units='metres', source='a test')


@pytest.mark.parametrize('layout', BODY_AXES)
def test_axes_are_spine_and_shoulders_by_name(layout):
    names, axes = JOINTS[layout], BODY_AXES[layout]
    low, high = (names[joint] for joint in axes['zaxis'])
    assert (low, high) in [('spine_base', 'spine_mid'), ('hip_center', 'spine'), ('torso', 'neck')]
    assert [names[joint] for joint in axes['xaxis']] == ['right_shoulder', 'left_shoulder']
    assert names[axes['center_joint']] in ('spine_mid', 'spine', 'torso')


@pytest.mark.parametrize('changes, message', [
    (dict(layout='coco', coordinates=('x', 'y')), 'the coordinates x, y'),
    (dict(layout='coco'), "the layout is 'coco'"),
    (dict(layout=dict(num_node=1, inward=[], center=0)), 'FastPreNormalize3D')])
def test_what_has_no_known_axes_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        pre_normalizer(replace(INFO, **changes))


def test_the_axes_of_the_body_are_as_they_are_described():
    assert body_units('metres, camera space of Kinect v2, y up; origin: x') == body_units('metres')
    described, clip = body_units('metres'), two_persons()
    first = pre_normalizer(replace(INFO, has_score=True))(clip).keypoint[0, 0]
    axes = BODY_AXES['nturgb+d']
    spine = first[axes['zaxis'][1]] - first[axes['zaxis'][0]]
    right, left = first[list(axes['xaxis'])]
    assert 'z up the spine' in described and 'x from the left to the right shoulder' in described
    assert not first[axes['center_joint']].any()
    assert spine[2] > 0 and right[0] > left[0]
    np.testing.assert_allclose(right[1:], left[1:], atol=1e-5)


@pytest.mark.parametrize('shape', [(2, 5, 25), (2, 5, 25, 2), (2, 5, 8, 3)])
def test_clips_of_another_shape_are_bad(shape):
    with pytest.raises(BadClip, match='clip 1: joints of shape'):
        pre_normalizer(INFO)(Clip('clip 1', np.ones(shape), 0))


def two_persons():
    """The second person is there longer, so becomes the first; a frame holds only the other."""
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(2, 6, 25, 3)).astype(np.float32)
    keypoint[0, 2:], keypoint[1, 1] = 0, 0
    return Clip('pair', keypoint, 0, score=rng.random((2, 6, 25), np.float32))


def test_scores_follow_persons_and_frames():
    clip = two_persons()
    done = pre_normalizer(replace(INFO, has_score=True))(clip)
    kept = [0, 2, 3, 4, 5]
    np.testing.assert_array_equal(done.score, clip.score[[1, 0]][:, kept])
    assert done.keypoint.shape == (2, 5, 25, 3) and done.valid == 5
    steps = FastPreNormalize3D()
    expected = steps.transform(dict(keypoint=clip.keypoint, keypoint_score=clip.score))
    np.testing.assert_array_equal(done.keypoint, expected['keypoint'])


class PairSource(Source):
    parallel = False
    info = replace(INFO, has_score=True)

    def items(self):
        return [('pair', None)]

    def read(self, name, handle):
        return two_persons()

    def splits(self, clips):
        return {}


def test_the_store_says_that_it_was_done(tmp_path):
    convert(PairSource(), tmp_path / 'store', pre_normalize=True)
    store = SkeletonStore(tmp_path / 'store')
    assert store.meta['options'] == dict(pre_normalized=True)
    assert store.meta['units'].startswith('metres, axes of the body: z up the spine')
    np.testing.assert_array_equal(
        store.keypoint(0), pre_normalizer(PairSource.info)(two_persons()).keypoint)
    with pytest.raises(ValueError, match='the coordinates x, y'):
        convert(TinySource(tmp_path), tmp_path / 'flat', pre_normalize=True)

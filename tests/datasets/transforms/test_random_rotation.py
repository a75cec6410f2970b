import numpy as np
import pytest
from references.official_sampling_naive import naive_rotate

from cocodiff_mm.datasets.transforms import RandomRotation, SkeletonStream
from cocodiff_mm.datasets.transforms.random_rotation import rotation_matrix


@pytest.fixture
def keypoint():
    clip = np.random.default_rng(0).normal(size=(2, 6, 25, 3)).astype(np.float32)
    clip[1, 3:] = 0  # a person who left
    clip.setflags(write=False)
    return clip


def test_is_the_authors_rotation_of_the_drawn_angles(keypoint):
    limit = (0.3, 0.2, 0.1)
    np.random.seed(3)
    angles = [np.random.uniform(-angle, angle) for angle in limit]
    np.random.seed(3)
    turned = RandomRotation(limit)(dict(keypoint=keypoint))['keypoint']
    assert turned.dtype == np.float32
    np.testing.assert_allclose(turned, naive_rotate(keypoint, angles), atol=1e-6)
    assert abs(turned - keypoint).max() > 0.1


@pytest.mark.parametrize('angles, source, target', [
    ((np.pi / 2, 0, 0), (0, 1, 0), (0, 0, -1)),  # clockwise about x: y goes to -z
    ((0, np.pi / 2, 0), (0, 0, 1), (-1, 0, 0)),
    ((0, 0, np.pi / 2), (1, 0, 0), (0, -1, 0)),
])
def test_a_quarter_turn_is_clockwise(angles, source, target):
    np.testing.assert_allclose(rotation_matrix(angles, 'xyz') @ source, target, atol=1e-12)


@pytest.mark.parametrize('order', ['xyz', 'yxz', 'zyx'])
def test_turns_about_the_axes_in_order(order):
    angles = (0.4, -0.9, 1.3)
    single = {axis: rotation_matrix([angle if axis == other else 0 for other in 'xyz'], 'xyz')
              for axis, angle in zip('xyz', angles, strict=True)}
    expected = single[order[2]] @ single[order[1]] @ single[order[0]]
    np.testing.assert_allclose(rotation_matrix(angles, order), expected, atol=1e-12)


def test_keeps_distances_and_handedness(keypoint):
    turned = RandomRotation(np.pi)(dict(keypoint=keypoint))['keypoint']
    before = np.linalg.norm(keypoint[:, :, :, None] - keypoint[:, :, None], axis=-1)
    after = np.linalg.norm(turned[:, :, :, None] - turned[:, :, None], axis=-1)
    np.testing.assert_allclose(after, before, atol=2e-6)
    volume = [np.linalg.det(points[0, 0, :3].astype(np.float64)) for points in (keypoint, turned)]
    assert volume[0] == pytest.approx(volume[1], rel=1e-4)
    assert not turned[1, 3:].any()


def test_all_frames_and_persons_turn_alike_and_clips_differently():
    points = np.eye(3, dtype=np.float32)[None, None].repeat(2, 0).repeat(4, 1)
    turned = [RandomRotation()(dict(keypoint=points))['keypoint'] for _ in range(2)]
    assert (turned[0] == turned[0][:1, :1]).all()
    assert abs(turned[0] - turned[1]).max() > 0.01


def test_angles_are_uniform_up_to_theta():
    point = np.array([1, 0, 0], dtype=np.float32).reshape(1, 1, 1, 3)
    transform = RandomRotation((0, 0, 1.0))
    turned = np.array([transform(dict(keypoint=point))['keypoint'].ravel() for _ in range(2000)])
    assert not turned[:, 2].any()
    angles = np.arctan2(-turned[:, 1], turned[:, 0])
    assert -1 <= angles.min() < -0.98 and 0.98 < angles.max() <= 1
    assert abs(angles.mean()) < 0.05 and abs(angles.std() - 1 / np.sqrt(3)) < 0.02


@pytest.mark.parametrize('stream', ['b', 'jm', 'bm'])
def test_streams_turn_with_the_joints(keypoint, stream):
    def run(*steps):
        np.random.seed(1)
        results = dict(keypoint=keypoint)
        for step in steps:
            results = step(results)
        return results['keypoint']

    turn, make = RandomRotation(0.3), SkeletonStream(stream)
    np.testing.assert_allclose(run(turn, make), run(make, turn), atol=1e-6)


def test_no_angle_leaves_the_clip_and_never_its_memory(keypoint):
    turned = RandomRotation(0)(dict(keypoint=keypoint))['keypoint']
    assert np.array_equal(turned, keypoint) and not np.shares_memory(turned, keypoint)
    half = RandomRotation(0)(dict(keypoint=keypoint.astype(np.float16)))['keypoint']
    assert half.dtype == np.float32


def test_refuses_joints_in_the_plane_degrees_and_another_order():
    with pytest.raises(ValueError, match="the clip 'a' has 2 coordinates per joint: take Random"):
        RandomRotation()(dict(keypoint=np.zeros((1, 4, 17, 2)), frame_dir='a'))
    for theta in (17, -0.1, (0.3, 0.3)):
        with pytest.raises(ValueError, match='in radians from 0 to pi'):
            RandomRotation(theta)
    with pytest.raises(ValueError, match="order='xy': expected each of x, y and z once"):
        RandomRotation(order='xy')


def test_rotation_repr_names_the_arguments():
    assert repr(RandomRotation([1, 1, 0], 'yxz')) == "RandomRotation(theta=(1, 1, 0), order='yxz')"

import numpy as np
import pytest
from references.ntu_naive import naive_actors
from skeleton_files import person, scene

from cocodiff_mm.datasets.converters.ntu_denoise import find_actors
from cocodiff_mm.datasets.converters.ntu_skeleton import Recording

SHORT = 'bodies of fewer than 12 frames left out'
WIDE = 'bodies wider than tall left out'
BESIDE = 'bodies beside two actors left out'


def recording(*bodies, frames=100):
    """A recording of bodies given as (frames that show it, joints)."""
    return Recording({str(i): (np.asarray(shown), joints)
                      for i, (shown, joints) in enumerate(bodies)}, frames, ())


def body(start, length, motion=0.5, seed=0, wide=0):
    """A body that rests, but that its first and last joints move to and fro by ``motion``."""
    rng = np.random.default_rng(seed)
    joints = np.repeat(rng.uniform((0.1, 0.1, 3), (0.4, 1.8, 3.2), (1, 25, 3)), length, axis=0)
    joints[:, 0, 1], joints[:, 1, 1] = 2, 0.05
    joints[:, 2:, 2] += motion * (-1) ** np.arange(length)[:, None]
    joints[:wide, 3, 0] = 5
    return np.arange(start, start + length), joints.astype(np.float32)


def centred(joints, of):
    return joints - of[0, 1]


@pytest.mark.parametrize('seed', range(60))
def test_agrees_with_the_naive_processing(seed):
    rng = np.random.default_rng(seed)
    frames = [shown for shown in scene(rng, int(rng.integers(15, 70)), int(rng.integers(1, 6)))
              if shown]
    bodies = {}
    for t, shown in enumerate(frames):
        for identity, joints in shown.items():
            bodies.setdefault(identity, ([], []))
            bodies[identity][0].append(t)
            bodies[identity][1].append(joints)
    bodies = {identity: (np.array(shown), np.stack(joints))
              for identity, (shown, joints) in bodies.items()}
    before = {identity: joints.copy() for identity, (_, joints) in bodies.items()}
    expected = naive_actors(bodies, len(frames))
    if expected is None:
        with pytest.raises(ValueError, match='none of its'):
            find_actors(Recording(bodies, len(frames), ()))
        return
    keypoint, _ = find_actors(Recording(bodies, len(frames), ()))
    assert keypoint.dtype == np.float32
    np.testing.assert_array_equal(keypoint, expected)
    for identity, joints in before.items():
        np.testing.assert_array_equal(bodies[identity][1], joints)


def test_a_lone_body_is_taken_as_it_is():
    # Neither short, nor wide, nor empty frames matter then.
    shown, joints = body(0, 5, wide=5)
    joints[0] = 0
    keypoint, notes = find_actors(Recording({'7': (shown, joints)}, 5, (3, 8)))
    assert keypoint.shape == (1, 5, 25, 3) and notes == ('frames without a body dropped', )
    np.testing.assert_array_equal(keypoint[0], joints - joints[1, 1])
    assert not keypoint[0, 1, 1].any()


def test_the_body_that_moves_more_comes_first():
    still, lively = body(0, 100, 0.1), body(20, 50, 0.2, seed=1)
    keypoint, notes = find_actors(recording(still, lively))
    assert keypoint.shape == (2, 100, 25, 3) and notes == ()
    np.testing.assert_array_equal(keypoint[0, 20:70], centred(lively[1], lively[1]))
    np.testing.assert_array_equal(keypoint[1], centred(still[1], lively[1]))
    assert not keypoint[0, :20].any() and not keypoint[0, 70:].any()


def test_of_equal_bodies_the_first_in_the_file_comes_first():
    shown, joints = body(0, 40)
    mirrored = joints * np.float32([-1, 1, 1])
    for first, second in ((joints, mirrored), (mirrored, joints)):
        keypoint, _ = find_actors(recording((shown, first), (shown, second), frames=40))
        np.testing.assert_array_equal(keypoint[0], centred(first, first))


@pytest.mark.parametrize('length, persons', [(11, 1), (12, 2)])
def test_short_bodies_are_noise(length, persons):
    keypoint, notes = find_actors(recording(body(0, 100), body(5, length, 3)))
    assert len(keypoint) == persons and notes == ((SHORT, ) if persons == 1 else ())


@pytest.mark.parametrize('length, wide, persons', [
    (100, 69, 2), (119, 83, 2), (43, 30, 1), (100, 70, 1), (100, 100, 1)])
def test_wide_bodies_are_noise(length, wide, persons):
    # 83 of 119 is 69.748 %, 30 of 43 is 69.767 %.
    noise, steady = body(0, length, 3, wide=wide), body(0, 119)
    keypoint, notes = find_actors(recording(noise, steady, frames=119))
    assert len(keypoint) == persons and notes == ((WIDE, ) if persons == 1 else ())
    if persons == 1:
        np.testing.assert_array_equal(keypoint[0], centred(steady[1], steady[1]))


@pytest.mark.parametrize('width, persons', [(0.8, 2), (0.801, 1)])
def test_wide_is_more_than_0_8_of_the_height(width, persons):
    shown, joints = body(0, 50)
    joints[:, :, 0], joints[:, 3, 0] = 1, 1 + width
    joints[:, :, 1], joints[:, 4, 1] = 1, 2
    assert len(find_actors(recording((shown, joints), body(0, 50), frames=50))[0]) == persons


def test_the_last_body_stays_however_wide():
    first, second = body(0, 100, wide=100), body(0, 100, seed=1, wide=100)
    keypoint, _ = find_actors(recording(first, second))
    np.testing.assert_array_equal(keypoint[0], centred(second[1], second[1]))


def test_wide_frames_do_not_count_as_motion():
    # Its jumps are wide: without them it moves less than the other.
    shown, jumping = body(0, 100, 0.01, wide=60)
    jumping[:60, 5:, 2] += 50
    steady = body(0, 100, 0.3, seed=1)
    keypoint, _ = find_actors(recording((shown, jumping), steady))
    np.testing.assert_array_equal(keypoint[0], centred(steady[1], steady[1]))


def test_tracks_that_follow_each_other_are_one_actor():
    first, second, third = body(0, 30, 3), body(60, 40, 2, seed=1), body(29, 20, 1, seed=2)
    other = body(0, 100, 0.5, seed=3)
    keypoint, notes = find_actors(recording(other, third, second, first))
    np.testing.assert_array_equal(keypoint[0, :30], centred(first[1], first[1]))
    np.testing.assert_array_equal(keypoint[0, -40:], centred(second[1], first[1]))
    # After the first two, actor 1 counts as there all the time: the third becomes actor 2, and
    # the other has no place, not even in frames 49 to 59, which nobody else is in.
    np.testing.assert_array_equal(keypoint[1, 29:49], centred(third[1], first[1]))
    assert keypoint.shape == (2, 89, 25, 3) and notes == (BESIDE, )


def test_one_common_frame_is_no_overlap_and_goes_to_the_later_track():
    first, second = body(0, 30, 3), body(29, 31, 2, seed=1)
    keypoint, _ = find_actors(recording(first, second, frames=60))
    np.testing.assert_array_equal(keypoint[0, 29:], centred(second[1], first[1]))
    # Two persons are left although the second actor never appears.
    assert len(keypoint) == 2 and not keypoint[1].any()
    two_common = find_actors(recording(first, body(28, 31, 2, seed=1), frames=59))[0]
    assert two_common[1].any()


def test_a_third_body_beside_two_is_left_out():
    keypoint, notes = find_actors(recording(
        body(0, 100, 3), body(0, 100, 2, seed=1), body(0, 100, 1, seed=2), body(9, 50, 1, seed=3)))
    assert len(keypoint) == 2 and notes == (BESIDE, )


def test_actor_2_counts_as_present_from_frame_0():
    main, late, early = body(0, 100, 3), body(60, 30, 2, seed=1), body(5, 20, 1, seed=2)
    keypoint, notes = find_actors(recording(main, late, early))
    assert notes == (BESIDE, ) and not keypoint[1, :60].any() and keypoint[1, 60:90].any()
    keypoint, notes = find_actors(recording(main, body(5, 20, 2, seed=2), body(60, 30, 1, seed=1)))
    assert notes == () and keypoint[1, 5:25].any() and keypoint[1, 60:90].any()


def test_gaps_are_closed():
    shown, joints = body(10, 40)
    shown = np.concatenate([shown[:20], shown[20:] + 30])
    keypoint, notes = find_actors(recording((shown, joints), body(0, 100, 3, seed=1)))
    assert notes == ('gaps of a body closed', )
    assert keypoint[1, 10:50].any(axis=(1, 2)).all() and not keypoint[1, 50:].any()


def test_frames_without_an_actor_are_dropped():
    first, second = body(10, 30, 3), body(15, 30, 1, seed=1)
    keypoint, _ = find_actors(recording(first, second, body(0, 11), body(70, 8)))
    assert keypoint.shape == (2, 35, 25, 3)
    np.testing.assert_array_equal(keypoint[0, :30], centred(first[1], first[1]))
    assert not keypoint[0, 30:].any() and not keypoint[1, :5].any() and keypoint[1, 5:].any()


def test_the_origin_is_the_spine_of_actor_1_when_it_first_shows():
    main, other = body(20, 80, 3), body(0, 100, 1, seed=1)
    keypoint, _ = find_actors(recording(other, main))
    assert not keypoint[0, 20, 1].any()
    np.testing.assert_array_equal(keypoint[1], centred(other[1], main[1]))


@pytest.mark.parametrize('bodies, sentence', [
    ([body(0, 11), body(4, 9)], 'none of its 2 bodies is there for 12 frames, the longest for 11'),
    ([(np.arange(20), np.zeros((20, 25, 3), np.float32))], 'main body are 0 in all frames'),
    ([(np.arange(20), np.zeros((20, 25, 3), np.float32))] * 2, 'main body are 0 in all frames')])
def test_what_has_no_actor_is_refused(bodies, sentence):
    with pytest.raises(ValueError, match=sentence):
        find_actors(recording(*bodies))


def test_people_of_the_generator_are_taller_than_wide():
    # Else all of the comparisons above would be about noise.
    joints = person(np.random.default_rng(0), 50)
    span = np.ptp(joints, axis=1)
    assert (span[:, 0] < 0.8 * span[:, 1]).all()

import time
import tracemalloc

import numpy as np
import pytest
from broken_files import damaged
from references.ntu_naive import naive_read
from skeleton_files import line_damages, lines_of, person, scene, write

from cocodiff_mm.datasets.converters import ntu_skeleton
from cocodiff_mm.datasets.converters.ntu_skeleton import read_skeleton
from cocodiff_mm.datasets.converters.source import BadClip


def frames_of(frames=4, bodies=2, seed=0):
    rng = np.random.default_rng(seed)
    people = [person(rng, frames) for _ in range(bodies)]
    return [{str(100 + i): joints[t] for i, joints in enumerate(people)} for t in range(frames)]


def check_as_naive(path):
    recording, (bodies, kept, dropped) = read_skeleton(path), naive_read(path)
    assert list(recording.bodies) == list(bodies)
    assert (recording.num_frames, recording.dropped) == (kept, tuple(dropped))
    for identity, (frames, joints) in bodies.items():
        found, values = recording.bodies[identity]
        assert found.tolist() == frames and values.dtype == np.float32
        np.testing.assert_array_equal(values.view(np.int32), joints.view(np.int32))
    return recording


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('newline', ['\n', '\r\n'])
def test_any_recording_is_read_as_line_by_line(tmp_path, seed, newline):
    rng = np.random.default_rng(seed)
    frames = scene(rng, int(rng.integers(10, 40)), int(rng.integers(1, 6)))
    check_as_naive(write(tmp_path / 'a.skeleton', frames, newline, seed=seed))


@pytest.mark.parametrize('number', ['.9g', '.17g', '.3f', '.12f', '.6e', '+.7f', '012.7f', '.0f'])
def test_numbers_may_be_written_in_any_way(tmp_path, number):
    check_as_naive(write(tmp_path / 'a.skeleton', frames_of(), number=number))


def test_values_are_rounded_twice_as_the_plain_reader_does(tmp_path):
    # To float32 through float64: this number is nearer to the larger float32, yet becomes 1.
    joints = np.zeros((25, 3))
    path = write(tmp_path / 'a.skeleton', [{'7': joints}])
    text = path.read_text().replace('0 0 0', '1.00000005960464477540 1.5 -0.0')
    path.write_text(text)
    joints = check_as_naive(path).bodies['7'][1]
    assert joints[0, 0].tolist() == [1, 1.5, 0] and np.signbit(joints[0, 0, 2])


def test_frames_are_counted_without_the_empty_ones(tmp_path):
    a, b = frames_of(2, 2)
    recording = check_as_naive(write(tmp_path / 'a.skeleton', [{}, a, {}, dict(list(b.items())[1:]),
                                                              {}, {}]))
    assert recording.num_frames == 2 and recording.dropped == (0, 2, 4, 5)
    assert [frames.tolist() for frames, _ in recording.bodies.values()] == [[0], [0, 1]]


def test_layout_does_not_matter_where_the_plain_reader_ignores_it(tmp_path):
    lines = lines_of(frames_of())
    expected = read_skeleton(write(tmp_path / 'a.skeleton', frames_of()))
    spaced = [f'  {line} ' if len(line) < 3 else line.replace(' ', '\t', 2).replace(' ', '  ')
              for line in lines]
    for text in ('\n'.join(lines), '\n'.join(lines) + '\n\n \r\n', '\n'.join(spaced),
                 '\r\n'.join(lines).replace('\r\n', '\n', 40)):
        path = tmp_path / 'b.skeleton'
        path.write_bytes(text.encode())
        recording = read_skeleton(path)
        assert list(recording.bodies) == list(expected.bodies)
        for identity, (frames, joints) in expected.bodies.items():
            np.testing.assert_array_equal(recording.bodies[identity][0], frames)
            np.testing.assert_array_equal(recording.bodies[identity][1], joints)


def test_regular_files_take_the_fast_way(tmp_path, monkeypatch):
    monkeypatch.setattr(ntu_skeleton._Reader, '_walk', None)
    frames = frames_of(12)
    frames[3] = frames[11] = {}
    for newline in ('\n', '\r\n'):
        assert read_skeleton(write(tmp_path / 'a', frames, newline)).dropped == (3, 11)


def test_other_columns_may_hold_anything(tmp_path):
    path = write(tmp_path / 'a.skeleton', frames_of(), rest=lambda: 'nan -1.#IND x y z 1 2 3 4')
    check_as_naive(path)


@pytest.mark.parametrize('change, sentence', [
    (lambda lines: [], 'is empty'),
    (lambda lines: [' ', ''], 'is empty'),
    (lambda lines: ['0'], 'says that it has 0 frames'),
    (lambda lines: ['3', '0', '0', '0'], 'has no body in any of its 3 frames'),
    (lambda lines: lines[:57], 'is cut short: it ends in frame 2 of 4'),
    (lambda lines: lines[:-1], 'is cut short: it ends in frame 4 of 4'),
    (lambda lines: lines[:100], 'is cut short: it ends in frame 2 of 4'),
    (lambda lines: lines[:-1] + [lines[-1][:40]], 'line 221 (frame 4 of 4): expected 12 numbers'),
    (lambda lines: ['9'] + lines[1:], 'is cut short: it ends in frame 5 of 9'),
    (lambda lines: ['999999'] + lines[1:], 'is cut short: it ends in frame 5 of 999999'),
    (lambda lines: ['3'] + lines[1:],
     'line 167 (frame 3 of 3): expected the end of the file, after 3 frames, got '),
    (lambda lines: ['x'] + lines[1:], "line 1: expected the number of frames, got 'x'"),
    (lambda lines: ['-4'] + lines[1:], "line 1: expected the number of frames, got '-4'"),
    (lambda lines: ['4.0'] + lines[1:], "line 1: expected the number of frames, got '4.0'"),
    (lambda lines: ['4' * 99] + lines[1:], f"expected the number of frames, got '{'4' * 40}'..."),
    (lambda lines: lines[:56] + ['two'] + lines[57:],
     "line 57 (frame 2 of 4): expected the number of bodies, got 'two'"),
    (lambda lines: lines[:56] + ['-1'] + lines[57:], "(frame 2 of 4): expected the number of"),
    (lambda lines: lines[:56] + ['7'] + lines[57:],
     "line 57 (frame 2 of 4): expected at most 6 bodies, got '7'"),
    (lambda lines: lines[:56] + ['3'] + lines[57:],
     'line 112 (frame 2 of 4): expected 10 numbers, the first a body id, got '),
    (lambda lines: lines[:57] + ['10'] + lines[58:], '10 numbers, the first a body id'),
    (lambda lines: lines[:57] + ['200 0 1'] + lines[58:], '10 numbers, the first a body id'),
    (lambda lines: lines[:57] + ['x' + lines[57]] + lines[58:], '10 numbers, the first a body id'),
    (lambda lines: lines[:58] + ['24'] + lines[59:],
     "line 59 (frame 2 of 4): expected 25 joints, got '24'"),
    (lambda lines: lines[:58] + ['joints'] + lines[59:],
     "line 59 (frame 2 of 4): expected the number of joints, got 'joints'"),
    (lambda lines: lines[:58] + ['25x'] + lines[59:], 'expected the number of joints'),
    (lambda lines: lines[:84] + [lines[57]] + lines[85:],
     'line 85 (frame 2 of 4): expected every body once in a frame, got '),
    (lambda lines: lines[:60] + ['0.1 x 0.3' + lines[60]] + lines[61:],
     "line 61 (frame 2 of 4): expected x, y and z of a joint, got '0.1 x 0.3"),
    (lambda lines: lines[:60] + ['0.1 0.2'] + lines[61:], 'line 61 (frame 2 of 4): expected x, y'),
    (lambda lines: lines[:60] + [''] + lines[61:], "expected x, y and z of a joint, got ''"),
    (lambda lines: lines[:60] + ['0.1 nan 0.3 1'] + lines[61:],
     "line 61 (frame 2 of 4): expected x, y and z within 1000 m of the camera, got '0.1 nan"),
    (lambda lines: lines[:60] + ['0.1 0.2 inf 1'] + lines[61:], 'x, y and z within 1000 m'),
    (lambda lines: lines[:60] + ['0.1 0.2 1e300 1'] + lines[61:], 'x, y and z within 1000 m'),
    (lambda lines: lines[:60] + ['0.1 2181153 3.5 1'] + lines[61:], 'x, y and z within 1000 m'),
])
def test_broken_files_are_refused_in_a_sentence(tmp_path, change, sentence):
    path = tmp_path / 'S001C001P001R001A001.skeleton'
    lines = lines_of(frames_of())
    assert lines[56] == '2' and lines[58] == '25'
    path.write_bytes('\r\n'.join([*change(lines), '']).encode())
    with pytest.raises(BadClip) as error:
        read_skeleton(path)
    assert str(error.value).startswith(str(path)) and sentence in str(error.value)
    assert '\n' not in str(error.value) and len(str(error.value)) < 400


def test_a_kinect_tracks_six_bodies(tmp_path):
    assert len(check_as_naive(write(tmp_path / 'a.skeleton', frames_of(2, 6))).bodies) == 6
    with pytest.raises(BadClip, match="line 2 .frame 1 of 2.: expected at most 6 bodies, got '7'"):
        read_skeleton(write(tmp_path / 'b.skeleton', frames_of(2, 7)))


@pytest.mark.parametrize('content', [
    bytes(range(256)) * 40, b'\x00' * 5000, b'\n' * 5000 + b'1', b'\xff\xfe1\n', b'PK\x03\x04' * 99,
    b'1' * 100000, b'5\n' * 20000])
def test_garbage_is_refused_quickly(tmp_path, content):
    path = tmp_path / 'a.skeleton'
    path.write_bytes(content)
    started = time.perf_counter()
    with pytest.raises(BadClip, match=r'a\.skeleton'):
        read_skeleton(path)
    assert time.perf_counter() - started < 1


def test_what_can_not_be_opened_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / 'missing.skeleton'):
        with pytest.raises(BadClip, match=f'{path.name} can not be read'):
            read_skeleton(path)


@pytest.mark.parametrize('damages', [damaged, line_damages])
def test_damaged_files_give_a_recording_or_a_sentence(tmp_path, damages):
    path = write(tmp_path / 'a.skeleton', frames_of(6))
    path.write_bytes(path.read_bytes().replace(b'\r\n2\r\n', b'\r\n0\r\n2\r\n', 1)
                     .replace(b'6', b'7', 1))
    check_as_naive(path)
    content, refused = path.read_bytes(), 0
    for changed in damages(content, 300):
        path.write_bytes(changed)
        started = time.perf_counter()
        try:
            recording = read_skeleton(path)
        except BadClip as error:
            assert str(error).startswith(str(path)) and len(str(error)) < 400
            refused += 1
        else:
            assert recording.bodies
            for frames, joints in recording.bodies.values():
                assert joints.shape == (len(frames), 25, 3) and np.isfinite(joints).all()
                assert (np.diff(frames) > 0).all() and frames[-1] < recording.num_frames
        assert time.perf_counter() - started < 1
    assert refused > 100


def test_counts_that_lie_take_no_memory(tmp_path):
    path = write(tmp_path / 'a.skeleton', frames_of(3))
    content = path.read_bytes()
    tracemalloc.start()
    for first in (b'999999', b'500000'):
        path.write_bytes(first + content[1:])
        with pytest.raises(BadClip, match='is cut short'):
            read_skeleton(path)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()

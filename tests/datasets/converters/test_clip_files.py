import json

import numpy as np
import pytest
from broken_files import refuse_or_read

from cocodiff_mm.datasets.clip import Clip, StoreInfo
from cocodiff_mm.datasets.converters.clip_files import clip_name, read_clip_file
from cocodiff_mm.datasets.converters.source import BadClip

JOINTS, COORDS = 15, 3
SBU = StoreInfo(name='own', layout='sbu', classes=('a', ), coordinates=('x', 'y', 'z'), units='m',
                source='test')


def motion(persons=1, frames=4):
    return np.random.default_rng(0).normal(size=(persons, frames, JOINTS, COORDS)).round(3)


def write_npy(path, values):
    np.save(path.with_suffix('.npy'), values)
    return path.with_suffix('.npy')


def write_csv(path, values, title=None):
    rows = values[None] if values.ndim == 3 else values
    rows = rows.swapaxes(0, 1).reshape(rows.shape[1], -1)
    lines = [','.join(map(str, row)) for row in rows.tolist()]
    path.with_suffix('.csv').write_text('\n'.join([*([title] if title else []), *lines, '']))
    return path.with_suffix('.csv')


def write_json(path, values, **others):
    content = dict(keypoint=values.tolist(), **others) if others else values.tolist()
    path.with_suffix('.json').write_text(json.dumps(content))
    return path.with_suffix('.json')


def read(path, persons=1):
    return read_clip_file(path, JOINTS, COORDS, persons)


@pytest.mark.parametrize('write', [write_npy, write_csv, write_json])
@pytest.mark.parametrize('persons', [1, 2])
def test_all_kinds_of_files_give_the_same_clip(tmp_path, write, persons):
    keypoint, score = read(write(tmp_path / 'clip', motion(persons)), persons)
    assert keypoint.dtype == np.float32 and score is None
    np.testing.assert_array_equal(keypoint, motion(persons).astype(np.float32))


@pytest.mark.parametrize('write', [write_npy, write_csv, write_json])
def test_one_person_needs_no_axis(tmp_path, write):
    keypoint, _ = read(write(tmp_path / 'clip', motion()[0]))
    np.testing.assert_array_equal(keypoint, motion().astype(np.float32))


@pytest.mark.parametrize('dtype', ['f2', 'f8', '>f4', 'i2', 'u1'])
def test_arrays_of_any_numbers_are_read(tmp_path, dtype):
    values = (10 * np.abs(motion())).astype(dtype)
    keypoint, _ = read(write_npy(tmp_path / 'clip', np.asfortranarray(values)))
    np.testing.assert_array_equal(keypoint, values.astype(np.float32))


def test_columns_may_have_titles(tmp_path):
    titles = ','.join(f'joint{v}_{c}' for v in range(JOINTS) for c in 'xyz')
    keypoint, _ = read(write_csv(tmp_path / 'clip', motion(), titles))
    np.testing.assert_array_equal(keypoint, motion().astype(np.float32))


def test_a_garbled_first_row_is_no_title(tmp_path):
    path = write_csv(tmp_path / 'clip', motion())
    path.write_text('x' + path.read_text())
    with pytest.raises(BadClip, match='clip.csv, line 1: could not convert string to float'):
        read(path)


@pytest.mark.parametrize('persons', [1, 2])
def test_json_may_have_scores(tmp_path, persons):
    scores = np.random.default_rng(1).random((persons, 4, JOINTS))
    values = motion(persons)
    if persons == 1:
        values, scores = values[0], scores[0]
    keypoint, score = read(write_json(tmp_path / 'clip', values, score=scores.tolist()))
    assert keypoint.shape == (persons, 4, JOINTS, COORDS)
    np.testing.assert_array_equal(score, scores.reshape(persons, 4, JOINTS).astype(np.float32))


@pytest.mark.parametrize('shape', [(4, 14, 3), (4, 15, 2), (15, 3), (0, 15, 3), (2, 0, 15, 3),
                                   (1, 1, 4, 15, 3), (3, 4, 15)])
@pytest.mark.parametrize('write', [write_npy, write_json])
def test_other_shapes_are_refused(tmp_path, write, shape):
    with pytest.raises(BadClip, match=r'clip.*has the shape \(.*expected \(frames, 15, 3\)'):
        read(write(tmp_path / 'clip', np.ones(shape)))


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e300])
@pytest.mark.parametrize('write', [write_npy, write_csv, write_json])
def test_numbers_have_to_be_finite(tmp_path, write, value):
    values = motion()
    values[0, 2, 5, 1] = value
    with pytest.raises(BadClip, match=r'in keypoint at \(0, 2, 5, 1\) and 1 places.*write 0 where'):
        read(write(tmp_path / 'clip', values))


@pytest.mark.parametrize('write', [write_npy, write_csv, write_json])
def test_a_clip_of_zeros_is_no_clip(tmp_path, write):
    with pytest.raises(BadClip, match='clip.*all coordinates are 0'):
        read(write(tmp_path / 'clip', np.zeros((1, 4, JOINTS, COORDS))))


@pytest.mark.parametrize('name, content, message', [
    ('clip.csv', '1,2,3\n', 'line 1: 3 columns, expected 45'),
    ('clip.csv', '', 'is empty'), ('clip.csv', 'x,y,z\n', 'has no row of numbers'),
    ('clip.csv', ','.join(['1'] * 44) + ',\n', "line 1: could not convert string to float: ''"),
    ('clip.csv', ';'.join(['1'] * 45), 'has no row of numbers'),
    ('clip.csv', b'\xff\xfe1\x00', 'not text in UTF-8'),
    ('clip.json', '{"keypoint": 3}', 'expected nested lists'),
    ('clip.json', '3', 'expected nested lists'),
    ('clip.json', '[[1], [2, 3]]', 'unequal lengths'), ('clip.json', '[["1"]]', 'no number'),
    ('clip.json', '[[null]]', 'no number'), ('clip.json', '[' * 5000, 'not whole JSON'),
    ('clip.json', '[' * 200 + ']' * 200, 'lists of'), ('clip.json', '[true]', 'no number'),
    ('clip.json', f'[{"9" * 400}]', 'no number'), ('clip.json', '[{}]', 'no number'),
    ('clip.npy', b'not an array', 'not a whole .npy file'),
    ('clip.txt', '1', 'expected a file .npy, .csv, .json'),
])
def test_other_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadClip, match=f'{name}.*{message}'):
        read(path)


@pytest.mark.parametrize('values', [
    np.array([{'a': 1}]), np.array(['text']), np.ones((4, JOINTS, COORDS)) * 1j,
    np.ones((4, JOINTS, COORDS), bool), np.zeros(4, [('x', 'f4')])])
def test_arrays_of_no_numbers_are_refused(tmp_path, values):
    with pytest.raises(BadClip, match='clip.npy.*numbers'):
        read(write_npy(tmp_path / 'clip', values))


def test_objects_are_not_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Evil:
        def __reduce__(self):
            return open, ('executed', 'w')

    with pytest.raises(BadClip, match='Object arrays cannot be loaded'):
        read(write_npy(tmp_path / 'clip', np.array([Evil()], object)))
    assert not (tmp_path / 'executed').exists()


def test_a_header_that_promises_too_much_is_refused(tmp_path):
    path = write_npy(tmp_path / 'clip', np.ones((1234, JOINTS, COORDS)))
    path.write_bytes(path.read_bytes().replace(b'(1234,', b'(10**9', 1))
    with pytest.raises(BadClip, match='clip.npy'):
        read(path)
    path.write_bytes(path.read_bytes().replace(b'(10**9', b'(9999999999999999,', 1))
    with pytest.raises(BadClip, match='clip.npy'):
        read(path)


@pytest.mark.parametrize('score, message', [
    ([[1.0]], r'score has the shape \(1, 1, 1\), expected \(1, 4, 15\)'),
    ([[1.0], [1, 2]], 'score are lists of unequal lengths'), ('high', 'no number'),
    ((np.ones((4, JOINTS)) * np.nan).tolist(), r'nan in score at \(0, 0, 0\)')])
def test_scores_have_to_fit(tmp_path, score, message):
    with pytest.raises(BadClip, match=f'clip.json.*{message}'):
        read(write_json(tmp_path / 'clip', motion()[0], score=score))


@pytest.mark.parametrize('path', ['nothing.npy', 'folder.csv', 'zero\0byte.json'])
def test_files_that_are_not_there_are_named(tmp_path, path):
    (tmp_path / 'folder.csv').mkdir()
    with pytest.raises(BadClip, match='(nothing.npy|folder.csv|zero.*) can not be read'):
        read(tmp_path / path)


@pytest.mark.parametrize('write', [write_npy, write_csv, write_json])
def test_damage_is_refused_or_harmless(tmp_path, write):
    path = write(tmp_path / 'clip', motion(frames=2))

    def clip():
        keypoint, score = read(path)
        assert score is None
        return Clip(name='clip', keypoint=keypoint, label=0)

    # Bytes of the numbers themselves may change unseen.
    assert refuse_or_read(clip, SBU, path, 300) > 100


@pytest.mark.parametrize('file, name', [
    ('wave/one.npy', 'wave/one'), ('one.two.csv', 'one.two'), ('one', 'one')])
def test_names_are_paths_without_suffix(file, name):
    assert clip_name(file) == name

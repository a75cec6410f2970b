import io
import random
import tracemalloc
import zipfile

import numpy as np
import pytest

from cocodiff_mm.datasets.converters.npz_rows import NpzRows


@pytest.fixture(params=[np.savez, np.savez_compressed])
def saved(tmp_path, request):
    rng = np.random.default_rng(0)
    arrays = dict(x=rng.normal(size=(9, 4, 5)).astype(np.float32), y=np.eye(9))
    request.param(tmp_path / 'a.npz', **arrays)
    return tmp_path / 'a.npz', arrays


def test_rows_are_those_of_the_array_in_any_order(saved):
    path, arrays = saved
    rows = NpzRows(path, 'x')
    assert (rows.shape, rows.dtype) == ((9, 4, 5), np.float32)
    for i in (0, 1, 5, 8, 2, 2, 0):
        np.testing.assert_array_equal(rows[i], arrays['x'][i])
    np.testing.assert_array_equal(NpzRows(path, 'y').all(), arrays['y'])
    with pytest.raises(IndexError):
        rows[9]


def test_an_array_is_never_loaded_whole(tmp_path):
    np.savez(tmp_path / 'a.npz', x=np.zeros((400, 100, 150), np.float32))  # 24 MB
    tracemalloc.start()
    rows = NpzRows(tmp_path / 'a.npz', 'x')
    for i in range(0, 400, 7):
        rows[i]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


def npz_of(path, content, name='x.npy'):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(name, content)
    return path


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


@pytest.mark.parametrize('content, message', [
    (b'', 'EOF'),
    (npy(np.array([{}, 1], object)), 'array of object'),
    (npy(np.array(['a'])), 'plain numbers'),
    (npy(np.asfortranarray(np.ones((3, 2)))), 'Fortran order'),
    (npy(np.ones((3, 2)))[:-1], '175 bytes .* expected 176'),
    (npy(np.ones((0, 2))), 'plain numbers'),
    (npy(np.float32(1)), 'plain numbers'),
    (npy(np.ones((3, 2))).replace(b'(3, 2)', b'(9, 2)'), 'expected 272'),
    (npy(np.ones((3, 2))).replace(b'(3, 2), ', b'(-3, -2)'), 'plain numbers'),
])
def test_other_arrays_are_a_sentence(tmp_path, content, message):
    path = npz_of(tmp_path / 'a.npz', content)
    with pytest.raises(ValueError, match=f"a.npz .*'x'.*{message}.*CTR-GCN"):
        NpzRows(path, 'x')


def test_a_missing_file_or_array_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.npz'):
        NpzRows(tmp_path / 'none.npz', 'x')
    with pytest.raises(ValueError, match="'z'"):
        NpzRows(npz_of(tmp_path / 'a.npz', npy(np.ones((3, 2)))), 'z')
    (tmp_path / 'b.npz').write_bytes(b'<html>')
    with pytest.raises(ValueError, match=r'b.npz \(6 bytes\)'):
        NpzRows(tmp_path / 'b.npz', 'x')


def test_damage_anywhere_is_a_sentence_and_never_goes_unseen(saved):
    """Bytes are changed or lost at random: every row is right, or the file is refused."""
    path, arrays = saved
    rng, whole, refused = random.Random(1), path.read_bytes(), 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(len(data))
            end = min(len(data), start + rng.choice((1, 1, 2, 40)))
            data[start:end] = rng.choice((b'', rng.randbytes(end - start), bytes(end - start)))
        path.write_bytes(data)
        try:
            rows = NpzRows(path, 'x')
            read = rows.all()
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            np.testing.assert_array_equal(read, arrays['x'])
    assert refused > 150

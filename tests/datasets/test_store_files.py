import json

import numpy as np
import pytest

from cocodiff_mm.datasets.store_files import Journal, RowFile


def test_rows_become_a_numpy_file(tmp_path):
    rows = np.arange(24.).reshape(4, 2, 3)
    file = RowFile(tmp_path / 'a.npy', 'float32', (2, 3))
    file.write(2, rows[2:])  # in any order, and over what is there
    file.write(0, rows[:3] + 1)
    file.write(0, rows[:3])
    file.finish(3)
    file.close()
    np.testing.assert_array_equal(np.load(tmp_path / 'a.npy'), rows[:3])
    assert (tmp_path / 'a.npy').stat().st_size == 128 + 3 * 24


@pytest.mark.parametrize('rows', [1, 9, 10**6, 10**12])
def test_the_header_is_numpys(tmp_path, rows):
    file = RowFile(tmp_path / 'a.npy', 'float16', (25, 3))
    header = file._header(rows)
    assert len(header) == len(file._header(0)) and len(header) % 64 == 0
    (tmp_path / 'b').write_bytes(header)
    with (tmp_path / 'b').open('rb') as opened:
        assert np.lib.format.read_magic(opened) == (1, 0)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(opened)
    assert (shape, fortran, dtype) == ((rows, 25, 3), False, np.dtype('<f2'))


def test_rows_that_are_not_there_read_short(tmp_path):
    file = RowFile(tmp_path / 'a.npy', 'float32', (1, ))
    file.write(0, np.ones((3, 1)))
    assert file.read(1, 2) == np.ones(2, '<f4').tobytes()
    assert len(file.read(1, 5)) == 8 and file.read(7, 1) == b''
    file.cut(1)
    assert len(file.read(0, 3)) == 4


def test_a_journal_is_read_up_to_what_is_broken(tmp_path):
    path, records = tmp_path / 'journal', [dict(name=f'ä{i}', number=i) for i in range(4)]
    journal = Journal(path)
    for record in records:
        journal.append(record)
    data = path.read_bytes()
    starts = [0, *(place + 1 for place, byte in enumerate(data) if byte == 10)]
    for end in range(len(data) + 1):
        path.write_bytes(data[:end])
        whole = sum(start <= end for start in starts) - 1
        assert list(Journal(path).records()) == records[:whole]
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 4
        path.write_bytes(broken)
        line = max(i for i, start in enumerate(starts) if start <= place)
        assert list(Journal(path).records()) == records[:line]


def test_a_journal_goes_on_after_what_was_kept(tmp_path):
    path = tmp_path / 'journal'
    journal = Journal(path)
    for number in range(3):
        journal.append(dict(number=number))
    journal.close()
    journal = Journal(path)
    for record in journal.records():
        if record['number'] == 1:
            break
        journal.keep()
    journal.cut()
    journal.append(dict(number=7))
    assert [json.loads(line.split(' ', 1)[1])['number']
            for line in path.read_text().splitlines()] == [0, 7]

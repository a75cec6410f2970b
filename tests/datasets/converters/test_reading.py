import json
from pathlib import Path

import numpy as np
import pytest

from cocodiff_mm.datasets.converters.reading import (
    as_floats,
    as_numbers,
    read_bytes,
    read_json,
    read_text,
)
from cocodiff_mm.datasets.converters.source import BadClip

PATH = Path('folder', 'clip.json')


def test_whole_files_are_read(tmp_path):
    path = tmp_path / 'a'
    path.write_bytes('\ufeff{"ä": [1, 2.5]}'.encode())
    assert read_bytes(path) == path.read_bytes()
    assert read_text(path) == '{"ä": [1, 2.5]}' and read_json(path) == {'ä': [1, 2.5]}


@pytest.mark.parametrize('content, message', [
    (b'', 'is empty'), (b'abc\xff', r'not text in UTF-8 \(byte 3'), (b'{"a": ', 'not whole JSON'),
    (b'[' * 50_000, 'not whole JSON'), (b'1' * 5000, 'not whole JSON')])
def test_others_are_named(tmp_path, content, message):
    (tmp_path / 'a.json').write_bytes(content)
    with pytest.raises(BadClip, match=f'a.json.*{message}'):
        read_json(tmp_path / 'a.json')


@pytest.mark.parametrize('name', ['nothing', 'folder', 'zero\0'])
def test_what_can_not_be_opened_is_named(tmp_path, name):
    (tmp_path / 'folder').mkdir()
    with pytest.raises(BadClip, match=f'{name[:4]}.*can not be read'):
        read_bytes(tmp_path / name)


@pytest.mark.parametrize('values', [[[1, 2], [3, 4.5]], [], [[[]]]])
def test_nested_lists_become_arrays(values):
    assert as_numbers(values, PATH, 'poses').tolist() == values


@pytest.mark.parametrize('values, message', [
    ([[1], [1, 2]], 'unequal lengths'), ([[1], 2], 'unequal lengths'), ([None], 'no number'),
    (['1'], 'no number'), ([True], 'no number'), ([10**400], 'no number'), ({}, 'no number')])
def test_anything_else_is_refused(values, message):
    with pytest.raises(BadClip, match=f'clip.json: poses.*{message}'):
        as_numbers(values, PATH, 'poses')


def test_depth_is_checked():
    assert as_numbers([[1]], PATH, 'poses', ndim=2).shape == (1, 1)
    with pytest.raises(BadClip, match='poses are lists nested 2 deep, expected 3'):
        as_numbers([[1]], PATH, 'poses', ndim=3)


@pytest.mark.parametrize('dtype, largest', [('float32', 3e38), ('float16', 65504)])
def test_numbers_are_rounded_to_what_a_store_holds(dtype, largest):
    found = as_floats(np.array([1 / 3, largest]), PATH, 'poses', dtype)
    np.testing.assert_array_equal(found, np.array([1 / 3, largest], dtype))
    with pytest.raises(BadClip, match=r'in poses at \(0, 1\) and 2 places.* within ' + dtype):
        as_floats(np.array([[1, 2 * largest, np.nan]]), PATH, 'poses', dtype)


def test_json_of_not_a_number_is_found_later(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps([float('nan')]))
    with pytest.raises(BadClip, match='nan in poses'):
        as_floats(as_numbers(read_json(tmp_path / 'a.json'), PATH, 'poses'), PATH, 'poses')

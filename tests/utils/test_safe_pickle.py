import os
import pickle

import numpy as np
import pytest

from cocodiff_mm.utils.safe_pickle import load_arrays


class Evil:
    def __reduce__(self):
        return os.system, ('touch executed',)


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_arrays_and_containers_come_back(tmp_path, protocol):
    data = dict(split={'a': ['x']}, annotations=[dict(
        frame_dir='x', label=np.int64(3), total_frames=2, img_shape=(1, 2),
        keypoint=np.arange(12, dtype=np.float16).reshape(1, 2, 2, 3))], ids={1, 2})
    path = tmp_path / 'a.pkl'
    path.write_bytes(pickle.dumps(data, protocol))
    loaded = load_arrays(path)
    np.testing.assert_equal(loaded, data)
    assert loaded['annotations'][0]['keypoint'].dtype == np.float16


def test_a_payload_is_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(dict(split=Evil())))
    with pytest.raises(ValueError, match=r'it asks for (posix|nt)\.system'):
        load_arrays(tmp_path / 'a.pkl')
    assert not (tmp_path / 'executed').exists()


@pytest.mark.parametrize('content', [b'', b'not a pickle', pickle.dumps(np.zeros(999))[:500]])
def test_broken_files_are_a_sentence(tmp_path, content):
    (tmp_path / 'a.pkl').write_bytes(content)
    with pytest.raises(ValueError, match='not a pickle of numpy arrays.*fetch it again'):
        load_arrays(tmp_path / 'a.pkl')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.pkl'):
        load_arrays(tmp_path / 'nothing.pkl')


def test_a_garbled_type_of_an_array_is_a_sentence(tmp_path):
    content = pickle.dumps(np.zeros(3), protocol=4)
    for i in range(len(content)):
        garbled = bytearray(content)
        garbled[i] = ord('(')  # starts a tuple where a number, text or a type was
        (tmp_path / 'a.pkl').write_bytes(garbled)
        try:
            load_arrays(tmp_path / 'a.pkl')
        except ValueError as error:
            assert str(tmp_path / 'a.pkl') in str(error)

import io
import tracemalloc

import numpy as np
import pytest
from broken_files import damaged
from scipy.io import savemat

from cocodiff_mm.datasets.converters.matlab5 import matlab_arrays


def saved(compressed=True, **variables):
    file = io.BytesIO()
    savemat(file, variables, do_compression=compressed)
    return file.getvalue()


@pytest.mark.parametrize('compressed', [True, False])
@pytest.mark.parametrize('dtype', ['f8', 'f4', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8'])
@pytest.mark.parametrize('shape', [(20, 3, 7), (1, 1), (1, 3), (0, 3), (2, 3, 4, 5)])
def test_what_scipy_writes_is_read(shape, dtype, compressed):
    rng = np.random.default_rng(0)
    first, second = ((100 * rng.random(shape)).astype(dtype) for _ in range(2))
    arrays = matlab_arrays(saved(compressed, a=first, long_name_of_a_variable=second, t='text'))
    assert list(arrays) == ['a', 'long_name_of_a_variable']
    for found, expected in zip(arrays.values(), (first, second), strict=True):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)


def test_other_kinds_of_variables_are_left_out():
    content = saved(c=np.ones(3) * 1j, s=dict(x=1), cell=np.array([1, 'a'], object), n=2.0)
    assert list(matlab_arrays(content)) == ['n']


@pytest.mark.parametrize('compressed', [True, False])
def test_a_file_cut_anywhere_is_refused(compressed):
    content = saved(compressed, x=np.arange(60.).reshape(20, 3))
    assert matlab_arrays(content[:128]) == {}  # a header and no variable
    for end in (*range(128), *range(129, len(content))):
        with pytest.raises(ValueError):
            matlab_arrays(content[:end])


@pytest.mark.parametrize('compressed', [True, False])
def test_damage_is_a_value_error_or_harmless(compressed):
    content, refused = saved(compressed, x=np.arange(60.).reshape(20, 3)), 0
    for changed in damaged(content, 500):
        try:
            matlab_arrays(changed)
        except ValueError:
            refused += 1
    assert refused > 200


def test_what_unfolds_to_too_much_is_refused():
    content = saved(x=np.zeros((1 << 23) + 1))
    assert len(content) < 1 << 20
    tracemalloc.start()
    with pytest.raises(ValueError, match='unfolds to more than'):
        matlab_arrays(content)
    assert tracemalloc.get_traced_memory()[1] < 3 * (1 << 26)
    tracemalloc.stop()

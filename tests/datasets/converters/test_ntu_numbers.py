import numpy as np
import pytest

from cocodiff_mm.datasets.converters.ntu_numbers import leading_numbers

REST = ' 277.419 191.8218 1036.233 519.1677 -0.2059419 0.05349901 0.9692109 -0.1239193 2'


def read(lines, before='5\n1\n72057594037931101 0 1 1\n25\n', after=REST + '\n'):
    """Values and what was read of lines of three words, joined as they are in a file."""
    data, starts = before, []
    for line in lines:
        starts.append(len(data))
        data += line + after
    return leading_numbers(data.encode('latin-1'), np.array(starts))


def usual_words(count):
    """One digit, a point, 1 to 8 digits; or 9 to 14 that begin with zeros."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        places = int(rng.integers(1, 15))
        digits = str(rng.integers(0, 10**min(places, 8))).zfill(places)
        yield f'{"-" * rng.integers(2)}{rng.integers(10)}.{digits}'


def test_usual_numbers_are_those_of_float_to_the_bit():
    words = np.array(list(usual_words(6000))).reshape(-1, 3)
    values, known = read([' '.join(line) for line in words])
    assert known.all() and values.shape == (2000, 3) and values.dtype == np.float64
    expected = np.array([[float(word) for word in line] for line in words])
    np.testing.assert_array_equal(values.view(np.int64), expected.copy().view(np.int64))
    assert np.signbit(values[expected == 0]).any()  # '-0.0' keeps its sign


def test_what_a_recorder_writes_is_usual():
    rng = np.random.default_rng(1)
    joints = rng.uniform((-2, -1, 0.5), (2, 1, 5), (3000, 3)).astype(np.float32)
    words = [[f'{value:.7G}' for value in joint] for joint in joints.tolist()]
    values, known = read([' '.join(line) for line in words])
    assert known.mean() > 0.99
    np.testing.assert_array_equal(values[known], np.array(words, float)[known])


@pytest.mark.parametrize('line', [
    '0.1 0.2 1E-05', '0.1 0.2 12.5', '0.1 25 0.2', '0.1 0.2 .5', '0.1 0.2 5.', '0.1 0.2 -.5',
    '0.1 0.2 +0.5', '0.1 0.2 --0.5', '0.1 0.2 0.1234567891', '0.1 0.2 0.123456789012345',
    '0.1 0.2 0.00000000000000000001', '0.1  0.2 0.3', ' 0.1 0.2 0.3', '0.1\t0.2 0.3', '0.1 nan 0.3',
    '0.1 inf 0.3', '0.1 0.2 0,3', '0.1 0.2 0.3:', '0.1 0.2 0.3/4', '0.1 0.2 :.3', '0.1 0.2 /.3',
    '0.1 0.2 0.3\r', '0.1 0.2', '0.1', '', '- 0.2 0.3', '0.1 0.2 0.3\x00', '0.1 0.2 0.1_2',
    '0.1 0.2 0.2\xb3', '0.1 0.2 0.\x80\x8a', 'x' * 200,
    # Many words fit, the last of them only without its end.
    f'{"0" * 25} {"0" * 24} 0.1234567890', f'{"0" * 50} 0.12345678901 0.5'])
def test_unusual_lines_are_left_to_others(line):
    values, known = read(['0.5 -0.25 1.75', line, '2.5 3.5 -4.5'])
    assert known.tolist() == [True, False, True]
    assert values[0].tolist() == [0.5, -0.25, 1.75] and values[2].tolist() == [2.5, 3.5, -4.5]


@pytest.mark.parametrize('after', [' \n', ' 1\n', REST + '\n'])
@pytest.mark.parametrize('before', ['', 'x', 'x' * 15, 'x' * 16])
def test_lines_at_both_ends_of_the_text(before, after):
    values, known = read(['-0.5 1.25 -2.125'], before, after)
    assert known.all() and values.tolist() == [[-0.5, 1.25, -2.125]]


@pytest.mark.parametrize('digits', range(1, 60))
def test_long_words_are_never_taken_for_their_beginnings(digits):
    long = '0.' + '0' * (digits - 1) + '5'
    values, known = read([f'1.5 0.25 {long}', f'1.5 {long} 0.25', f'{long} 1.5 0.25',
                          f'{long} {long} {long}'])
    assert known.tolist() == [digits < 15] * 4
    if digits < 15:
        assert values[3].tolist() == [float(long)] * 3

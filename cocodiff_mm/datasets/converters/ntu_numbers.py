"""Decimal numbers at the start of many lines of text, all lines at once."""

import numpy as np

# Bytes of a line in which three numbers and the spaces after them are looked for. The three highest
# bits stand for spaces that are not there: a number that ends with them is too long to be usual.
# Words are read from this far before and after the start of a line.
_WINDOW, _SENTINELS = 64, np.uint64(7 << 61)
_BEFORE, _AFTER = 8, 72
_SIGN = np.uint64(63)
# Digits after the point; a number without its minus has two bytes more.
_MOST = 14
_LENGTHS = range(_MOST + 4)


def _word(*low_bytes: int, above: int = 0) -> np.uint64:
    """Word of bytes that are given from the lowest on."""
    return np.uint64(int.from_bytes(bytes(low_bytes).ljust(8, bytes([above])), 'little'))


_ZEROS, _LOWEST = _word(above=ord('0')), _word(0xFF)
# Tables by the length of a number without its minus. What is fixed in its first eight bytes: the
# point, and the zeros before the last eight digits; an empty mask, of other lengths, fits none.
_MASKS = np.array([_word(0, 0xFF, *[0xFF] * max(length - 10, 0)) if 2 < length < _LENGTHS[-1]
                   else _word() for length in _LENGTHS])
_POINT = _word(0, ord('.') ^ ord('0'))
_SHIFTS = np.array([64 - 8 * min(max(length - 2, 1), 8) for length in _LENGTHS], np.uint64)
_POWERS = np.array([10**max(length - 2, 0) for length in _LENGTHS], np.uint64)
# Adding 0x76 lifts all above 9 into a byte's top bit.
_ABOVE_9, _TOP = _word(above=0x76), _word(above=0x80)
_PAIRS = tuple((np.uint64(mask), np.uint64(factor), np.uint64(bits)) for mask, factor, bits in (
    (0x0F0F0F0F0F0F0F0F, 10 << 8 | 1, 8),
    (0x00FF00FF00FF00FF, 100 << 16 | 1, 16),
    (0x0000FFFF0000FFFF, 10000 << 32 | 1, 32)))


def leading_numbers(data: bytes, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read the first three numbers of lines, as far as they are written in the usual way.

    Usual is one digit, a point and 1 to 14 digits, zeros but for the last eight, with or without a
    minus, followed by one space: nearly everything in a Kinect recording. Values are those of
    ``float``: the number without its point and the power of ten are integers that a float64 holds
    exactly, so that only their quotient is rounded.

    Args:
        data (bytes): Text.
        starts (np.ndarray): Where the lines start in it, int64, shape (L,), L > 0.

    Returns:
        tuple[np.ndarray, np.ndarray]: Values, float64, shape (L, 3), and whether the line was
        read, bool, shape (L,); the values of other lines mean nothing.
    """
    if starts.min() < _BEFORE or starts.max() > len(data) - _AFTER:
        data, starts = bytes(_BEFORE) + data + bytes(_AFTER), starts + _BEFORE
    ends = _token_ends(data, starts)
    begins = np.empty_like(ends)
    begins[0] = starts
    np.add(ends[:2], 1, out=begins[1:])
    negative = np.frombuffer(data, np.uint8)[begins] == ord('-')
    begins += negative
    # The eight bytes from every place on as one word, the first byte lowest.
    words = np.ndarray(len(data) - 7, '<u8', data, strides=(1, ))
    head = words[begins]
    head ^= _ZEROS
    lengths = ends - begins
    ends -= 8
    number, known = _last_digits(words[ends], _SHIFTS.take(lengths, mode='clip'))
    known &= (head & _MASKS.take(lengths, mode='clip')) == _POINT
    head &= _LOWEST
    known &= head < 10
    scale = _POWERS.take(lengths, mode='clip')
    head *= scale
    number += head
    values = number / scale
    bits = values.view(np.uint64)
    bits |= np.left_shift(negative, _SIGN, dtype=np.uint64)
    return values.T, known[0] & known[1] & known[2]


def _token_ends(data: bytes, starts: np.ndarray) -> np.ndarray:
    """Places of the first three spaces of lines, shape (3, L)."""
    windows = np.ndarray(len(data) - _WINDOW + 1, f'V{_WINDOW}', data, strides=(1, ))[starts]
    # One bit per byte of a window, the first lowest: set where there is a space.
    spaces = np.packbits(windows.view(np.uint8) == ord(' '), bitorder='little').view('<u8')
    spaces |= _SENTINELS
    lowest = np.empty((3, len(starts)), np.uint64)
    for bit in lowest:
        np.negative(spaces, out=bit)
        bit &= spaces
        spaces ^= bit
    # The exponent of a float64 is the logarithm of a power of two.
    ends = lowest.astype(np.float64).view(np.int64) >> 52
    ends += starts - 1023
    return ends


def _last_digits(words: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integer in the bytes of words above ``shifts`` bits, and whether all of them are digits.

    Neighbouring digits become numbers below 100, these become numbers below 10000, and so on: the
    method of D. Lemire, "Quickly parsing eight digits" (2018). ``words`` are overwritten.
    """
    words ^= _ZEROS
    words >>= shifts
    words <<= shifts
    high = words + _ABOVE_9
    high |= words
    high &= _TOP
    for mask, factor, bits in _PAIRS:
        words &= mask
        words *= factor
        words >>= bits
    return words, high == 0

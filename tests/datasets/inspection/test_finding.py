import pytest

from cocodiff_mm.datasets.inspection.finding import (
    NOTE,
    OK,
    PROBLEM,
    Finding,
    count,
    format_findings,
    judge,
    listed,
    share,
)

GOOD = Finding(OK, 'lengths', '10 to 20 frames')
NOTED = Finding(NOTE, 'copies', 'two clips twice', 'nothing to do', 'a, b')
BAD = Finding(PROBLEM, 'numbers', 'NaN in 1 clip', 'convert again', 'clip3')


def leak(protocol):
    return Finding(PROBLEM, 'leaks', f'{protocol}: 5 of 10 test clips', protocol=protocol)


@pytest.mark.parametrize('findings, protocols, ready, text', [
    ([GOOD], ['xsub'], True, 'Ready to train.'),
    ([GOOD, NOTED], ['xsub'], True, 'Ready to train (read the 1 note first).'),
    ([GOOD, BAD], ['xsub'], False, 'Do not train on this: NaN in 1 clip.'),
    ([leak('xsub'), BAD], ['xsub'], False, 'Do not train on this: NaN in 1 clip (and 1 more '
     'problem).'),
    ([leak('xsub')], ['xsub'], False, 'Do not train on this: xsub: 5 of 10 test clips.'),
    ([leak('b')], ['a', 'b', 'c'], True, 'Ready to train with split a, c. Do not train with split '
     'b: see the problem above.'),
    ([leak('a'), leak('b')], ['a', 'b'], False, 'Do not train on this: a: 5 of 10 test clips (and '
     '1 more problem).'),
    ([BAD], [], False, 'Do not train on this: NaN in 1 clip.'),
])
def test_verdict(findings, protocols, ready, text):
    verdict = judge(findings, protocols)
    assert (verdict.ready, verdict.text) == (ready, text)


def test_the_worst_is_printed_last():
    assert format_findings([BAD, NOTED, GOOD]).splitlines() == [
        'OK       lengths: 10 to 20 frames',
        'note     copies: two clips twice: a, b',
        '         -> nothing to do',
        'PROBLEM  numbers: NaN in 1 clip: clip3',
        '         -> convert again']


def test_numbers_in_words():
    assert count(1, 'clip') == '1 clip' and count(1484, 'clip') == '1,484 clips'
    assert count(2, 'class') == '2 classes'
    assert share(95, 464, 'test clip') == '95 of 464 test clips (20.5 %)'
    assert share(1, 100000, 'clip') == '1 of 100,000 clips (0.001 %)'
    assert listed('abc', 2) == 'a, b and 1 more' and listed([]) == '' and listed('ab', 2) == 'a, b'

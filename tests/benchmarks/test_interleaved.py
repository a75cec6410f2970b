import importlib

import pytest


@pytest.fixture
def interleaved(repo_root, monkeypatch):
    monkeypatch.syspath_prepend(repo_root / 'benchmarks')
    return importlib.import_module('interleaved')


def test_pieces_take_turns_and_the_first_round_does_not_count(interleaved):
    calls, ticks = [], []
    times = interleaved.measure({name: lambda name=name: calls.append(name) for name in 'ab'}, 2,
                                lambda: ticks.append(len(calls)))
    assert calls == list('ababab') and ticks == [1, 2, 3, 4, 5, 6]
    assert {name: len(seconds) for name, seconds in times.items()} == dict(a=2, b=2)


def test_ratios_are_those_of_the_rounds(interleaved):
    # The second round was disturbed: it doubles both times, and leaves their ratio.
    found = interleaved.ratio([3., 6., 4., 3.], [1., 2., 1., 1.])
    assert found == dict(median=3., low=3., high=3.25)
    assert interleaved.spread([2.]) == dict(median=2., low=2., high=2.)

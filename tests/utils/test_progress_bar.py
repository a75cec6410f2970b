import os
import pty

import pytest

from cocodiff_mm.utils.progress_bar import ProgressBar


def run(progress):
    for done in range(1, 4):
        progress.update(done)
    progress.close()


def test_log_lines_where_nobody_watches(capsys):
    run(ProgressBar(3))
    shown = capsys.readouterr().err
    assert 'clips: 3/3  eta: 0:00:00' in shown and '\r' not in shown and '\x1b' not in shown


def test_it_says_what_is_done(capsys):
    run(ProgressBar(3, what='answers'))
    assert 'answers: 3/3' in capsys.readouterr().err


def test_a_bar_with_the_time_left_on_a_terminal(monkeypatch):
    ours, theirs = pty.openpty()
    with open(theirs, 'w') as terminal:
        monkeypatch.setattr('sys.stderr', terminal)
        monkeypatch.setenv('TERM', 'xterm')
        run(ProgressBar(3))
        shown = os.read(ours, 100_000).decode()
    assert '3/3' in shown and '0:00:0' in shown and '\x1b' in shown


@pytest.mark.parametrize('total', [0, 3])
def test_silence_on_demand(capsys, total):
    run(ProgressBar(total, show=False))
    assert capsys.readouterr() == ('', '')

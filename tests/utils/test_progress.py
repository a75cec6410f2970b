import logging
import re

from cocodiff_mm.utils import progress
from cocodiff_mm.utils.progress import ProgressLog


def test_logs_progress_pace_and_eta(caplog, monkeypatch):
    clock = iter(float(second) for second in range(0, 1000, 4))
    monkeypatch.setattr(progress.time, 'monotonic', lambda: next(clock))
    with caplog.at_level(logging.INFO):
        log = ProgressLog(logging.getLogger('progress'), 'features', total=100, seconds=10)
        for done in range(1, 101):
            log.update(done, 'loss: 1')
    lines = [record.message for record in caplog.records]
    assert re.fullmatch(r'features: 3/100  eta: 0:06:28  time: 4 s each  loss: 1', lines[0])
    assert 'eta: 0:00:00' in lines[-1] and lines[-1].startswith('features: 100/100')
    assert len(lines) < 40, 'not a line for every unit'


def test_a_resumed_run_s_pace_counts_only_its_own_work(caplog, monkeypatch):
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr(progress.time, 'monotonic', lambda: next(clock))
    with caplog.at_level(logging.INFO):
        log = ProgressLog(logging.getLogger('progress'), 'x', total=100, seconds=0)
        log.update(91)
    assert 'eta: 0:01:30' in caplog.records[0].message

import threading

from cocodiff_mm.text.generation.rate import Rate


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self):
        self.now, self.lock = 1000.0, threading.Lock()

    def __call__(self):
        with self.lock:
            return self.now

    def sleep(self, seconds):
        assert seconds > 0
        with self.lock:
            self.now += seconds


def test_a_burst_then_a_minute_from_start_to_start():
    clock = Clock()
    rate = Rate(3, clock, clock.sleep)
    starts = []
    for _ in range(8):
        rate.wait()
        starts.append(clock() - 1000)
        clock.now += 5
    assert starts == [0, 5, 10, 60, 65, 70, 120, 125]


def test_slow_requests_never_wait():
    clock = Clock()
    rate = Rate(2, clock, clock.sleep)
    for step in range(10):
        clock.now = 1000.0 + 31 * step
        rate.wait()
        assert clock() == 1000.0 + 31 * step


def test_many_threads_share_one_rate():
    """With a clock that stands still, what each thread is told to sleep is its start."""
    slept = []
    rate = Rate(4, lambda: 0.0, slept.append)
    threads = [threading.Thread(target=rate.wait) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    starts = sorted(slept)
    assert starts == [60.0 * (1 + i // 4) for i in range(36)]

import os
import signal
import threading
import time

import pytest

from cocodiff_mm.text.generation.askers import Askers


def test_as_many_at_a_time_as_said():
    together, most, lock = 0, 0, threading.Lock()

    def ask(question):
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.02)
        with lock:
            together -= 1
        return question * 2

    askers = Askers(ask, 3)
    for question in range(12):
        askers.put(question)
    assert sorted(askers.get() for _ in range(12)) == [(i, 2 * i) for i in range(12)]
    assert most == 3
    askers.stop()


def test_what_goes_wrong_is_raised_where_answers_are_collected():
    asked = []

    def ask(question):
        asked.append(question)
        return 1 // question

    askers = Askers(ask, 1)
    for question in (1, 0, 1, 1):
        askers.put(question)
    assert askers.get() == (1, 1)
    with pytest.raises(ZeroDivisionError):
        askers.get()
    askers.stop()
    time.sleep(0.02)
    assert asked == [1, 0]


def test_nothing_is_asked_after_the_stop():
    asked, go_on = [], threading.Event()

    def ask(question):
        asked.append(question)
        go_on.wait(10)

    askers = Askers(ask, 2)
    for question in range(6):
        askers.put(question)
    while len(asked) < 2:
        time.sleep(0.001)
    askers.stop()
    go_on.set()
    time.sleep(0.05)
    assert sorted(asked) == [0, 1]


def test_ctrl_c_comes_behind_the_answers_that_are_there():
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    slow = threading.Event()
    askers = Askers(lambda question: question if question < 2 else slow.wait(10), 1)
    for question in range(3):
        askers.put(question)
    try:
        with askers.interruptible():
            first = askers.get()
            while askers._answers.empty():
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)
            assert (first, askers.get()) == ((0, 0), (1, 1))
            with pytest.raises(KeyboardInterrupt):
                askers.get()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        askers.stop()
        slow.set()
        signal.signal(signal.SIGINT, before)


def test_a_program_that_ignores_ctrl_c_goes_on_doing_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    askers = Askers(lambda question: question, 1)
    try:
        with askers.interruptible():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        askers.stop()
        signal.signal(signal.SIGINT, before)

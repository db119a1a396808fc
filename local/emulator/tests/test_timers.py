"""Timers that share one thread."""

from __future__ import annotations

import threading
import time

from conftest import wait_until
from process_emulator.timers import SharedTimer


def test_timers_ring_in_the_order_in_which_they_are_due() -> None:
    rang: list[str] = []
    late, soon = SharedTimer(0.3, lambda: rang.append("late")), SharedTimer(0.1, lambda: rang.append("soon"))

    late.start()
    soon.start()

    assert wait_until(lambda: rang == ["soon", "late"], 5)


def test_a_cancelled_timer_does_not_ring_and_another_may_take_its_place() -> None:
    rang = threading.Event()
    timer = SharedTimer(0.1, rang.set)
    timer.cancel()
    timer.start()
    timer.cancel()

    assert not rang.wait(0.3)
    timer.start()
    assert rang.wait(5)


def test_a_function_that_takes_long_does_not_hold_up_others() -> None:
    goes_on, rang = threading.Event(), threading.Event()
    slow, other = SharedTimer(0, goes_on.wait), SharedTimer(0.05, rang.set)

    slow.start()
    other.start()

    assert rang.wait(5)
    goes_on.set()


def test_thousands_of_timers_are_one_thread() -> None:
    timers = [SharedTimer(600, lambda: None) for _ in range(5_000)]
    before = threading.active_count()

    for timer in timers:
        timer.start()
    time.sleep(0.05)

    assert threading.active_count() <= before + 1
    for timer in timers:
        timer.cancel()

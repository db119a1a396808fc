"""Timers that share one thread.

LocalStack gives every idle environment a timer after each invocation, and each timer is a thread that is started, and
ended before the next invocation.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class SharedTimer:
    """As `threading.Timer`: calls the function, from a thread of its own, unless it is cancelled before."""

    def __init__(self, interval: float, function: Callable[[], Any]) -> None:
        self._interval = interval
        self._function = function
        self._due = 0.0

    def start(self) -> None:
        """Call the function after the interval."""
        self._due = time.monotonic() + self._interval
        _CLOCK.add(self)

    def cancel(self) -> None:
        """Do not call it; may be called at any time."""
        _CLOCK.discard(self)

    @property
    def due(self) -> float:
        """When the interval has passed, by the monotonic clock."""
        return self._due

    def ring(self) -> None:
        """Call the function, which may take long: an environment is stopped."""
        threading.Thread(target=self._function, daemon=True, name="timer").start()


class _Clock:
    """The timers that were started and are neither cancelled nor due."""

    def __init__(self) -> None:
        self._timers: set[SharedTimer] = set()
        self._changed = threading.Condition()
        self._next_look = math.inf
        self._thread: threading.Thread | None = None

    def add(self, timer: SharedTimer) -> None:
        with self._changed:
            self._timers.add(timer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="timers")
                self._thread.start()
            # Almost never: a timer that is started later is due later.
            if timer.due < self._next_look:
                self._changed.notify()

    def discard(self, timer: SharedTimer) -> None:
        with self._changed:
            self._timers.discard(timer)

    def _run(self) -> None:
        while True:
            for timer in self._next_due():
                timer.ring()

    def _next_due(self) -> set[SharedTimer]:
        """Wait for timers, and take those that are due."""
        with self._changed:
            self._next_look = min((timer.due for timer in self._timers), default=math.inf)
            seconds = self._next_look - time.monotonic()
            self._changed.wait(None if math.isinf(seconds) else max(0.0, seconds))
            now = time.monotonic()
            due = {timer for timer in self._timers if timer.due <= now}
            self._timers -= due
            return due


_CLOCK = _Clock()


def share_timers() -> None:
    """Put these into LocalStack's environments; call it before there is one."""
    from localstack.services.lambda_.invocation import execution_environment  # noqa: PLC0415

    execution_environment.Timer = SharedTimer

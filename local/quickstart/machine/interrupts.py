"""Ctrl-C: it ends a command with exit code 130, but never in the middle of a write that must be whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_CODE = 130
"""The exit code of a program that Ctrl-C ended, as shells give it."""


@contextmanager
def held_back() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, and raise `KeyboardInterrupt` there if it came."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt

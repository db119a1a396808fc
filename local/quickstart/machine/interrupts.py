"""Ctrl-C: it ends a command with exit code 130, and never in the middle of what must be whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_CODE = 130
"""What shells give a program that Ctrl-C has ended."""


@contextmanager
def held_back() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block.

    Raises
    ------
    KeyboardInterrupt
        At the end, if it came meanwhile.
    """
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

"""Work that goes on at the same time: if one part fails, or Ctrl-C comes, the others end too."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def at_once() -> Iterator[ThreadPoolExecutor]:
    """Give threads for commands; if the block fails, end the commands that are still running, and wait for them."""
    with ThreadPoolExecutor() as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _end_commands()
            raise


def _end_commands() -> None:
    """End what this process has started, but not the emulator, which has a session of its own.

    The threads wait for their commands: nothing here may take an exit code from them.
    """
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(child.pid) == os.getsid(0):
                child.terminate()

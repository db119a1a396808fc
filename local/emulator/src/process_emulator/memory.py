"""The memory limit of functions: a process that holds more than its function's setting is killed, as on AWS.

A limit of the kernel would be on address space, of which Arrow and numpy reserve far more than they use. So what
processes really hold is looked at, while they work; one may go over its limit for the time between two looks.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_emulator.function_process import FunctionProcess

LOOK_SECONDS = 0.05
MEBIBYTE = 1024 * 1024
_HELD = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$", re.MULTILINE)
_PEAK = re.compile(rb"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def held_bytes(pid: int) -> int:
    """Return the memory that the process holds, 0 if it is gone.

    On Linux without mapped files, which the kernel can drop when memory is short; elsewhere the resident set.
    """
    if sys.platform == "linux":
        return sum(int(kibibytes) for kibibytes in _HELD.findall(_status(pid))) * 1024
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def peak_bytes(pid: int) -> int:
    """Return the largest resident set that the process had; where the system does not know, the present one."""
    if peak := _PEAK.search(_status(pid)):
        return int(peak[1]) * 1024
    return held_bytes(pid)


def _status(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return b""


class MemoryWatch:
    """Looks at the processes that work, from one thread, and kills those over their limit."""

    def __init__(self) -> None:
        self._limits: dict[FunctionProcess, int] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def limit(self, process: FunctionProcess, limit_bytes: int) -> Iterator[None]:
        """Hold the process to its limit inside the block."""
        with self._changed:
            self._limits[process] = limit_bytes
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, daemon=True, name="lambda-memory")
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._limits.pop(process, None)

    def _look(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._limits)
            time.sleep(LOOK_SECONDS)
            with self._changed:
                limits = list(self._limits.items())
            for process, limit_bytes in limits:
                held = held_bytes(process.pid) if process.running else 0
                process.seen_bytes = max(process.seen_bytes, held)
                if held > limit_bytes:
                    process.kill_for_memory()


MEMORY_WATCH = MemoryWatch()

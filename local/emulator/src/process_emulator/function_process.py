"""One process of a function: started in a sandbox, tied to the emulator's life, killed with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

KILL_SECONDS = 5


class FunctionProcess:
    """A running process in a session of its own; its output is appended to `output`.

    `on_exit` is called once, from another thread, when the process has ended for any reason.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], output: Path, on_exit: Callable[[], None]
    ) -> None:
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        self._on_exit = on_exit
        self._ended = threading.Event()
        self.out_of_memory = False
        self.seen_bytes = 0
        threading.Thread(target=self._wait, daemon=True, name="lambda-process").start()

    @property
    def pid(self) -> int:
        """The process, and its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return not self._ended.is_set()

    @property
    def return_code(self) -> int:
        """How the process ended: a negative code is the signal that killed it. Waits for the end."""
        self._ended.wait(KILL_SECONDS)
        return self._process.returncode

    def kill(self) -> None:
        """Kill the process with its group, and wait until it is gone."""
        if self.running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._ended.wait(KILL_SECONDS)

    def kill_for_memory(self) -> None:
        """Kill the process as the kernel kills one that uses too much memory."""
        self.out_of_memory = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _wait(self) -> None:
        self._process.wait()
        # The end of the pipe makes the shell that waits for it kill what the process started and left behind.
        if self._process.stdin:
            self._process.stdin.close()
        self._ended.set()
        self._on_exit()

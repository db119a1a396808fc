"""The log lines of an invocation: what the process wrote, between the lines that Lambda adds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from process_emulator.answer import TIMED_OUT

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Report:
    """What Lambda says of one invocation; memory in MB as Lambda counts it (2**20 bytes).

    `init_ms` is None unless a process was started for the invocation; `error_type` names an error that the service, not
    the function, answered.
    """

    request_id: str
    version: str
    duration_ms: float
    init_ms: float | None
    timeout_seconds: int
    memory_mb: int
    peak_mb: int
    error_type: str | None

    def start_line(self) -> str:
        """Return the line before the function's own."""
        return f"START RequestId: {self.request_id} Version: {self.version}"

    def end_lines(self) -> list[str]:
        """Return the lines after the function's own."""
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {math.ceil(self.duration_ms + (self.init_ms or 0))} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.peak_mb} MB",
        ]
        if self.init_ms is not None:
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        if self.error_type == TIMED_OUT:
            fields.append("Status: timeout")
        elif self.error_type:
            fields += ["Status: error", f"Error Type: {self.error_type}"]
        return [f"END RequestId: {self.request_id}", "\t".join(fields) + "\t"]


class Output:
    """The file that a process writes its output to, read piece by piece."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._collected = 0

    def collect(self, report: Report) -> str:
        """Return the lines of an invocation, with all that was written since the last one.

        What an initialization wrote comes after the START line, since the file does not tell where it ended.
        """
        written = self._uncollected()
        self._collected += len(written)
        lines = [report.start_line(), *written.decode("utf-8", "replace").splitlines()]
        if report.error_type == TIMED_OUT:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            lines.append(f"{now} {report.request_id} Task timed out after {report.timeout_seconds:.2f} seconds")
        return "\n".join([*lines, *report.end_lines()]) + "\n"

    def peek(self) -> str:
        """Return what was written and not collected yet."""
        return self._uncollected().decode("utf-8", "replace")

    def _uncollected(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(self._collected)
                return file.read()
        except FileNotFoundError:
            return b""

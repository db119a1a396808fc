"""The steps that go on, on a terminal: a line for each with its seconds and, if that is known, how far it is."""

import time
from collections.abc import Callable
from threading import Lock, RLock
from typing import Literal, NamedTuple

from rich.console import Console
from rich.filesize import decimal
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from local.quickstart.machine.terminal import can_draw, notices

type Unit = Literal["bytes", "files", "resources"]
_BAR_WIDTH = 20
_ROOMY = 70
"""From this width on, a bar has room beside a title."""


class HowFar(NamedTuple):
    """How far a step is: so many of all."""

    done: int
    total: int
    unit: Unit

    def __str__(self) -> str:
        """Return it in words: `3/44 resources`, `1.2 MB/8.0 MB`."""
        if self.unit == "bytes":
            return f"{decimal(self.done)}/{decimal(self.total)}"
        return f"{self.done:,}/{self.total:,} {self.unit}"


class Counted:
    """How far a step is that counts itself, from any thread."""

    def __init__(self, unit: Unit, total: int = 0) -> None:
        self._unit: Unit = unit
        self._done, self._total = 0, total
        self._lock = Lock()

    def expect(self, total: int) -> None:
        """Say how many there are, as soon as that is known."""
        self._total = total

    def add(self, count: int) -> None:
        """Count some more."""
        with self._lock:
            self._done += count

    def __call__(self) -> HowFar | None:
        """Return how far the step is; None before there is anything to count."""
        return HowFar(self._done, self._total, self._unit) if self._total else None


class _Line:
    """The line of a step, drawn again and again while the step goes on."""

    def __init__(self, title: str, how_far: Callable[[], HowFar | None]) -> None:
        self.title, self._how_far = title, how_far
        self._spinner, self._started = Spinner("dots"), time.monotonic()

    def draw(self, table: Table, *, with_bar: bool) -> None:
        """Add the line to a table."""
        far = self._how_far()
        bar = ProgressBar(far.total, far.done, width=_BAR_WIDTH) if far and with_bar else ""
        seconds = f"{time.monotonic() - self._started:.0f} s"
        title = Text.from_markup(f"{self.title} …", overflow="ellipsis")
        title.no_wrap = True
        table.add_row(self._spinner, title, bar, str(far) if far else "", f"[dim]{seconds}[/]")


class Going:
    """The lines of all steps that go on at the same time, in one place at the end of a terminal.

    Without a terminal each line is printed once, when its step begins.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[_Line] = []
        self._lock = RLock()
        self._live: Live | None = None

    def begin(self, title: str, how_far: Callable[[], HowFar | None]) -> _Line:
        """Show a step; `title` has marks of Rich."""
        line = _Line(title, how_far)
        with self._lock:
            self._lines.append(line)
            if not can_draw(self._console):
                self._console.print(f"{title} …")
            elif self._live is None:
                self._live = Live(console=self._console, transient=True, get_renderable=self._drawn)
                self._live.start()
            if self._live:
                self._live.refresh()  # now: a thread draws it only four times a second
        return line

    def end(self, line: _Line) -> None:
        """Take a step's line away."""
        with self._lock:
            self._lines.remove(line)
            if self._live and not self._lines:
                self._live.stop()
                self._live = None

    def _drawn(self) -> Table:
        # Without the lock: `stop` waits for the thread that draws.
        table = Table.grid(padding=(0, 1))
        for name in ("spinner", "title", "bar", "how far", "seconds"):
            table.add_column(no_wrap=name != "title")  # only the title is cut off on a narrow terminal
        for line in tuple(self._lines):
            line.draw(table, with_bar=self._console.width >= _ROOMY)
        return table


going = Going(notices)

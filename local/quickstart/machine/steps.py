"""The steps of a command: what the quickstart says while it works, and when a step fails."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from rich.markup import escape

from local.quickstart.machine.terminal import can_draw, notices

if TYPE_CHECKING:
    from local.quickstart.machine.going import HowFar

_TAIL_LINES = 15
_MOMENT_SECONDS = 0.2
_END_SECONDS = 5
_STOPPED = {-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM}
"""Exit codes of what a signal ended, and of programs like npm that say so of their own."""


class StepError(Exception):
    """Why a step failed: in words for the user, with the log that has more, and with facts for programs."""

    def __init__(self, why: str, log: Path | None = None, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(why)
        self.log = log
        self.facts = dict(facts or {})


class StoppedError(StepError):
    """A command was told to end: by Ctrl-C, or because another one failed meanwhile."""


_HOW = {KeyboardInterrupt: "interrupted", StoppedError: "stopped"}


@contextmanager
def step(title: str, how_far: "Callable[[], HowFar | None]" = lambda: None) -> Iterator[None]:
    """Show that a step goes on, and then that it is done or failed, with its seconds.

    Several threads may have steps at the same time.

    Parameters
    ----------
    how_far
        Is asked again and again how far the step is, and may not know; only on a terminal.
    """
    started = time.monotonic()
    title = escape(title)  # a file's name may look like markup
    try:
        with _shown(title, how_far):
            yield
    except BaseException as error:
        how = _HOW.get(type(error), "failed")
        notices.print(f"[red]✗[/] {title} {how} after {time.monotonic() - started:.1f} s")
        raise
    notices.print(f"[green]✓[/] {title} [dim]{time.monotonic() - started:.1f} s[/]")


@contextmanager
def waiting(title: str) -> Iterator[None]:
    """Show, on a terminal, what is waited for if it takes longer than a moment; no line stays of it."""
    if not can_draw(notices):
        yield
        return
    with ExitStack() as shown:
        moment = threading.Timer(_MOMENT_SECONDS, lambda: shown.enter_context(_shown(title)))
        moment.start()
        try:
            yield
        finally:
            moment.cancel()
            moment.join()


@contextmanager
def _shown(title: str, how_far: "Callable[[], HowFar | None]" = lambda: None) -> Iterator[None]:
    from local.quickstart.machine.going import going  # noqa: PLC0415 - most commands have no step

    line = going.begin(title, how_far)
    try:
        yield
    finally:
        going.end(line)


def end_of(log: Path) -> str:
    """Return the last lines of a log; nothing if it does not exist."""
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


def explain(error: StepError) -> None:
    """Print why a step failed, the end of its log, and the log's place."""
    notices.print(str(error), style="red", markup=False)
    if error.log and (tail := end_of(error.log)):
        for line in tail.splitlines():
            notices.print(f"  {line}", style="dim", markup=False)
        notices.print(f"The whole log: {error.log}")


def command(
    arguments: Sequence[str | Path], log: Path, why: str, *, cwd: Path, env: Mapping[str, str] | None = None
) -> None:
    """Run a command with its output in a log; if it fails, raise `StepError`: `why`, its exit code and the log."""
    with log.open("ab") as output:
        output.write(f"$ {' '.join(map(str, arguments))}\n".encode())
        output.flush()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env=env,
            )
        except OSError as error:
            raise StepError(f"{why}: {error}", log) from error
        try:
            exit_code = process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise
    if exit_code in _STOPPED:
        raise StoppedError(f"{why}: it was stopped", log)
    if exit_code:
        raise StepError(f"{why} (exit code {exit_code})", log)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all processes that it started; most of them got the same Ctrl-C."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        family = [root, *root.children(recursive=True)]
        for end in (psutil.Process.terminate, psutil.Process.kill):
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    end(member)
            _, family = psutil.wait_procs(family, timeout=_END_SECONDS)
    process.wait()

"""The terminal: results go to stdout; steps, notices and errors go to stderr.

So a pipe gets results and nothing else. Without a terminal there are no colours and nothing moves; with `NO_COLOR`
there are no colours either. A plain character replaces one that the terminal's encoding does not have.
"""

import codecs
import io
import json
import os
import sys
from collections.abc import Collection
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

# A pipe has no width, and its lines are not cut off.
_PIPE_WIDTH = 160
_BEYOND_ANY = 10_000
_PLAIN = {"✓": "+", "✗": "x", "…": "...", "—": "-", "→": "->", "█": "#", "▓": "=", "▒": "-", "░": "."}


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error("plain", _in_plain)
for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="plain")


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)  # a terminal wraps lines, a pipe gets whole ones
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


console = _console()
notices = _console(stderr=True)


def table_of(*names: str, right: Collection[str] = (), title: str | None = None) -> Table:
    """Return an empty table with these columns, some of them aligned on the right; no cell is wrapped."""
    table = Table(title=title, box=SIMPLE_HEAD)
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    return table


def show_table(table: Table) -> None:
    """Print a whole table; on a narrow terminal its lines go on in the next line."""
    whole = Measurement.get(console, console.options.update(max_width=_BEYOND_ANY), table).maximum
    Console(highlight=False, width=max(console.width, whole)).print(table)


def can_draw(console: Console) -> bool:
    """Return whether lines can be drawn again: on a terminal that moves its cursor."""
    return console.is_terminal and not console.is_dumb_terminal


def can_ask() -> bool:
    """Return whether somebody at a terminal can answer a question."""
    return sys.stdin.isatty()


def answer(document: object) -> None:
    """Print a JSON document on stdout."""
    print(json.dumps(document, indent=1))  # noqa: T201 - not Rich's: it would wrap lines


def answer_error(message: str, facts: dict[str, Any] | None = None) -> None:
    """Print an error as the one JSON document on stdout."""
    answer({"error": {"message": message, **(facts or {})}})

"""The terminal: what was asked for goes to stdout, what is said meanwhile and what went wrong to stderr.

So a pipe gets results and nothing else. Without a terminal there are no colours and nothing moves; with `NO_COLOR`
there are no colours either.
"""

import json
import os
import sys
from typing import Any

from rich.console import Console

# A pipe has no width of its own, and no line in it is cut off.
_PIPE_WIDTH = 160


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


console = _console()
notices = _console(stderr=True)


def can_ask() -> bool:
    """Tell whether somebody is there who could answer a question."""
    return sys.stdin.isatty()


def answer(document: object) -> None:
    """Print a JSON document on stdout."""
    print(json.dumps(document, indent=1))  # noqa: T201 - not Rich's: it would wrap lines


def answer_error(message: str, facts: dict[str, Any] | None = None) -> None:
    """Print an error as the one JSON document on stdout."""
    answer({"error": {"message": message, **(facts or {})}})

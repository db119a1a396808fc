"""How much of the functions' logs is kept: the last lines of each stream.

CloudWatch Logs keeps them for the days that their group says, and moto for ever: in memory, some kilobytes for each
request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.logs.models import LogStream

MOST_LINES = 2_000
"""Of one environment: some hundred invocations, or all of a long run."""


def keep_last_lines() -> None:
    """Let moto drop a stream's first lines when there are too many; call it before there is a stream."""
    from moto.logs.models import LogStream  # noqa: PLC0415 - moto's models load with their service

    put: Callable[[LogStream, list[dict[str, Any]]], str] = LogStream.put_log_events

    def put_and_drop(stream: LogStream, log_events: list[dict[str, Any]]) -> str:
        token = put(stream, log_events)
        del stream.events[:-MOST_LINES]
        return token

    LogStream.put_log_events = put_and_drop  # type: ignore[method-assign, assignment]

"""How much of the functions' logs is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.logs.models import LogGroup, LogStream

from process_emulator.kept_logs import MOST_LINES, keep_last_lines

if TYPE_CHECKING:
    import pytest

GROUP = "/aws/lambda/function"


def lines(first: int, count: int) -> list[dict[str, object]]:
    return [{"timestamp": 1_000, "message": str(number)} for number in range(first, first + count)]


def test_a_stream_keeps_its_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogStream, "put_log_events", LogStream.put_log_events)
    keep_last_lines()
    group = LogGroup("000000000000", "us-east-1", GROUP, tags=None)
    for name in ("busy", "other"):
        group.create_log_stream(name)

    group.put_log_events("other", lines(0, 3))
    for first in range(0, 5 * MOST_LINES, 7):
        group.put_log_events("busy", lines(first, 7))

    kept = group.streams["busy"].events
    assert len(kept) == MOST_LINES
    assert kept[-1].message == str(first + 6)
    assert len(group.streams["other"].events) == 3

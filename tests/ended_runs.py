"""Runs that have ended, as the API answers them."""

from typing import Any

from voucher_selection.domain.totals import Totals

HISTORY_SUMMARY: dict[str, Any] = {
    "rows": {"rows_read": 2, "other_country": 1, "rejected": {"malformed": 0}, "kept": 1},
    "known_files": 0,
    "outcome": "published",
    "version": "v",
    "served_version": "v",
}
ASSIGN_SUMMARY: dict[str, Any] = {"rows": 2, "assigned": 2, "problems": {}, "version": "v", "output": "s3://lake/x/"}


def run_of(summary: dict[str, Any], rows: Totals | None = None) -> dict[str, Any]:
    """Return a run that has ended, as the API answers it."""
    unknown = dict.fromkeys(("mode", "outcome", "error", "cause", "published", "request", "current"))
    return unknown | {
        "run_id": "run-1",
        "status": "SUCCEEDED",
        "started_at": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
        "shards": 0,
        "groups": 0,
        "states": [],
        "rows": rows and rows.model_dump(),
        "summary": summary,
    }

"""Runs, told: an execution of the state machine together with the `run.json` that it left."""

from datetime import UTC, datetime
from typing import Any

from local.quickstart.executions import Executions
from local.quickstart.record import Deployment
from local.quickstart.steps import StepError
from local.quickstart.workspace import Workspace
from voucher_selection.domain.errors import NoRun

_ROWS = ("rows_read", "other_country", "rejected", "kept", "amounts_rounded")
_MODEL = ("outcome", "version", "published", "served_version")


class Runs:
    """The runs of a deployment."""

    def __init__(self, workspace: Workspace, deployed: Deployment) -> None:
        self._executions = Executions(workspace, deployed)

    def latest(self, count: int) -> list[dict[str, Any]]:
        """Return the runs that were started last, the last one first."""
        return [self.told(listed.run_id) for listed in self._executions.latest(count)]

    def told(self, run_id: str) -> dict[str, Any]:
        """Return what there is to know of a run; what it has not, or not yet, is None.

        Returns
        -------
        `id`, `mode`, `status` (as Step Functions names it), `started_at` and `finished_at` (ISO 8601, UTC),
        `total_seconds`, `seconds` by state, `shards`, what became of its rows or customers, what became of its model,
        `error` and `cause`.

        Raises
        ------
        StepError
            There is no such run.
        """
        try:
            execution = self._executions.progress(run_id)
        except NoRun as error:
            raise StepError(f"{error}; ./quickstart runs lists them") from error
        summary = self._executions.summary(run_id)
        started, finished = execution.started_at.astimezone(UTC), execution.ended_at
        return {
            "id": run_id,
            "mode": _mode(execution.request),
            "status": execution.status,
            "started_at": started.isoformat(),
            "finished_at": finished.astimezone(UTC).isoformat() if finished else None,
            "total_seconds": round(((finished or datetime.now(UTC)) - started).total_seconds(), 3),
            "seconds": execution.seconds,
            "shards": execution.shards,
            **_rows_told(summary),
            **{name: summary.get(name) for name in _MODEL},
            "error": execution.error,
            "cause": execution.cause,
        }


def rows_per_second(run: dict[str, Any]) -> float | None:
    """Return how many rows a run read in a second of the whole of it; None where it read none."""
    return run["rows_read"] / run["total_seconds"] if run.get("rows_read") and run["total_seconds"] else None


def _mode(request: object) -> str | None:
    """Return the mode that an input asks for; None where it asks for nothing that could be one."""
    mode = request.get("mode") or "full" if isinstance(request, dict) else None
    return mode if isinstance(mode, str) else None


def _rows_told(summary: dict[str, Any]) -> dict[str, Any]:
    if summary.get("mode") == "assign":
        return {"customers": summary["rows"], "assigned": summary["assigned"], "problems": summary["problems"]}
    rows = summary.get("rows") or {}
    return {name: rows.get(name) for name in _ROWS} | {"striking_dates": summary.get("striking_dates")}

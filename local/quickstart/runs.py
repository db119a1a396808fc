"""Runs, told: an execution of the state machine together with the `run.json` that it left."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.quickstart.executions import Executions
from local.quickstart.record import Deployment
from local.quickstart.steps import StepError
from local.quickstart.workspace import Workspace

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

_ROWS = ("rows_read", "other_country", "rejected", "kept")
_MODEL = ("outcome", "version", "published", "served_version")


class Runs:
    """The runs of a deployment."""

    def __init__(self, workspace: Workspace, deployed: Deployment) -> None:
        self._executions = Executions(workspace, deployed)
        self._machine = deployed.state_machine_arn
        self._sfn: SFNClient = workspace.session.client("stepfunctions", endpoint_url=workspace.endpoint_url)

    def latest(self, count: int) -> list[dict[str, Any]]:
        """Return the runs that were started last, the last one first."""
        found = self._sfn.get_paginator("list_executions").paginate(stateMachineArn=self._machine)
        listed = [execution for page in found for execution in page["executions"]]
        listed.sort(key=lambda execution: execution["startDate"], reverse=True)
        return [self.told(execution["name"]) for execution in listed[:count]]

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
        described = self._described(run_id)
        progress, summary = self._executions.progress(run_id), self._executions.summary(run_id)
        started, stopped = described["startDate"].astimezone(UTC), described.get("stopDate")
        finished = stopped.astimezone(UTC) if stopped else None
        return {
            "id": run_id,
            "mode": _mode(described["input"]),
            "status": progress.status,
            "started_at": started.isoformat(),
            "finished_at": finished.isoformat() if finished else None,
            "total_seconds": round(((finished or datetime.now(UTC)) - started).total_seconds(), 3),
            "seconds": progress.seconds,
            "shards": progress.shards,
            **_rows_told(summary),
            **{name: summary.get(name) for name in _MODEL},
            "error": progress.error,
            "cause": progress.cause,
        }

    def _described(self, run_id: str) -> "DescribeExecutionOutputTypeDef":
        arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{run_id}"
        try:
            return self._sfn.describe_execution(executionArn=arn)
        except (self._sfn.exceptions.ExecutionDoesNotExist, self._sfn.exceptions.InvalidArn) as error:
            raise StepError(f"there is no run {run_id}; ./quickstart runs lists them") from error


def rows_per_second(run: dict[str, Any]) -> float | None:
    """Return how many rows a run read in a second of the whole of it; None where it read none."""
    return run["rows_read"] / run["total_seconds"] if run.get("rows_read") and run["total_seconds"] else None


def _mode(given: str) -> str | None:
    """Return the mode that an input asks for; None where it asks for nothing that could be one."""
    request = json.loads(given)
    mode = request.get("mode") or "full" if isinstance(request, dict) else None
    return mode if isinstance(mode, str) else None


def _rows_told(summary: dict[str, Any]) -> dict[str, Any]:
    if summary.get("mode") == "assign":
        return {"customers": summary["rows"], "assigned": summary["assigned"], "problems": summary["problems"]}
    rows = summary.get("rows") or {}
    return {name: rows.get(name) for name in _ROWS}

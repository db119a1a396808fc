"""Runs as the API answers them: how far an execution is, with the record that it left in the lake."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from voucher_selection.adapters.state_machine import message_of

if TYPE_CHECKING:
    from voucher_selection.adapters.catalog import Catalog
    from voucher_selection.adapters.run_records import RunRecords
    from voucher_selection.adapters.state_machine import Execution, ListedExecution, StateMachine

MOST_RUNS = 25


class ListedRun(TypedDict):
    """A run in a list.

    `seconds` is how long it took, or has run so far. `rows` (`totals.Totals`) counts the rows of a history, `customers`
    those of a run that assigns. `mode`, `outcome`, `version`, `rows`, `customers` and `error` are null where they are
    not known, or not yet.
    """

    run_id: str
    status: str
    started_at: str
    ended_at: str | None
    seconds: float
    mode: str | None
    outcome: str | None
    version: str | None
    rows: dict[str, Any] | None
    customers: int | None
    error: str | None


class ListedRuns(TypedDict):
    """The runs that started last, the last one first."""

    runs: list[ListedRun]


class StartedRun(TypedDict):
    """A run that has begun."""

    run_id: str


class StateReport(TypedDict):
    """A state that an execution has entered; `status` is `running`, `succeeded` or `failed`."""

    name: str
    status: str
    entered_at: str
    seconds: float | None


class RunReport(ListedRun):
    """A run with its input, its states, its shards, and why it failed.

    `groups` are those of its shards whose results are merged first; a run of one group has 0.
    `published` says whether the run made a version the served one, which a run that failed may have done; null while it
    runs. `summary` is its `run.json`, empty where it left none.
    """

    request: Any
    states: list[StateReport]
    current: str | None
    shards: int
    shards_done: int
    shards_failed: int
    groups: int
    groups_done: int
    cause: str | None
    published: bool | None
    summary: dict[str, Any]


def listed_runs(machine: "StateMachine", records: "RunRecords") -> list[ListedRun]:
    """Return the runs that started last, at most `MOST_RUNS`, the last one first."""
    executions = machine.executions(MOST_RUNS)
    summaries = records.summaries(execution.run_id for execution in executions)
    return [_listed(execution, summary or {}) for execution, summary in zip(executions, summaries, strict=True)]


def run_report(run_id: str, machine: "StateMachine", records: "RunRecords", catalog: "Catalog") -> RunReport:
    """Return a run, and how far it is; raise `NoRun` if no run has this id.

    For an execution that failed, was aborted or timed out, the catalog knows whether the run had published by then. Of
    a refresh that was held back, the execution succeeded, and the run's record has the error.
    """
    execution = machine.execution(run_id)
    summary = records.summary(run_id) or {}
    published = summary.get("published") if execution.status == "SUCCEEDED" else None
    if execution.ended and published is None:
        moved = catalog.moved_by(run_id)
        published = moved is not None
        summary = moved.model_dump(mode="json") if moved else summary
    return {
        **_listed(execution, {"request": execution.request} | summary),
        "request": execution.request,
        "states": [_state(execution, place) for place in range(len(execution.states))],
        "current": execution.current,
        "shards": execution.shards,
        "shards_done": execution.shards_done,
        "shards_failed": execution.shards_failed,
        "groups": execution.groups,
        "groups_done": execution.groups_done,
        "error": execution.error or summary.get("error"),
        "cause": execution.cause or _cause(summary),
        "published": published,
        "summary": summary,
    }


def _listed(execution: "Execution | ListedExecution", summary: Mapping[str, Any]) -> ListedRun:
    rows = summary.get("rows")
    return {
        "run_id": execution.run_id,
        "status": execution.status,
        "started_at": _text(execution.started_at),
        "ended_at": _text(execution.ended_at) if execution.ended_at else None,
        "seconds": round(((execution.ended_at or datetime.now(UTC)) - execution.started_at).total_seconds(), 3),
        "mode": summary.get("mode") or _mode_asked(summary),
        "outcome": summary.get("outcome"),
        "version": summary.get("version"),
        "rows": rows if isinstance(rows, dict) else None,
        "customers": rows if isinstance(rows, int) else None,
        "error": summary.get("error"),
    }


def _mode_asked(summary: Mapping[str, Any]) -> str | None:
    """Return the mode that the input of a run without a summary asks for."""
    request = summary.get("request")
    return str(request.get("mode") or "full") if isinstance(request, dict) else None


def _cause(summary: Mapping[str, Any]) -> str | None:
    """Return why a refresh was held back: its execution succeeds, and only the run's record has the cause."""
    return message_of(summary["cause"]) if "cause" in summary else None


def _state(execution: "Execution", place: int) -> StateReport:
    state = execution.states[place]
    failed = state.failed or (state.seconds is None and execution.ended)
    status = "failed" if failed else "running" if state.seconds is None else "succeeded"
    return {"name": state.name, "status": status, "entered_at": _text(state.entered_at), "seconds": state.seconds}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()

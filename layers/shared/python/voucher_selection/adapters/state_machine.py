"""The state machine: start executions, list them, and read how far each one is."""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from voucher_selection.contract.runs import MAPS, MERGE_SHARDS, STATES
from voucher_selection.domain.errors import NoRun

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_FAILED = {"TaskFailed", "TaskTimedOut", "LambdaFunctionFailed", "LambdaFunctionTimedOut", "MapRunFailed"}
_SUCCEEDED = {"TaskSucceeded", "LambdaFunctionSucceeded", "MapRunSucceeded"}


class ListedExecution(NamedTuple):
    """An execution in a list. `status` is Step Functions' name; `ended_at` is None while the execution runs."""

    run_id: str
    status: str
    started_at: datetime
    ended_at: datetime | None


class Standing(NamedTuple):
    """How an execution stands: Step Functions' name of its status, and its error with its message if it failed."""

    status: str
    error: str | None
    message: str


@dataclass(frozen=True)
class State:
    """A state that an execution has entered; `seconds` is None until the execution leaves it."""

    name: str
    entered_at: datetime
    seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True)
class Execution:
    """An execution, and how far it is.

    `status` is Step Functions' name: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`. `request` is the
    input, parsed; its text if it is not JSON. `states` are those of `STATES` that the execution has entered. The shards
    are those of its first map, and the groups those of the second one; 0 before the map begins.
    """

    run_id: str
    status: str
    request: Any
    started_at: datetime
    ended_at: datetime | None
    states: tuple[State, ...] = ()
    shards: int = 0
    shards_done: int = 0
    shards_failed: int = 0
    groups: int = 0
    groups_done: int = 0
    error: str | None = None
    cause: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the execution has ended."""
        return self.status != "RUNNING"

    def items(self, state: str) -> tuple[int, int] | None:
        """Return how many items the map of a state has, and how many are done; None if the state is no map."""
        if state == MERGE_SHARDS:
            return self.groups, self.groups_done
        return (self.shards, self.shards_done) if state in MAPS else None

    @property
    def current(self) -> str | None:
        """The state that the execution is in, or was in when it ended."""
        return self.states[-1].name if self.states else None

    @property
    def seconds(self) -> dict[str, float]:
        """The duration of each finished state, by name, in seconds."""
        return {state.name: state.seconds for state in self.states if state.seconds is not None}


class StateMachine:
    """The executions of one state machine."""

    def __init__(self, arn: str, client: "SFNClient") -> None:
        self._arn = arn
        self._client = client

    def start(self, request: Mapping[str, Any]) -> str:
        """Start an execution with this input; return its name, which is the run's id."""
        run_id = f"run-{secrets.token_hex(4)}"
        self._client.start_execution(stateMachineArn=self._arn, name=run_id, input=json.dumps(request))
        return run_id

    def start_as(self, run_id: str, request: Mapping[str, Any]) -> None:
        """Start an execution of this name, unless there is or was one: it is the same run."""
        with suppress(self._client.exceptions.ExecutionAlreadyExists):
            self._client.start_execution(stateMachineArn=self._arn, name=run_id, input=json.dumps(request))

    def standing(self, run_id: str) -> Standing | None:
        """Return how an execution stands, in one request; None if none has this name, or it ended 90 days ago."""
        try:
            described = self._client.describe_execution(executionArn=self._arn_of(run_id))
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        return Standing(described["status"], described.get("error"), message_of(described.get("cause", "")))

    def executions(self, most: int) -> list[ListedExecution]:
        """Return the last executions, the newest first, and not more than `most`."""
        found = self._client.list_executions(stateMachineArn=self._arn, maxResults=most)["executions"]
        listed = (ListedExecution(e["name"], e["status"], e["startDate"], e.get("stopDate")) for e in found)
        return sorted(listed, key=lambda execution: execution.started_at, reverse=True)

    def execution(self, run_id: str) -> Execution:
        """Return an execution; raise `NoRun` if none has this name. Step Functions forgets executions after 90 days."""
        arn = self._arn_of(run_id)
        try:
            described = self._client.describe_execution(executionArn=arn)
        except (self._client.exceptions.ExecutionDoesNotExist, self._client.exceptions.InvalidArn) as error:
            raise NoRun(f"run {run_id!r} does not exist, or ended more than 90 days ago") from error
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=arn, includeExecutionData=False
        )
        events = [event for page in pages for event in page["events"]]
        maps = [event["mapRunStartedEventDetails"]["mapRunArn"] for event in events if _starts_a_map(event)]
        shards, groups = (self._items(arn) for arn in (*maps, None, None)[:2])
        return Execution(
            run_id=run_id,
            status=described["status"],
            request=_parsed(described.get("input", "")),
            started_at=described["startDate"],
            ended_at=described.get("stopDate"),
            states=tuple(_states(events)),
            shards=shards.all,
            shards_done=shards.done,
            shards_failed=shards.failed,
            groups=groups.all,
            groups_done=groups.done,
            error=described.get("error"),
            cause=message_of(described["cause"]) if "cause" in described else None,
        )

    def _arn_of(self, run_id: str) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{run_id}"

    def _items(self, map_run: str | None) -> "_Items":
        if map_run is None:
            return _Items(0, 0, 0)
        counts = self._client.describe_map_run(mapRunArn=map_run)["itemCounts"]
        return _Items(counts["total"], counts["succeeded"], counts["failed"] + counts["timedOut"] + counts["aborted"])


class _Items(NamedTuple):
    """The items of a map."""

    all: int
    done: int
    failed: int


def _starts_a_map(event: "HistoryEventTypeDef") -> bool:
    return "mapRunStartedEventDetails" in event


def _states(events: "Iterable[HistoryEventTypeDef]") -> Iterator[State]:
    """Yield the states of `STATES` from an execution's history, which has one state after another."""
    current: State | None = None
    for event in events:
        if event["type"] in _FAILED | _SUCCEEDED and current:
            # After a retry, the last attempt decides whether the state failed.
            current = State(current.name, current.entered_at, failed=event["type"] in _FAILED)
        elif event.get("stateEnteredEventDetails", {}).get("name") in STATES:
            current = State(event["stateEnteredEventDetails"]["name"], event["timestamp"])
        elif "stateExitedEventDetails" in event and current:
            seconds = round((event["timestamp"] - current.entered_at).total_seconds(), 3)
            yield State(current.name, current.entered_at, seconds, current.failed)
            current = None
    if current:
        yield current


def message_of(cause: str) -> str:
    """Return the error's message from a state's `cause`: Lambda's cause is JSON that contains it."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


def _parsed(text: str) -> Any:  # noqa: ANN401 - an execution's input may be anything
    try:
        return json.loads(text)
    except ValueError:
        return text

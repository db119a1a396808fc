"""A deployment in moto for sequences of runs: the functions, and what the state machine and the inbox's events do."""

import json
from datetime import datetime
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from benchmarks.states.models import Settings
from benchmarks.states.place import Answer, Ended
from tests.environment import BUCKET, STATE_MACHINE, TABLE, function_environment
from tests.integration.conftest import CONTEXT, SECOND, STARTED, Api, Pipeline, ask_what_if, load_handler
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.state_machine import Standing
from voucher_selection.adapters.stores import s3_client
from voucher_selection.api.problems import problem_of
from voucher_selection.domain.errors import VoucherSelectionError

# No run of a sequence is held back that does not name a threshold.
NO_GATE = dict.fromkeys(
    ["most_malformed_share", "most_rejected_rise", "least_kept_rows", "most_lost_segments", "least_support_of_change"]
)
_OF_MODEL_ALONE = {"remodel", "rollback", "approve"}


class MotoPlace:
    """A `benchmarks.states.place.Place`: the state machine without its retries, one run after the other."""

    has_model = False
    bucket = BUCKET

    def __init__(self, settings: Settings, patch: pytest.MonkeyPatch) -> None:
        environment = function_environment(
            countries=settings.countries,
            cur_date=datetime.fromisoformat(settings.cur_date).date(),
            null_dates=tuple(datetime.fromisoformat(day).date() for day in settings.null_dates),
            fallback=settings.fallback,
            least_support=settings.least_support,
            kept_versions=settings.kept_versions,
            inbox=True,
            inbox_overlap=settings.inbox_overlap,
            shard_target_rows=4,
            shards_per_merge=2,
            **NO_GATE,
        )
        for name, value in (environment | {"SEGMENTS": json.dumps(settings.segments)}).items():
            patch.setenv(name, value)
        self.s3 = s3_client()
        self._pipeline = Pipeline(Lake(BUCKET, self.s3), overlap=None)
        self._api = Api()
        self._runs = 0
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self._standings: dict[str, Standing] = {}
        self._inbox = load_handler("inbox")
        inbox = self._inbox._inbox(STATE_MACHINE)._replace(machine=self)
        patch.setattr(self._inbox, "_inbox", lambda _: inbox)
        patch.setattr("voucher_selection.adapters.inbox_lease._PAUSE", datetime.resolution)

    def run(self, request: dict[str, Any]) -> Ended:
        self._runs += 1
        return self._ended(f"run-{self._runs}", request)

    def settle(self, name: str) -> dict[str, Any]:
        self._tell()
        while self._waiting:
            run_id, request = self._waiting.pop(0)
            self._ended(run_id, request)
            self._tell(ended=run_id)
            self._standings[run_id] = Standing("SUCCEEDED", None, "")
        return self._read(f"inbox-results/{name}.json")

    def ask(self, path: str, body: str | None = None) -> Answer:
        if path == "what_if":
            return _what_if(json.loads(body or "{}"))
        headers = {"Content_Type": "application/json"} if body is not None else {}
        answer = self._api("GET" if body is None else "POST", f"/{path}", body, **headers)
        return Answer(answer.status, answer.json)

    def start_as(self, run_id: str, request: dict[str, Any]) -> None:
        """Start a run of the inbox, as `StateMachine` does."""
        if run_id not in self._standings:
            self._waiting.append((run_id, request))
            self._standings[run_id] = Standing("RUNNING", None, "")

    def standing(self, run_id: str) -> Standing | None:
        """Return where a run of the inbox stands."""
        return self._standings.get(run_id)

    def _ended(self, run_id: str, request: dict[str, Any]) -> Ended:
        self._starts = getattr(self, "_starts", 0) + 1
        started = STARTED + self._starts * SECOND
        try:
            self._through_the_states(run_id, request, started)
        except VoucherSelectionError as error:
            failed = type(error).__name__
            record = {"run_id": run_id, "status": "failed", "request": request, "started_at": started.isoformat()}
            record |= {"error": failed, "cause": json.dumps({"errorMessage": str(error)})}
            self.s3.put_object(Bucket=BUCKET, Key=RunKeys(run_id).summary, Body=json.dumps(record))
            return Ended(run_id, failed, {})
        return Ended(run_id, None, self._read(RunKeys(run_id).summary))

    def _through_the_states(self, run_id: str, request: dict[str, Any], started: datetime) -> None:
        mode = request.get("mode", "full")
        if mode in _OF_MODEL_ALONE:
            self._pipeline.sum_up(run_id, request, started)
            return
        planned = self._pipeline.ingest(run_id, request, started)
        (self._pipeline.assign if mode == "assign" else self._pipeline.clean)(planned)
        self._pipeline.merge(planned)
        self._pipeline.model(run_id)

    def _tell(self, **event: Any) -> None:
        self._inbox.lambda_handler({"state_machine_arn": STATE_MACHINE, **event}, CONTEXT)

    def _read(self, key: str) -> dict[str, Any]:
        return json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def empty_stores() -> None:
    """Remove what an earlier sequence left."""
    client = s3_client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for found in page.get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=found["Key"])
    dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE].items.clear()


def _what_if(request: dict[str, Any]) -> Answer:
    """Answer as the API does, for which Lambda calls the function."""
    try:
        return Answer(200, ask_what_if(**request))
    except VoucherSelectionError as error:
        problem = problem_of(error)
        return Answer(problem.status, {"code": problem.code})

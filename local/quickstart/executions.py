"""Executions of the state machine: started, followed, and told."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.quickstart.record import Deployment
from local.quickstart.workspace import REGION, Workspace

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.type_defs import HistoryEventTypeDef

# Those that work; the others choose and record.
STATES = ("Ingest", "CleanShards", "AssignShards", "Model")
# The maps, each with the folder where a shard that is done has left its totals.
MAPS = {"CleanShards": "staging/run_id={}/totals/", "AssignShards": "production/run_id={}/voucher_totals/"}
_POLL_SECONDS = 0.25


@dataclass
class Progress:
    """How far an execution is.

    Attributes
    ----------
    status
        As Step Functions names it: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    seconds
        How long each state took that has ended.
    current
        The state it is in, or was in when it ended.
    shards, shards_done
        Of the manifest; 0 before it is planned.
    error, cause
        Of an execution that failed.
    """

    status: str
    seconds: dict[str, float] = field(default_factory=dict)
    current: str | None = None
    shards: int = 0
    shards_done: int = 0
    error: str | None = None
    cause: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the execution is over."""
        return self.status != "RUNNING"


class Executions:
    """The executions of a deployment's state machine."""

    def __init__(self, workspace: Workspace, deployment: Deployment) -> None:
        self._deployment = deployment
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)  # noqa: S106
        config = Config(retries={"mode": "standard", "max_attempts": 3})
        self._sfn: SFNClient = session.client("stepfunctions", endpoint_url=workspace.endpoint_url, config=config)
        self.s3: S3Client = session.client("s3", endpoint_url=workspace.endpoint_url, config=config)

    def start(self, request: Mapping[str, Any]) -> str:
        """Start an execution with what it is asked, less what is None; return its name, which is the run's id."""
        given = {key: value for key, value in request.items() if value is not None}
        name = f"run-{secrets.token_hex(4)}"
        machine = self._deployment.state_machine_arn
        self._sfn.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))
        return name

    def follow(self, run_id: str) -> Iterator[Progress]:
        """Yield the progress of an execution until it has ended; the last one tells how."""
        while not (progress := self.progress(run_id)).ended:
            yield progress
            time.sleep(_POLL_SECONDS)
        yield progress

    def progress(self, run_id: str) -> Progress:
        """Return how far an execution is."""
        arn = f"{self._deployment.state_machine_arn.replace(':stateMachine:', ':execution:')}:{run_id}"
        described = self._sfn.describe_execution(executionArn=arn)
        progress = Progress(described["status"], error=described.get("error"), cause=_message(described.get("cause")))
        pages = self._sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
        _read_history((event for page in pages for event in page["events"]), progress)
        for name, folder in MAPS.items():
            if progress.current == name or (progress.status == "SUCCEEDED" and name in progress.seconds):
                progress.shards_done = self._count(folder.format(run_id))
        return progress

    def last(self) -> str | None:
        """Return the name of the execution started last; None before the first."""
        found = self._sfn.list_executions(stateMachineArn=self._deployment.state_machine_arn)["executions"]
        return max(found, key=lambda execution: execution["startDate"])["name"] if found else None

    def summary(self, run_id: str) -> dict[str, Any]:
        """Return the `run.json` of a run; empty where it has none."""
        try:
            return self.read(f"runs/run_id={run_id}/run.json")
        except self.s3.exceptions.NoSuchKey:
            return {}

    def read(self, key: str) -> dict[str, Any]:
        """Return what a JSON object of the deployment's bucket holds."""
        content = self.s3.get_object(Bucket=self._deployment.bucket, Key=key)["Body"].read()
        found: dict[str, Any] = json.loads(content)
        return found

    def _count(self, prefix: str) -> int:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self._deployment.bucket, Prefix=prefix)
        return sum(page["KeyCount"] for page in pages)


def _read_history(events: "Iterator[HistoryEventTypeDef]", progress: Progress) -> None:
    entered: dict[str, datetime] = {}
    for event in events:
        name = event.get("stateEnteredEventDetails", {}).get("name")
        if name in STATES:
            entered[name] = event["timestamp"]
            progress.current = name
        if exited := event.get("stateExitedEventDetails"):
            name = exited["name"]
            if name in STATES:
                progress.seconds[name] = round((event["timestamp"] - entered[name]).total_seconds(), 3)
            if name == "Ingest" and "shards" in (output := json.loads(exited.get("output", "{}"))):
                progress.shards = output["shards"]


def _message(cause: str | None) -> str | None:
    """Lambda's cause is JSON with the exception's message in it."""
    try:
        return str(json.loads(cause or "")["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause

"""Executions of the deployed state machine: started, followed, and told."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from local.quickstart.record import Deployment
from local.quickstart.workspace import Workspace
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.state_machine import Execution, ListedExecution, StateMachine

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_POLL_SECONDS = 0.25


class Executions:
    """The executions of a deployment's state machine, and what they leave in its bucket."""

    def __init__(self, workspace: Workspace, deployment: Deployment) -> None:
        self._deployment = deployment
        self._machine = StateMachine(deployment.state_machine_arn, workspace.client("stepfunctions"))
        self.s3: S3Client = workspace.client("s3")

    def start(self, request: Mapping[str, Any]) -> str:
        """Start an execution with what it is asked, less what is None; return its name, which is the run's id."""
        return self._machine.start({key: value for key, value in request.items() if value is not None})

    def follow(self, run_id: str) -> Iterator[Execution]:
        """Yield how far an execution is until it has ended; the last one tells how."""
        while not (progress := self.progress(run_id)).ended:
            yield progress
            time.sleep(_POLL_SECONDS)
        yield progress

    def progress(self, run_id: str) -> Execution:
        """Return how far an execution is."""
        return self._machine.execution(run_id)

    def latest(self, most: int) -> list[ListedExecution]:
        """Return the executions started last, the last one first."""
        return self._machine.executions(most)

    def last(self) -> str | None:
        """Return the name of the execution started last; None before the first."""
        found = self.latest(1)
        return found[0].run_id if found else None

    def summary(self, run_id: str) -> dict[str, Any]:
        """Return the `run.json` of a run; empty where it has none."""
        try:
            return self.read(RunKeys(run_id).summary)
        except self.s3.exceptions.NoSuchKey:
            return {}

    def read(self, key: str) -> dict[str, Any]:
        """Return what a JSON object of the deployment's bucket holds."""
        content = self.s3.get_object(Bucket=self._deployment.bucket, Key=key)["Body"].read()
        found: dict[str, Any] = json.loads(content)
        return found

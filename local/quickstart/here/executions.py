"""Executions of the deployed state machine, as the quickstart starts and follows them."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from local.quickstart.machine.record import Deployment
from local.quickstart.machine.workspace import Workspace
from voucher_selection.adapters.state_machine import Execution, StateMachine

_POLL_SECONDS = 0.25


class Executions:
    """The executions of a deployment's state machine.

    They are started and followed with Step Functions, not with the API: a deployment may not let its API start runs
    (the setting `start_runs`), and a question every quarter of a second would fill the API's log.
    """

    def __init__(self, workspace: Workspace, deployment: Deployment) -> None:
        self._machine = StateMachine(deployment.state_machine_arn, workspace.client("stepfunctions"))

    def start(self, request: Mapping[str, Any]) -> str:
        """Start an execution with the keys of the request that have a value; return the run's id."""
        return self._machine.start({key: value for key, value in request.items() if value is not None})

    def follow(self, run_id: str) -> Iterator[Execution]:
        """Yield how far an execution is until it has ended; the last one shows how."""
        while not (progress := self._machine.execution(run_id)).ended:
            yield progress
            time.sleep(_POLL_SECONDS)
        yield progress


def what_if(workspace: Workspace, deployment: Deployment, key: str) -> Any:  # noqa: ANN401 - a document in JSON
    """Return the what-if of a run, which is only in the bucket: the API answers the what-ifs that it is asked."""
    content = workspace.client("s3").get_object(Bucket=deployment.bucket, Key=key)["Body"].read()
    return json.loads(content)

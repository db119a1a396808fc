"""The deployed API, as the quickstart asks it."""

import json
import time
from collections.abc import Mapping
from typing import Any

from local.quickstart.http_client import Answer, ask
from local.quickstart.record import Deployment
from local.quickstart.steps import StepError
from local.quickstart.workspace import STAGE, Workspace

_NOTICE_SECONDS = 30
_PATIENCE_SECONDS = 60


class Api:
    """The API of a deployment, asked with its key where it wants one."""

    def __init__(self, workspace: Workspace, deployed: Deployment) -> None:
        self._url = f"{workspace.endpoint_url}/_aws/execute-api/voucher/{STAGE}/"
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if deployed.api_key:
            self._headers["x-api-key"] = deployed.api_key

    def voucher(self, fields: Mapping[str, Any]) -> Answer:
        """Ask which amount a customer should get."""
        return self._ask("voucher", json.dumps(fields))

    def run(self, run_id: str) -> Answer:
        """Ask how far a run is, or how it ended."""
        return self._ask(f"executions/{run_id}")

    def selection_criteria(self) -> dict[str, Any]:
        """Return the served model and its segments.

        Raises
        ------
        StepError
            The API answers with a problem: nothing is served yet.
        """
        answer = self._ask("selection_criteria")
        if not answer.is_good:
            problem = answer.body
            raise StepError(
                f"the API has no segments: {problem.get('detail', answer.text)}", facts={"problem": problem}
            )
        return answer.body

    def served(self) -> dict[str, Any] | None:
        """Return the served model and its segments; None before the first one."""
        answer = self._ask("selection_criteria")
        return answer.body if answer.is_good else None

    def criteria_of(self, version: str) -> dict[str, Any]:
        """Return the segments of a version that was published, once the API has noticed that it was.

        Raises
        ------
        StepError
            It has not after half a minute.
        """
        deadline = time.monotonic() + _NOTICE_SECONDS
        while (criteria := self.selection_criteria())["model"]["version"] != version:
            if time.monotonic() > deadline:
                served = criteria["model"]["version"]
                raise StepError(
                    f"version {version} was published, and after {_NOTICE_SECONDS} s the API still serves {served}"
                )
            time.sleep(0.1)
        return criteria

    def _ask(self, path: str, body: str | None = None) -> Answer:
        return ask(self._url + path, body, self._headers, seconds=_PATIENCE_SECONDS)

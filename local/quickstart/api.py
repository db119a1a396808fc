"""The deployed API, as the quickstart asks it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from local.quickstart.record import Deployment
from local.quickstart.steps import StepError
from local.quickstart.workspace import STAGE, Workspace

_NOTICE_SECONDS = 30
_PATIENCE_SECONDS = 60


class Answer(NamedTuple):
    """What the API answered: a status, and the body as it came."""

    status: int
    text: str

    @property
    def is_good(self) -> bool:
        """Whether it is what was asked for, and no problem."""
        return self.status == HTTPStatus.OK

    @property
    def body(self) -> dict[str, Any]:
        """The body, read from JSON; one that is none is its own `detail`."""
        try:
            content: dict[str, Any] = json.loads(self.text)
        except ValueError:
            return {"status": self.status, "detail": self.text}
        return content


class Api:
    """The API of a deployment, asked with its key where it wants one."""

    def __init__(self, workspace: Workspace, deployed: Deployment) -> None:
        self._url = f"{workspace.endpoint_url}/_aws/execute-api/voucher/{STAGE}/"
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if deployed.api_key:
            self._headers["x-api-key"] = deployed.api_key

    def voucher(self, fields: Mapping[str, Any]) -> Answer:
        """Ask which amount a customer should get."""
        return self._ask("voucher", json.dumps(fields).encode())

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

    def _ask(self, path: str, body: bytes | None = None) -> Answer:
        request = urllib.request.Request(self._url + path, data=body, headers=self._headers)  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(errors="replace"))

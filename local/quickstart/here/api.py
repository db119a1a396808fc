"""The deployed API, as the quickstart asks it."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from local.quickstart.machine.http_client import Answer, ask
from local.quickstart.machine.record import Deployment
from local.quickstart.machine.steps import StepError, waiting
from local.quickstart.machine.workspace import STAGE, Workspace

if TYPE_CHECKING:
    from voucher_selection.api.model_report import KeptVersions, ModelReport
    from voucher_selection.api.run_reports import ListedRuns, RunReport
    from voucher_selection.domain.model_document import SelectionCriteria

_NOTICE_SECONDS = 30
_PATIENCE_SECONDS = 60
# What the parts of a large answer have each its own of.
_IN_PARTS = ("segments", "country_modes")


class Api:
    """The API of a deployment, asked with its key if it has one.

    A method whose name is a noun returns the body of an answer. It raises `StepError` if the API answers a problem.
    """

    def __init__(self, workspace: Workspace, deployed: Deployment) -> None:
        self._url = f"{workspace.endpoint_url}/_aws/execute-api/voucher/{STAGE}/"
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if deployed.api_key:
            self._headers["x-api-key"] = deployed.api_key

    def look_up(self, fields: Mapping[str, Any]) -> Answer:
        """Ask which amount a customer should get."""
        return self._ask("voucher", json.dumps(fields))

    def runs(self) -> "ListedRuns":
        """Return the runs that started last, the last one first."""
        return cast("ListedRuns", self._body("executions"))

    def run(self, run_id: str) -> "RunReport":
        """Return a run: how far it is, or how it ended."""
        return cast("RunReport", self._body(f"executions/{run_id}"))

    def last_run(self) -> "RunReport | None":
        """Return the run that started last; None before the first."""
        listed = self.runs()["runs"]
        return self.run(listed[0]["run_id"]) if listed else None

    def versions(self) -> "KeptVersions":
        """Return the versions of the model, the newest first."""
        return cast("KeptVersions", self._body("versions"))

    def model(self) -> "ModelReport":
        """Return the analysis of the served model."""
        return cast("ModelReport", self._whole("model"))

    def best_ranges(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the best ranges of a measure, for a request of `POST /best_ranges`."""
        return self._body("best_ranges", json.dumps(request))

    def selection_criteria(self) -> "SelectionCriteria":
        """Return the served model and its segments."""
        return cast("SelectionCriteria", self._whole("selection_criteria"))

    def exported(self, address: str) -> str:
        """Return a file of the API: the text of a route with its query. A table may come in several parts."""
        path = address.partition("?")[0]
        answer = self._good(address)
        text = answer.text
        while answer.following:
            answer = self._good(path + answer.following)
            text += answer.text.partition("\r\n")[2]  # each part begins with the names of the columns
        return text

    def served(self) -> "SelectionCriteria | None":
        """Return the served model and its segments; None before the first one."""
        try:
            return self.selection_criteria()
        except StepError:
            return None

    def criteria_of(self, version: str) -> "SelectionCriteria":
        """Return the segments of a published version; raise `StepError` if it is not served in half a minute."""
        deadline = time.monotonic() + _NOTICE_SECONDS
        while (criteria := self.selection_criteria())["model"]["version"] != version:
            if time.monotonic() > deadline:
                served = criteria["model"]["version"]
                raise StepError(
                    f"version {version} was published, and after {_NOTICE_SECONDS} s the API still serves {served}"
                )
            time.sleep(0.1)
        return criteria

    def _whole(self, path: str) -> dict[str, Any]:
        """Return the body of an answer with all its parts."""
        whole = self._body(path)
        while following := whole.pop("next", None):
            part = self._body(path + following)
            for name in whole.keys() & _IN_PARTS:
                whole[name] += part[name]
            whole |= {name: part[name] for name in part.keys() & {"next"}}
        return whole

    def _body(self, path: str, body: str | None = None) -> dict[str, Any]:
        return self._good(path, body).body

    def _good(self, path: str, body: str | None = None) -> Answer:
        answer = self._ask(path, body)
        if not answer.is_good:
            problem = answer.body
            detail = problem.get("detail", answer.text)
            raise StepError(
                f"{'POST' if body else 'GET'} /{path} of the API: {answer.status}, {detail}", facts={"problem": problem}
            )
        return answer

    def _ask(self, path: str, body: str | None = None) -> Answer:
        with waiting("Waiting for the API"):
            return ask(self._url + path, body, self._headers, seconds=_PATIENCE_SECONDS)

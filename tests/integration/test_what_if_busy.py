"""WhatIf asleep, throttled or out of reach: callers are told to ask again, and only a lasting fault is ours."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from tests.histories import history, parquet_bytes
from tests.integration.conftest import Api, Pipeline
from voucher_selection.api import operations, problems
from voucher_selection.api.what_if_function import WhatIfFunction
from voucher_selection.contract.invoke_errors import FATAL, HEALING

QUESTIONS = {"/what_if": {}, "/best_ranges": {"measure": "total_orders"}}
FORMS = ("what_if=1", "best_ranges=1&measure=total_orders")


class Failing:
    """Lambda, whose calls all fail with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.calls = 0

    def invoke(self, **_: object) -> dict[str, Any]:
        self.calls += 1
        raise self._error


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as Lambda words it"}}, "Invoke")


@pytest.fixture
def failing_with(put, pipeline: Pipeline, api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], Failing]:
    """The API of a served model, whose calls of WhatIf fail with a given error."""
    pipeline.run("run-1", {"source": put("uploads/x.parquet", parquet_bytes(history({})))})

    def fail(error: Exception) -> Failing:
        service: Any = Failing(error)
        for module in (api.handler.run_routes, api.handler.page_routes):
            monkeypatch.setattr(module, "what_if_function", lambda: WhatIfFunction("what-if", service))
        return service

    return fail


def ask(api: Api, path: str):
    return api("POST", path, json.dumps(QUESTIONS[path]), Content_Type="application/json")


@pytest.mark.parametrize("path", QUESTIONS)
def test_what_heals_is_answered_with_when_to_ask_again(failing_with, api: Api, path: str):
    unreached = [kind(endpoint_url="https://lambda") for kind in (ReadTimeoutError, ConnectTimeoutError)]
    for error in (*map(refused, HEALING), *unreached, EndpointConnectionError(endpoint_url="https://lambda")):
        service = failing_with(error)

        answer = ask(api, path)

        assert (answer.status, answer.json["code"]) == (503, "what_if_busy"), error
        assert answer.headers["Retry-After"] == "60"
        assert "ask again in a minute" in answer.json["detail"]
        assert service.calls == 1  # the caller waits for this answer


@pytest.mark.parametrize("path", QUESTIONS)
def test_what_never_heals_is_our_fault_and_named_in_the_log(failing_with, api: Api, caplog, path: str):
    for code in (*FATAL, "AccessDeniedException", "one of tomorrow"):
        failing_with(refused(code))

        answer = ask(api, path)

        assert (answer.status, answer.json["code"]) == (500, "internal_error"), code
        assert "Retry-After" not in answer.headers
        assert code not in answer.text
        assert f"Lambda cannot call WhatIf until somebody mends it: An error occurred ({code})" in caplog.text


def test_the_forms_of_the_report_say_it_beside_the_form(failing_with, api: Api):
    failing_with(refused("CodeArtifactUserPendingException"))

    for form in FORMS:
        page = api("GET", f"/report?{form}", Accept="text/html")

        assert page.status == 200
        assert (
            '<p class="notice" role="alert">what computes this is starting or busy: ask again in a minute' in page.text
        )


def test_the_document_says_that_both_questions_may_have_to_be_asked_again():
    asked = {operation.path: operation.refusals for operation in operations.OPERATIONS if operation.method == "POST"}

    assert all(problems.WhatIfBusy in asked[path] for path in QUESTIONS)

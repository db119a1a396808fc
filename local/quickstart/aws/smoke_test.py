"""The smoke test: a deployed API answers requests, and refuses callers without a proof of who they are."""

import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from local.quickstart.aws.account import Account
from local.quickstart.machine.http_client import Answer, ask
from local.quickstart.machine.steps import StepError
from voucher_selection.contract.api import Auth

PATIENCE_SECONDS = 90
"""How long a new stage, key or domain may take to work everywhere."""

_PAUSE_SECONDS = 2
_ANSWER_SECONDS = 30
_NOT_SERVED = frozenset({"no_model", "unknown_country", "no_segment", "no_support"})
"""Codes of problems that prove that the function read the catalog: it has no model, or none for this customer."""


class Passed(NamedTuple):
    """A request that passed, and its answer."""

    asked: str
    answer: str


class SmokeTest:
    """Requests to the API of a stack with these outputs, as `auth` demands: with its key, or signed by the deployer.

    `country` is one that the stage counts. An API with its own domain is asked through the domain's target: the
    domain's record is often made only after the deployment has named the target.
    """

    def __init__(self, account: Account, outputs: Mapping[str, str], auth: Auth, country: str) -> None:
        self._account, self._outputs, self._auth = account, outputs, auth
        self._url, self._target = outputs["ApiUrl"], outputs.get("DomainTarget")
        from voucher_selection.api.examples import CUSTOMER  # noqa: PLC0415 - it reads the segments

        self._lookup = CUSTOMER | {"country_code": country}

    def run(self) -> list[Passed]:
        """Send all requests; return them with their answers.

        Raises
        ------
        StepError
            A request has no answer, or a wrong one, for `PATIENCE_SECONDS`.
        """
        passed = [self._expect("GET health", lambda: self._ask("health"), _is_answered)]
        if self._auth != "none":
            what = "a key" if self._auth == "api_key" else "a signature"
            passed.append(self._expect(f"POST voucher without {what}", self._look_up, _is_refused))
        asked = {"none": "", "api_key": " with its key", "iam": " signed"}[self._auth]
        passed.append(self._expect(f"POST voucher{asked}", self._authorized(), _is_answered))
        return passed

    def _expect(self, asked: str, ask: Callable[[], Answer], is_right: Callable[[Answer], bool]) -> Passed:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = ask()
            except ConnectionError as error:
                came = f"no answer: {error}"
            else:
                came = f"{answer.status} {answer.body.get('code', '')}".strip()
                if is_right(answer):
                    return Passed(asked, came)
            if time.monotonic() > deadline:
                raise StepError(self._failure(asked, came), facts={"asked": asked, "answer": came})
            time.sleep(_PAUSE_SECONDS)

    def _failure(self, asked: str, came: str) -> str:
        through = f" through {self._target}" if self._target else ""
        return (
            f"it is deployed, and its smoke test fails: {asked} at {self._url}{through} is answered with {came}."
            " See the log of the function Api; docs/deployment.md says how to go back"
        )

    def _look_up(self, headers: Mapping[str, str] | None = None) -> Answer:
        return self._ask("voucher", json.dumps(self._lookup), headers)

    def _authorized(self) -> Callable[[], Answer]:
        if self._auth == "iam":
            return lambda: self._look_up(self._signature())
        if self._auth == "api_key":
            key = {"x-api-key": self._key()}
            return lambda: self._look_up(key)
        return self._look_up

    def _key(self) -> str:
        gateway, key_id = self._account.client("apigateway"), self._outputs.get("ApiKeyId")
        try:
            return str(gateway.get_api_key(apiKey=key_id, includeValue=True)["value"])
        except ClientError as error:
            raise StepError(
                f"it is deployed, and the API's key cannot be read for the smoke test: {error}. Allow apigateway:GET on"
                " /apikeys/*, as docs/deployment.md has it"
            ) from error

    def _signature(self) -> dict[str, str]:
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - completing a word needs no signatures
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        body, url = json.dumps(self._lookup), f"{self._url}voucher"
        request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
        credentials: Any = self._account.session.get_credentials()  # they exist: they have deployed
        SigV4Auth(credentials, "execute-api", self._account.region).add_auth(request)
        return dict(request.headers.items())

    def _ask(self, path: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        sent = {"User-Agent": "voucher-selection-smoke-test", "Content-Type": "application/json"}
        sent |= headers or {}
        return ask(f"{self._url}{path}", body, sent, seconds=_ANSWER_SECONDS, through=self._target)


def _is_answered(answer: Answer) -> bool:
    """Return whether the function answered, with a model or without one."""
    return answer.is_good or answer.body.get("code") in _NOT_SERVED


def _is_refused(answer: Answer) -> bool:
    return answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

"""The smoke test: a deployed API answers requests, and refuses callers without a proof of who they are."""

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from local.quickstart.aws.account import Account
from local.quickstart.aws.caller import Caller
from local.quickstart.machine.http_client import Answer
from local.quickstart.machine.steps import StepError
from voucher_selection.contract.api import Auth

PATIENCE_SECONDS = 90
"""How long a new stage, key or domain may take to work everywhere."""

_PAUSE_SECONDS = 2
_NOT_SERVED = frozenset({"no_model", "unknown_country", "no_segment", "no_support"})
"""Codes of problems that prove that the function read the catalog: it has no model, or none for this customer."""


class Passed(NamedTuple):
    """A request that passed, and its answer."""

    asked: str
    answer: str


class SmokeTest:
    """Requests to the API of a stack with these outputs, as `auth` demands: with its key, or signed by the deployer.

    `country` is one that the stage counts.
    """

    def __init__(self, account: Account, outputs: Mapping[str, str], auth: Auth, country: str) -> None:
        from voucher_selection.api.examples import CUSTOMER  # noqa: PLC0415 - it reads the segments

        self._caller, self._auth = Caller(account, outputs, auth), auth
        self._lookup = json.dumps(CUSTOMER | {"country_code": country})

    def run(self) -> list[Passed]:
        """Send all requests; return them with their answers.

        Raises
        ------
        StepError
            A request has no answer, or a wrong one, for `PATIENCE_SECONDS`.
        """
        caller, lookup = self._caller, self._lookup
        passed = [self._expect("GET health", partial(caller.ask_unproven, "health"), _is_answered)]
        if self._auth != "none":
            what = "a key" if self._auth == "api_key" else "a signature"
            unproven = partial(caller.ask_unproven, "voucher", lookup)
            passed.append(self._expect(f"POST voucher without {what}", unproven, _is_refused))
        asked = {"none": "", "api_key": " with its key", "iam": " signed"}[self._auth]
        passed.append(self._expect(f"POST voucher{asked}", partial(caller.ask, "voucher", lookup), _is_answered))
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
        url, target = self._caller.url, self._caller.target
        through = f" through {target}" if target else ""
        return (
            f"it is deployed, and its smoke test fails: {asked} at {url}{through} is answered with {came}."
            " See the log of the function Api; docs/deployment.md says how to go back"
        )


def _is_answered(answer: Answer) -> bool:
    """Return whether the function answered, with a model or without one."""
    return answer.is_good or answer.body.get("code") in _NOT_SERVED


def _is_refused(answer: Answer) -> bool:
    return answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

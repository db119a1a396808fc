"""Start a run, from a JSON body or from the form."""

from collections.abc import Mapping
from typing import Any

from api.context import settings, state_machine
from voucher_selection.api.problems import RunsNotStarted
from voucher_selection.api.request_origins import check_same_site
from voucher_selection.domain.kinds import parse_request


def start(request: Any, headers: Mapping[str, str]) -> str:  # noqa: ANN401 - any JSON
    """Start a run and return its id, if the stage allows it, the request is valid, and no page of another site sent it."""
    if not settings.start_runs:
        raise RunsNotStarted("this stage does not start runs through its API: start them in Step Functions")
    parsed = parse_request(request)
    check_same_site(headers)
    return state_machine().start(parsed.model_dump(mode="json", exclude_unset=True))

"""Starting a run, from a JSON body or from the form."""

from collections.abc import Mapping
from typing import Any

from api.context import settings, state_machine
from voucher_selection.api.problems import RunsNotStarted
from voucher_selection.api.request_origins import check_same_site
from voucher_selection.domain.kinds import parse_request


def start(request: Any, headers: Mapping[str, str]) -> str:  # noqa: ANN401 - any JSON
    """Start a run, if the stage allows that and the pipeline will understand the request; return its id.

    Raises
    ------
    RunsNotStarted, CrossSite
        The stage starts no runs through its API, or a page of another site has sent the request.
    InvalidRequest
        Names the unknown mode, or every invalid key and value.
    """
    if not settings.start_runs:
        raise RunsNotStarted("this stage starts no runs through its API: start them in Step Functions")
    parsed = parse_request(request)
    check_same_site(headers)
    return state_machine().start(parsed.model_dump(mode="json", exclude_unset=True))

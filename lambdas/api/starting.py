"""Start a run, from a JSON body or from the form; or offer an upload for one."""

from collections.abc import Mapping
from typing import Any

from api.context import settings, state_machine, uploads
from voucher_selection.api.problems import CrossSite, RunsNotStarted
from voucher_selection.api.uploads import Upload, offer
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.uploads import UploadRequest

# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site: `none` is an action of the person.
_OWN = {"same-origin", "none"}


def start(request: Any, headers: Mapping[str, str]) -> str:  # noqa: ANN401 - any JSON
    """Start a run and return its id, if the stage allows it, the request is valid, and it is from no other site."""
    _check_allowed()
    parsed = parse_request(request)
    _check_same_site(headers)
    return state_machine().start(parsed.model_dump(mode="json", exclude_unset=True))


def offer_upload(request: Any, headers: Mapping[str, str]) -> Upload:  # noqa: ANN401 - any JSON
    """Return where a file may be sent to, if the stage starts runs and the request is valid and from no other site."""
    _check_allowed()
    asked = UploadRequest.parse(request, settings.upload_max_bytes)
    _check_same_site(headers)
    return offer(asked, uploads())


def _check_allowed() -> None:
    if not settings.start_runs:
        raise RunsNotStarted("this stage does not start runs through its API: start them in Step Functions")


def _check_same_site(headers: Mapping[str, str]) -> None:
    """Check that a browser's request comes from our own pages: another page could act with the person's rights.

    A request without the header does not come from a browser, and passes.
    """
    site = headers.get("Sec-Fetch-Site", "none").lower()
    if site not in _OWN:
        raise CrossSite(f"expected a request from the API's own pages, got one from a page of another site ({site})")

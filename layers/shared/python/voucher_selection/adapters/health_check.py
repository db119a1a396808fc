"""Ask the public address of the API whether it answers, as a caller would: by its name, through TLS and API Gateway."""

import json
from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_HEALTHY = ("ok", "stale")
"""The values of `status`: an alarm of its own tells that the catalog cannot be reached."""
_MOST_BYTES = 64 * 1024  # the answer has less than one
# A firewall's common rules refuse requests without a name, and those of well-known tools.
_NAME = "voucher-selection-health-check"


def fault_of(url: str, timeout_seconds: float) -> str:
    """Return what is wrong with the answer of `/health` at its address; empty if the API is healthy.

    Nothing is raised: whatever the reason is, the API does not answer its callers.
    """
    request = Request(url, headers={"User-Agent": _NAME, "Accept": "application/json"})  # noqa: S310 - our own address
    try:
        with urlopen(request, timeout=timeout_seconds) as answer:  # noqa: S310 - see above
            status, body = answer.status, answer.read(_MOST_BYTES)
    except HTTPError as error:
        with error:
            return f"expected 200, got {error.code}: {error.read(200).decode(errors='replace')}"
    except (OSError, HTTPException) as error:
        return f"no answer within {timeout_seconds:g} s, or none at all: {error!r}"
    if status != HTTPStatus.OK or _status_in(body) not in _HEALTHY:
        return (
            f"expected 200 and a status of {' or '.join(_HEALTHY)}, got {status}: {body[:200].decode(errors='replace')}"
        )
    return ""


def _status_in(body: bytes) -> object:
    """Return the `status` of an answer of `/health`; None if it is another page's."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("status") if isinstance(answer, dict) else None

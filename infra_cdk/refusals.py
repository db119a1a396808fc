"""API Gateway's own answers, in the form of the function's answers: problems with a code."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from infra_cdk.stages import Stage
from voucher_selection.contract import api
from voucher_selection.contract.limits import MOST_BODY_BYTES


class Refusal(NamedTuple):
    """An answer of API Gateway itself. Without a status it has that of its cause, which can be several."""

    status: HTTPStatus | None
    code: str
    detail: str
    headers: Mapping[str, str] = MappingProxyType({})


_RETRY = {"Retry-After": "'1'"}
_KEY_NEEDED = Refusal(*api.API_KEY_REQUIRED, "expected an API key in the header x-api-key")
_REFUSALS = {
    "INVALID_API_KEY": _KEY_NEEDED,
    "ACCESS_DENIED": _KEY_NEEDED,
    # The routes take every path, and every method that API Gateway knows: only TRACE and its like match none of them.
    # API Gateway cannot list the methods of one path: these are those of the whole API.
    "MISSING_AUTHENTICATION_TOKEN": Refusal(
        *api.METHOD_NOT_ALLOWED, "the API takes GET, HEAD, OPTIONS, POST", {"Allow": "'GET, HEAD, OPTIONS, POST'"}
    ),
    "THROTTLED": Refusal(*api.THROTTLED, "too many requests: try again later", _RETRY),
    "QUOTA_EXCEEDED": Refusal(*api.QUOTA_EXCEEDED, "the key's quota is used up", _RETRY),
    "REQUEST_TOO_LARGE": Refusal(
        *api.BODY_TOO_LARGE, f"expected a body of at most {MOST_BODY_BYTES:,} bytes: send less at once"
    ),
    "INTEGRATION_TIMEOUT": Refusal(*api.GATEWAY_TIMEOUT, "the answer took too long"),
    "INTEGRATION_FAILURE": Refusal(*api.GATEWAY_TIMEOUT, "there was no answer"),
    "DEFAULT_4XX": Refusal(None, api.GATEWAY_REFUSED.code, "API Gateway refused the request"),
    "DEFAULT_5XX": Refusal(None, api.GATEWAY_ERROR.code, "API Gateway could not answer the request"),
}
_SIGNATURE_NEEDED = Refusal(
    *api.SIGNATURE_REQUIRED,
    "expected a request signed with Signature Version 4, by an identity of AWS that may invoke the API",
)
# Where requests are signed, an unsigned request counts as one without a token, as does one with an unknown method.
_REFUSALS_OF_UNSIGNED = dict.fromkeys(
    ("ACCESS_DENIED", "EXPIRED_TOKEN", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN"), _SIGNATURE_NEEDED
)
_HEADERS = {
    "Content-Type": "'application/problem+json'",
    "X-Request-Id": "context.requestId",
    "Cache-Control": "'no-store'",
    "X-Content-Type-Options": "'nosniff'",
}


def refusals_of(stage: Stage) -> Mapping[str, Refusal]:
    """Return API Gateway's own answers by type."""
    return _REFUSALS | _REFUSALS_OF_UNSIGNED if stage.auth == "iam" else _REFUSALS


def headers_of(refusal: Refusal, stage: Stage) -> dict[str, str]:
    """Return the headers of an answer, each in the quotes that API Gateway needs around a text."""
    headers = {**_HEADERS, **refusal.headers}
    # These answers are fixed: they can allow one origin, or any.
    origins = stage.cors_origins
    allowed = "*" if "*" in origins else origins[0] if len(origins) == 1 else None
    return headers | {"Access-Control-Allow-Origin": f"'{allowed}'"} if allowed else headers


def problem_of(refusal: Refusal) -> str:
    """Return the body of an answer."""
    body = {"type": "about:blank"}
    status = {"title": refusal.status.phrase, "status": refusal.status.value} if refusal.status else {}
    return json.dumps(body | status | {"code": refusal.code, "detail": refusal.detail})

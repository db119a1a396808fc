"""API Gateway's own answers, in the form of the function's: problems with a code."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from infra_cdk.stages import Stage


class Refusal(NamedTuple):
    """An answer of API Gateway itself; without a status it has the one of its cause, which can be several."""

    code: str
    detail: str
    status: int | None = None
    title: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


_RETRY = {"Retry-After": "'1'"}
_KEY_NEEDED = Refusal("api_key_required", "expected an API key in the header x-api-key", 403, "Forbidden")
_REFUSALS = {
    "INVALID_API_KEY": _KEY_NEEDED,
    "ACCESS_DENIED": _KEY_NEEDED,
    # The routes take every path and every method that API Gateway knows: what has none of them is TRACE and its like.
    # Which methods the path has, API Gateway cannot tell: these are those of the API.
    "MISSING_AUTHENTICATION_TOKEN": Refusal(
        "method_not_allowed",
        "the API takes GET, HEAD, OPTIONS, POST",
        405,
        "Method Not Allowed",
        {"Allow": "'GET, HEAD, OPTIONS, POST'"},
    ),
    "THROTTLED": Refusal("throttled", "too many requests: try again later", 429, "Too Many Requests", _RETRY),
    "QUOTA_EXCEEDED": Refusal("quota_exceeded", "the key's quota is used up", 429, "Too Many Requests", _RETRY),
    "REQUEST_TOO_LARGE": Refusal(
        "body_too_large", "expected a body of at most 1,048,576 bytes: send less at once", 413, "Content Too Large"
    ),
    "INTEGRATION_TIMEOUT": Refusal("gateway_timeout", "the answer took too long", 504, "Gateway Timeout"),
    "INTEGRATION_FAILURE": Refusal("gateway_timeout", "there was no answer", 504, "Gateway Timeout"),
    "DEFAULT_4XX": Refusal("gateway_refused", "API Gateway refused the request"),
    "DEFAULT_5XX": Refusal("gateway_error", "API Gateway could not answer the request"),
}
_SIGNATURE_NEEDED = Refusal(
    "signature_required",
    "expected a request signed with Signature Version 4, by an identity of AWS that may invoke the API",
    403,
    "Forbidden",
)
# Where requests are signed, one without a signature has no token, and so has one of a method that no path has.
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
    """Return API Gateway's own answers by their type."""
    return _REFUSALS | _REFUSALS_OF_UNSIGNED if stage.auth == "iam" else _REFUSALS


def headers_of(refusal: Refusal, stage: Stage) -> dict[str, str]:
    """Return the headers of an answer, each in the quotes that API Gateway wants around a text."""
    headers = {**_HEADERS, **refusal.headers}
    # These answers are fixed: they can name one origin, or any.
    origins = stage.cors_origins
    allowed = "*" if "*" in origins else origins[0] if len(origins) == 1 else None
    return headers | {"Access-Control-Allow-Origin": f"'{allowed}'"} if allowed else headers


def problem_of(refusal: Refusal) -> str:
    """Return the body of an answer."""
    body = {"type": "about:blank"}
    status = {"title": refusal.title, "status": refusal.status} if refusal.status else {}
    return json.dumps(body | status | {"code": refusal.code, "detail": refusal.detail})

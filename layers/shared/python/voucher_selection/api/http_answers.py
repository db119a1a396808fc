"""Headers that every answer needs, from any route: ETag, security headers, CORS, and the request's id."""

import hashlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

REQUEST_ID = "X-Request-Id"
REVALIDATE = {"Cache-Control": "private, no-cache"}
"""A cache may keep the answer, but must check its ETag each time, because a new model changes the answer at once."""

# A route's own headers replace these. If a browser shows JSON as a page, nothing in it may run.
_DEFAULTS = {
    "Cache-Control": ["no-store"],
    "Content-Security-Policy": ["default-src 'none'; frame-ancestors 'none'"],
    "Cross-Origin-Resource-Policy": ["same-origin"],
    "Referrer-Policy": ["no-referrer"],
    "X-Content-Type-Options": ["nosniff"],
}
_READS = ("GET", "HEAD")
# The headers that a page of another origin may send, and those of an answer that it may read.
_CORS_REQUEST_HEADERS = "Content-Type, If-None-Match, X-Api-Key"
_CORS_ANSWER_HEADERS = f"Allow, ETag, Link, Retry-After, {REQUEST_ID}"
_CORS_SECONDS = "600"

type Event = Mapping[str, Any]
type ProxyAnswer = dict[str, Any]


def request_id(event: Event) -> str:
    """Return API Gateway's id of a request, which is the answer's `X-Request-Id` and the log's correlation id."""
    found: str = event["requestContext"]["requestId"]
    return found


def routed(event: Event) -> Event:
    """Return the event for the routes: HEAD becomes GET, and `finished` removes the body."""
    return {**event, "httpMethod": "GET"} if event["httpMethod"] == "HEAD" else event


def without_slash(event: Event) -> ProxyAnswer | None:
    """Return a redirect from a path that ends in a slash to the one without; None for other paths.

    The links of a page are relative: from an address with a slash, they would lead to the wrong place. The redirect is
    relative, too, so that it works under any stage and domain.
    """
    path: str = event["path"]
    bare = path.rstrip("/")
    if bare == path or not bare:
        return None
    query = urlencode(event.get("multiValueQueryStringParameters") or {}, doseq=True)
    location = "../" * (len(path) - len(bare)) + quote(bare.rpartition("/")[2]) + (query and f"?{query}")
    return {
        "statusCode": HTTPStatus.PERMANENT_REDIRECT.value,
        "multiValueHeaders": {"Location": [location]},
        "body": "",
        "isBase64Encoded": False,
    }


def finished(answer: ProxyAnswer, event: Event, origins: Sequence[str]) -> ProxyAnswer:
    """Complete a route's answer, for API Gateway's Lambda proxy integration, with the parts that no route adds.

    Pages of the `origins` may call the API; `*` allows all.
    """
    headers: dict[str, list[str]] = {
        **_DEFAULTS,
        **answer["multiValueHeaders"],
        REQUEST_ID: [request_id(event)],
    }
    answer["multiValueHeaders"] = headers
    if origins:
        _allow_origin(headers, event, origins)
    if event["httpMethod"] in _READS:
        if answer["statusCode"] == HTTPStatus.OK:
            _validate(answer, headers, event)
        if event["httpMethod"] == "HEAD":
            answer |= {"body": "", "isBase64Encoded": False}
    return answer


def _validate(answer: ProxyAnswer, headers: dict[str, list[str]], event: Event) -> None:
    """Add the ETag of a body; remove the body if the client already has it."""
    etag = f'"{hashlib.sha256(answer["body"].encode()).hexdigest()[:32]}"'
    headers["ETag"] = [etag]
    known = [tag.strip().removeprefix("W/") for tag in _header(event, "if-none-match").split(",")]
    if etag in known or "*" in known:
        del headers["Content-Type"]
        answer |= {"statusCode": HTTPStatus.NOT_MODIFIED.value, "body": "", "isBase64Encoded": False}


def _allow_origin(headers: dict[str, list[str]], event: Event, origins: Sequence[str]) -> None:
    """Let a page of an allowed origin read the answer; the answer to a preflight also lists what it may send."""
    headers["Vary"] = [", ".join([*headers.get("Vary", []), "Origin"])]
    origin = _header(event, "origin")
    if not origin or not {origin, "*"} & {*origins}:
        return
    headers["Access-Control-Allow-Origin"] = [origin]
    headers["Access-Control-Expose-Headers"] = [_CORS_ANSWER_HEADERS]
    # The default of this header would forbid pages of other origins to read.
    headers["Cross-Origin-Resource-Policy"] = ["cross-origin"]
    if event["httpMethod"] == "OPTIONS" and "Allow" in headers:
        headers["Access-Control-Allow-Methods"] = headers["Allow"]
        headers["Access-Control-Allow-Headers"] = [_CORS_REQUEST_HEADERS]
        headers["Access-Control-Max-Age"] = [_CORS_SECONDS]


def _header(event: Event, name: str) -> str:
    """Return a header of the request by its name in lower case; empty if the request does not have it."""
    return next((value for key, value in (event.get("headers") or {}).items() if key.lower() == name), "")

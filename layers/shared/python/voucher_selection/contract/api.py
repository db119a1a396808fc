"""What the function of the API and API Gateway, which passes requests to it, agree on."""

from http import HTTPStatus
from typing import Literal, NamedTuple

type Auth = Literal["none", "api_key", "iam"]
"""Who may call the API: anyone, holders of an API key, or identities of AWS that sign their requests."""

OPEN_PATHS = ("/health", "/openapi.json", "/docs", "/docs/{file}")
"""Paths that need no key and no signature: monitoring has no key, nor has a browser that opens the documentation."""

SHELL_PATHS = ("/", "/search_voucher", "/segments", "/report", "/runs", "/runs/{run_id}")
"""Pages whose GET needs no key: it answers a shell without data, whose script asks for the key."""


class GatewayProblem(NamedTuple):
    """A problem that API Gateway may answer in place of the function: its status and its code."""

    status: HTTPStatus
    code: str


API_KEY_REQUIRED = GatewayProblem(HTTPStatus.FORBIDDEN, "api_key_required")
SIGNATURE_REQUIRED = GatewayProblem(HTTPStatus.FORBIDDEN, "signature_required")
METHOD_NOT_ALLOWED = GatewayProblem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed")
BODY_TOO_LARGE = GatewayProblem(HTTPStatus.CONTENT_TOO_LARGE, "body_too_large")
THROTTLED = GatewayProblem(HTTPStatus.TOO_MANY_REQUESTS, "throttled")
QUOTA_EXCEEDED = GatewayProblem(HTTPStatus.TOO_MANY_REQUESTS, "quota_exceeded")
GATEWAY_REFUSED = GatewayProblem(HTTPStatus.BAD_REQUEST, "gateway_refused")
GATEWAY_ERROR = GatewayProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "gateway_error")
GATEWAY_TIMEOUT = GatewayProblem(HTTPStatus.GATEWAY_TIMEOUT, "gateway_timeout")

OF_EVERY_ROUTE = (BODY_TOO_LARGE, THROTTLED, QUOTA_EXCEEDED, GATEWAY_ERROR, GATEWAY_TIMEOUT)
"""The problems that any route may have, for any caller."""

"""Who may ask the emulator what: the one door that every request from the network passes.

The product's API is open, to browsers too, and has rules of its own. All else is AWS's services, and these answer only
requests that are signed with a key of this emulator. A page of the web can make a browser send requests to this
machine, so what a browser sends reaches nothing but the API, and no other name may lead here (DNS rebinding). The one
exception is an upload from a page of the product itself, to an address of S3 that its API has signed for it.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from localstack.aws import handlers
from localstack.aws.connect import INTERNAL_REQUEST_PARAMS_HEADER
from rolo import Response

from process_emulator.api_requests import PREFIX as API
from process_emulator.api_requests import short_way
from process_emulator.signatures import SentRequest, SignatureError, check_signature, is_presigned

if TYPE_CHECKING:
    from collections.abc import Callable

    from localstack.aws.api import RequestContext
    from localstack.aws.chain import HandlerChain
    from rolo import Request
    from rolo.gateway import Gateway
    from rolo.websocket import WebSocketRequest

HEALTH = "/_localstack/health"
_INTERNAL = "/_"
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
# Where botocore puts a bucket's name before the host; browsers and systems know that this is the loopback.
_LOOPBACK_BUCKET = re.compile(rf"([a-z0-9.-]+\.)?{_LOOPBACK.pattern}", re.IGNORECASE)
# The other address of an API, with its stage as the first part of the path: what a stack's outputs name.
_API_HOST = re.compile(r"[a-z0-9]+\.execute-api(\.[a-z0-9-]+)?\.localhost(:\d{1,5})?", re.IGNORECASE)
_STAGE = re.compile(r"/[a-z0-9-][a-z0-9_-]*(/.*)?", re.IGNORECASE | re.DOTALL)
_OF_BROWSERS = ("origin", "sec-fetch-site")
_SIGNED = "process_emulator.signed"
_SERVICES_WITH_XML = re.compile(r"/(cloudformation|cloudwatch|ec2|iam|monitoring|s3|sns|sts)/aws4_request")


class Refusal(Exception):
    """Why a request is not let in; `code` is what AWS calls it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class GuardedGateway:
    """LocalStack's gateway behind the door; it is served in the gateway's place."""

    def __init__(self, gateway: Gateway, secret_of: Callable[[str], str]) -> None:
        self._gateway = gateway
        self._secret_of = secret_of
        # Whatever else LocalStack takes a request for: without a signature it is for no service of AWS.
        at = gateway.request_handlers.index(handlers.parse_service_name)
        gateway.request_handlers.insert(at, _end_of_the_open_ones)
        self._apis = short_way(gateway, _end_of_the_open_ones)

    def process(self, request: Request, response: Response) -> None:
        """Answer a request, or refuse it."""
        try:
            self._admit(request)
        except Refusal as refusal:
            _refuse(request, response, refusal)
            return
        gateway = self._apis if request.path.startswith(API) else self._gateway
        gateway.process(request, response)

    def accept(self, request: WebSocketRequest) -> None:
        """Refuse: nothing here speaks by web sockets, which pages of other sites may open."""
        request.reject(Response("no web sockets here", HTTPStatus.FORBIDDEN))

    def _admit(self, request: Request) -> None:
        sent = _as_sent(request)
        host = sent.header("host") or ""
        is_api = _is_api(host, request.path)
        is_open = is_api or (sent.method == "GET" and sent.target == HEALTH)
        if not (is_api or (_LOOPBACK if is_open else _LOOPBACK_BUCKET).fullmatch(host)):
            raise Refusal("AccessDenied", "expected localhost or 127.0.0.1 as the host")
        if not is_api and any(name in sent.headers for name in _OF_BROWSERS) and not _is_upload(sent, request.scheme):
            raise Refusal("AccessDenied", "browsers reach the product's API only, and addresses that it signs for them")
        if is_open:
            request.headers.remove(INTERNAL_REQUEST_PARAMS_HEADER)
            return
        if request.path.startswith(_INTERNAL) or not sent.target.startswith("/"):
            raise Refusal("AccessDenied", "there is nothing here")
        try:
            check_signature(sent, self._secret_of)
        except SignatureError as error:
            raise Refusal(error.code, str(error)) from error
        request.environ[_SIGNED] = True


def _is_api(host: str, path: str) -> bool:
    if path.startswith(API):
        return _LOOPBACK.fullmatch(host) is not None
    return _API_HOST.fullmatch(host) is not None and _STAGE.fullmatch(path) is not None


def _is_upload(sent: SentRequest, scheme: str) -> bool:
    """Return whether a browser sends an object from a page of this very origin, to an address signed in advance.

    A browser sets both headers itself, and names the origin with each `PUT`; other ports are other origins.
    """
    host = sent.header("host") or ""
    return (
        sent.method == "PUT"
        and _LOOPBACK.fullmatch(host) is not None
        and sent.header("origin") == f"{scheme}://{host}"
        and sent.headers.get("sec-fetch-site", ["same-origin"]) == ["same-origin"]
        and is_presigned(sent)
    )


def _end_of_the_open_ones(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    if not context.request.environ.get(_SIGNED):
        response.set_data(json.dumps({"message": "Not Found"}))
        response.status_code = HTTPStatus.NOT_FOUND
        response.mimetype = "application/json"
        chain.stop()


def _as_sent(request: Request) -> SentRequest:
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.lower(), []).append(value)
    body = request.environ["wsgi.input"]._wrapped  # the file behind it, which can be read twice
    return SentRequest(request.method, request.environ["RAW_URI"], headers, body)


def _refuse(request: Request, response: Response, refusal: Refusal) -> None:
    """Answer in the form that the clients of the service read."""
    response.status_code = HTTPStatus.FORBIDDEN
    code, message = refusal.code, str(refusal)
    response.headers["x-amzn-errortype"] = code
    if _SERVICES_WITH_XML.search(request.headers.get("Authorization", "")) or "X-Amz-Credential" in request.args:
        error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
        is_s3 = "/s3/aws4_request" in request.headers.get("Authorization", "/s3/aws4_request")
        response.mimetype = "application/xml"
        outer = ("", "") if is_s3 else ("<ErrorResponse>", "</ErrorResponse>")
        response.set_data(f"{outer[0]}<Error>{error}</Error>{outer[1]}")
        return
    response.mimetype = "application/json"
    response.set_data(json.dumps({"__type": code, "message": message}))

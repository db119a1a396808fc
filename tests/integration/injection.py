"""Faults on the way from the handlers' clients to moto, below botocore's retries."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from types import ModuleType
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from urllib3.exceptions import ProtocolError

_NOWHERE = "http://refused.invalid/"

# What becomes of a request: another answer than moto's, or an error of the connection.
type Fault = Callable[[str, AWSPreparedRequest], AWSResponse]


def refused(status: int, code: str) -> Fault:
    """Refuse the request with an error's code; it has no effect."""

    def fault(event: str, request: AWSPreparedRequest) -> AWSResponse:
        if event.startswith("before-send.s3."):
            body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
        else:
            body = json.dumps({"__type": f"com.amazonaws.dynamodb#{code}", "message": "injected"})
        return _answer(request, status, {}, MockRawResponse(body))

    return fault


def unprocessed(event: str, request: AWSPreparedRequest) -> AWSResponse:
    """Write none of a batch's items, and say so."""
    left = {"UnprocessedItems": json.loads(request.body)["RequestItems"]}
    return _answer(request, 200, {}, MockRawResponse(json.dumps(left)))


def unconnected(event: str, request: AWSPreparedRequest) -> AWSResponse:
    """Do not connect; the request has no effect."""
    raise ConnectTimeoutError(endpoint_url=request.url)


def unanswered(event: str, request: AWSPreparedRequest) -> AWSResponse:
    """Lose the answer; the request has its effect."""
    botocore_stubber(event, request)
    raise ReadTimeoutError(endpoint_url=request.url)


def halved(event: str, request: AWSPreparedRequest) -> AWSResponse:
    """Deliver half of the body under the headers of the whole."""
    whole = botocore_stubber(event, request)
    return _answer(request, whole.status_code, whole.headers, MockRawResponse(_half(whole)))


def shortened(event: str, request: AWSPreparedRequest) -> AWSResponse:
    """Deliver half of the body under headers that call this the whole."""
    whole = botocore_stubber(event, request)
    half = _half(whole)
    headers = {name: value for name, value in whole.headers.items() if name.lower() != "content-length"}
    return _answer(request, whole.status_code, headers | {"content-length": str(len(half))}, MockRawResponse(half))


def broken_off(event: str, request: AWSPreparedRequest) -> AWSResponse:
    """Break the connection off in the middle of the body."""

    class Broken(MockRawResponse):
        def read(self, *_: Any) -> bytes:
            raise ProtocolError("Connection broken")

    whole = botocore_stubber(event, request)
    return _answer(request, whole.status_code, whole.headers, Broken(b""))


def _half(whole: AWSResponse) -> bytes:
    content = whole.raw.read()
    return content[: len(content) // 2]


def _answer(request: AWSPreparedRequest, status: int, headers: Any, body: MockRawResponse) -> AWSResponse:
    """Answer instead of moto, which is asked all the same: of an address that it does not know."""
    url, request.url = request.url, _NOWHERE
    return AWSResponse(url, status, headers, body)


BY_S3 = {
    "S3: SlowDown": refused(503, "SlowDown"),
    "S3: ServiceUnavailable": refused(503, "ServiceUnavailable"),
    "S3: InternalError": refused(500, "InternalError"),
}
BY_DYNAMODB = {
    "DynamoDB: ProvisionedThroughputExceededException": refused(400, "ProvisionedThroughputExceededException"),
    "DynamoDB: ThrottlingException": refused(400, "ThrottlingException"),
    "DynamoDB: InternalServerError": refused(500, "InternalServerError"),
}
BY_NETWORK = {"Connect timeout": unconnected, "Read timeout": unanswered}
OF_BODIES = {"half a body": halved, "a body that breaks off": broken_off}
SHORT = {"a short body": shortened}
UNPROCESSED = {"unprocessed items": unprocessed}
REFUSED = {"AccessDenied": refused(403, "AccessDenied"), "PreconditionFailed": refused(412, "PreconditionFailed")}
ALL = BY_S3 | BY_DYNAMODB | BY_NETWORK | OF_BODIES | SHORT | UNPROCESSED | REFUSED


@dataclass
class Injector:
    """Hears of every request of the handlers' clients, and decides by `choose` which fault befalls it.

    Attributes
    ----------
    choose
        Gets the request's event (`before-send.<service>.<operation>`), the request, and its number, from 0; returns
        the fault's name, or None.
    requests
        How many there were; `injected`: how many faults, by name.
    """

    choose: Callable[[str, AWSPreparedRequest, int], str | None] = lambda *_: None
    requests: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        with self._lock:
            name = self.choose(event_name, request, self.requests)
            self.requests += 1
            self.injected.update([name] if name else [])
        return ALL[name](event_name, request) if name else None


def always(name: str) -> Injector:
    """Let a fault befall every request that it can befall."""
    return Injector(lambda event, _, __: name if befalls(name, event) else None)


def first_time() -> Injector:
    """Let a fault befall every request when it is made first, in turn of all that pass."""
    known: set[tuple[str, ...]] = set()
    turns = {
        "s3": cycle(BY_S3 | BY_NETWORK),
        "dynamodb": cycle(BY_DYNAMODB | BY_NETWORK),
        "bodies": cycle(BY_S3 | BY_NETWORK | OF_BODIES),
    }

    def choose(event: str, request: AWSPreparedRequest, _: int) -> str | None:
        identity = (event, request.url, str(request.headers.get("Range")), str(request.body)[:4000])
        if identity in known:
            return None
        known.add(identity)
        return next(turns["bodies" if event.endswith("GetObject") else event.split(".")[1]])

    return Injector(choose)


def only(number: int, name: str) -> Injector:
    """Let a fault befall one request."""
    return Injector(lambda _, __, asked: name if asked == number else None)


def befalls(name: str, event: str) -> bool:
    """Tell whether a fault is one that a request can meet with."""
    _, service, operation = event.split(".")
    return (
        (name in BY_S3 and service == "s3")
        or (name in BY_DYNAMODB and service == "dynamodb")
        or (name in OF_BODIES | SHORT and operation == "GetObject")
        or name in BY_NETWORK
    )


@contextmanager
def injected(injector: Injector, handlers: list[ModuleType]) -> Iterator[Injector]:
    """Have the injector between the clients of some handlers and moto."""
    stores = [handler.stores for handler in handlers if hasattr(handler, "stores")]
    clients = [store.lake.client for store in stores] + [store.catalog._client for store in stores]
    clients += [handler.lake.client for handler in handlers if hasattr(handler, "lake")]
    for client in clients:
        client.meta.events.register_first("before-send", injector)
    try:
        yield injector
    finally:
        for client in clients:
            client.meta.events.unregister("before-send", injector)

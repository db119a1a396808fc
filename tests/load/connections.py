"""Requests over many connections at once, and what came back."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx

from tests.load.mixture import Request

TIMEOUT_SECONDS = 30.0


class Came(NamedTuple):
    """What came of a request: its status, or None and the error of the connection; and the milliseconds it took.

    `retry_after` is what a refusal says of when to ask again.
    """

    request: Request
    status: int | None
    text: str
    ms: float
    retry_after: str | None = None

    @property
    def is_refused(self) -> bool:
        """Whether there were too many requests, and the answer says when to ask again."""
        return self.status == 429 and self.retry_after is not None

    @property
    def is_served(self) -> bool:
        """Whether the API has answered, rather than what stands before it, or nobody."""
        return self.status is not None and self.status < 500

    @property
    def is_right(self) -> bool:
        return self.status == self.request.status and self.request.is_right(self.text)


def send(base_url: str, requests: list[Request], connections: int) -> list[Came]:
    """Send requests over so many connections at once, each of which takes its share one after the other."""
    shares = [requests[start::connections] for start in range(connections)]
    # The emulator signs its certificate itself. The context is made once: it takes longer than a request.
    context = httpx.create_ssl_context(verify=False)

    def send_share(share: list[Request]) -> list[Came]:
        with httpx.Client(base_url=base_url, verify=context, timeout=TIMEOUT_SECONDS) as client:
            return [_send(client, request) for request in share]

    with ThreadPoolExecutor(connections) as pool:
        return [came for share in pool.map(send_share, shares) for came in share]


def _send(client: httpx.Client, request: Request) -> Came:
    started = time.perf_counter()
    try:
        # Paths of the mixture begin with a slash, and the API has a folder of its own.
        answer = client.request(request.method, request.path[1:], headers=request.headers, content=request.body)
    except httpx.HTTPError as error:
        return Came(request, None, repr(error), _ms_since(started))
    return Came(request, answer.status_code, answer.text, _ms_since(started), answer.headers.get("Retry-After"))


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def quantile(came: list[Came], part: float) -> float:
    return sorted(one.ms for one in came)[int(len(came) * part)]

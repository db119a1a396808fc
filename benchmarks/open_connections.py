"""Requests over many connections that stay open, from one thread: the client must cost little beside what it asks."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

_END_OF_HEADERS = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


@dataclass
class Load:
    """What came of requests: how long those that were served took, and how many had each status.

    A connection that ended before its answer counts as status 0.
    """

    seconds: float = 0.0
    served_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def served_ms_at(self, part: float) -> float:
        """Return the milliseconds within which this part of the served requests was answered."""
        ordered = sorted(self.served_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")

    @property
    def per_second(self) -> float:
        """Served requests in a second."""
        return len(self.served_ms) / self.seconds

    @property
    def refused(self) -> int:
        """Requests that were not served."""
        return self.statuses.total() - len(self.served_ms)


def send(url: str, body: bytes, requests: int, connections: int) -> Load:
    """Post the body so often, over so many connections at once, each of which asks again when it has its answer."""
    return asyncio.run(_send(url, body, requests, connections))


async def _send(url: str, body: bytes, requests: int, connections: int) -> Load:
    address = urlsplit(url)
    headers = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    load, loop = Load(), asyncio.get_running_loop()
    host, port = address.hostname or "localhost", address.port or 80
    left = iter(range(requests))
    opened = [_Connection(headers.encode() + body, load, left, loop.create_future()) for _ in range(connections)]
    started = time.perf_counter()
    for one in opened:
        await loop.create_connection(lambda one=one: one, host, port)  # type: ignore[misc]
    await asyncio.gather(*(one.done for one in opened))
    load.seconds = time.perf_counter() - started
    return load


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, load: Load, left: Iterator[int], done: asyncio.Future[None]) -> None:
        self.done = done
        self._request, self._load, self._left = request, load, left
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        if next(self._left, None) is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._came, self._asked = b"", time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, body = self._came.partition(_END_OF_HEADERS)
        if not end:
            return
        length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        status = int(head[9:12])
        self._load.statuses[status] += 1
        if status == 200:
            self._load.served_ms.append(1000 * (time.perf_counter() - self._asked))
        self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self._load.statuses[0] += 1
            self.done.set_result(None)

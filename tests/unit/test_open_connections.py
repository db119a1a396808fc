"""The client of `./quickstart bench load`: what it counts as served, and what not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from benchmarks.open_connections import Load, send

SERVED = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", b"content"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", b""


class Server(ThreadingTCPServer):
    """Serves in two pieces; refuses every fifth request, and hangs up at the twelfth."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked = count(1)


class Answers(StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        while any(line == b"\r\n" for line in self.rfile):
            assert self.rfile.read(5) == b"asked"
            number = next(self.server.asked)
            if number == 12:
                return
            for piece in REFUSED if number % 5 == 0 else SERVED:
                self.wfile.write(piece)


@pytest.fixture
def url() -> Iterator[str]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/voucher"
        server.shutdown()
        thread.join()


def sent(url: str, requests: int, connections: int) -> Load:
    """What became of requests, sent from a thread: that of the tests may have an event loop of the browser's."""
    with ThreadPoolExecutor() as pool:
        return pool.submit(send, url, b"asked", requests, connections).result()


def test_every_request_is_served_or_counted_by_its_status(url: str):
    load = sent(url, requests=11, connections=3)

    assert load.statuses == {200: 9, 429: 2}
    assert (len(load.served_ms), load.refused) == (9, 2)
    assert load.per_second == 9 / load.seconds


def test_a_connection_that_ends_early_is_counted(url: str):
    load = sent(url, requests=20, connections=1)

    assert load.statuses == {200: 9, 429: 2, 0: 1}


def test_a_quantile_is_of_the_served_requests():
    load = Load(seconds=2.0, served_ms=[float(ms) for ms in range(100, 0, -1)])

    assert (load.served_ms_at(0.5), load.served_ms_at(0.99), load.per_second) == (51.0, 100.0, 50.0)

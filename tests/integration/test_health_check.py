"""The health check against servers of every kind: it tells what is wrong, and never raises."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from voucher_selection.adapters.health_check import fault_of

HEALTHY = b'{"status": "ok", "model": {"version": "v1"}}'
type Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes, **headers: str) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that starts a server, with TLS if it has a certificate, and returns its address."""
    servers = []

    def started(send: Answer, certificate: trustme.LeafCert | None = None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                send(self)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}/health"

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("body", [HEALTHY, b'{"status": "stale", "stale_seconds": 9, "model": {}}'])
def test_an_api_that_answers_is_healthy_also_with_the_last_known_model(serve, body: bytes):
    assert fault_of(serve(answer(200, body)), 5) == ""


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (503, b'{"code": "no_model"}', 'expected 200, got 503: {"code": "no_model"}'),
        (429, b'{"code": "throttled"}', 'expected 200, got 429: {"code": "throttled"}'),
        (403, b"<html>Request blocked", "expected 200, got 403: <html>Request blocked"),
        (200, b"<html>This domain is for sale", "status of ok or stale, got 200: <html>This domain is for sale"),
        (200, b'{"status": "down"}', 'status of ok or stale, got 200: {"status": "down"}'),
        (200, b'["ok"]', 'status of ok or stale, got 200: ["ok"]'),
        (200, b"", "status of ok or stale, got 200: "),
        (204, b"", "status of ok or stale, got 204: "),
        (200, b"\xff\xfe", "status of ok or stale, got 200: "),
    ],
)
def test_any_other_answer_is_a_fault_that_is_quoted(serve, status: int, body: bytes, fault: str):
    assert fault in fault_of(serve(answer(status, body)), 5)


def test_an_answer_that_does_not_come_in_time_is_a_fault(serve):
    started = time.monotonic()

    fault = fault_of(serve(lambda _: time.sleep(1)), 0.2)

    assert fault.startswith("no answer within 0.2 s")
    assert time.monotonic() - started < 0.9


def test_a_connection_that_is_cut_is_a_fault(serve):
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(HEALTHY[:20])

    assert "got 200: " in fault_of(serve(half), 5)
    assert "RemoteDisconnected" in fault_of(serve(lambda handler: handler.connection.close()), 5)


def test_where_nobody_listens_or_the_name_is_unknown_is_a_fault(serve):
    assert "refused" in fault_of("http://127.0.0.1:9/health", 5)
    assert "no answer" in fault_of("http://vouchers.invalid/health", 5)


def test_an_api_with_a_certificate_is_healthy_only_if_the_certificate_is_trusted(serve, monkeypatch, tmp_path):
    authority = trustme.CA()
    url = serve(answer(200, HEALTHY), authority.issue_cert("127.0.0.1"))

    assert "CERTIFICATE_VERIFY_FAILED" in fault_of(url, 5)

    authority.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    monkeypatch.setattr("urllib.request._opener", None)  # it keeps what is trusted when it first asks
    assert fault_of(url, 5) == ""


def test_the_check_gives_its_name_because_firewalls_refuse_requests_without_one(serve):
    asked = []

    def send(handler: BaseHTTPRequestHandler) -> None:
        asked.append((handler.path, handler.headers["User-Agent"]))
        answer(200, HEALTHY)(handler)

    fault_of(serve(send), 5)

    assert asked == [("/health", "voucher-selection-health-check")]

"""The smoke test after a deployment, against a server that answers like API Gateway and the API."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from local.quickstart.aws import caller, smoke_test
from local.quickstart.aws.account import Account
from local.quickstart.aws.smoke_test import Passed, SmokeTest
from local.quickstart.machine import http_client
from local.quickstart.machine.http_client import Answer
from local.quickstart.machine.steps import StepError
from voucher_selection.contract.api import Auth

KEY = "the-key"
NO_MODEL = (503, {"code": "no_model"})
AMOUNT = (200, {"voucher_amount": 2640.0})


class FakeAccount(Account):
    """An account whose API Gateway has one key, and whose credentials sign."""

    region = "eu-west-1"

    def client(self, service: str) -> Any:
        assert service == "apigateway"
        return self

    def get_api_key(self, **asked: Any) -> dict[str, str]:
        assert asked == {"apiKey": "key-id", "includeValue": True}
        return {"value": KEY}


@contextmanager
def api(auth: Auth, answer: tuple[int, dict[str, Any]], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve an API that lets in whom `auth` says, and answers with this; yield its address.

    With TLS it answers only requests for vouchers.example.com.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(*(answer if answer[0] != 200 else (200, {"status": "ok"})))

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert asked["country_code"] == "Latvia"
            signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential=id/")
            allowed = {"none": True, "api_key": self.headers.get("x-api-key") == KEY, "iam": signed}[auth]
            self.reply(*(answer if allowed else (403, {"code": "api_key_required"})))

        def reply(self, status: int, body: dict[str, Any]) -> None:
            if tls and self.headers["Host"] != f"vouchers.example.com:{server.server_port}":
                status, body = 403, {"code": "another_host"}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://api.localhost:{server.server_port}/dev/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke_test, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(smoke_test, "_PAUSE_SECONDS", 0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def asked_of(served: Auth, answer: tuple[int, dict[str, Any]], expected: Auth | None = None) -> list[Passed]:
    with api(served, answer) as url:
        outputs = {"ApiUrl": url, "ApiKeyId": "key-id"}
        return SmokeTest(FakeAccount(), outputs, expected or served, "Latvia").run()


def test_an_api_with_a_key_answers_with_it_and_refuses_without():
    assert asked_of("api_key", AMOUNT) == [
        Passed("GET health", "200"),
        Passed("POST voucher without a key", "403 api_key_required"),
        Passed("POST voucher with its key", "200"),
    ]


def test_before_the_first_run_there_is_no_model_and_that_is_an_answer():
    assert [check.answer for check in asked_of("api_key", NO_MODEL)] == [
        "503 no_model",
        "403 api_key_required",
        "503 no_model",
    ]


def test_with_iam_the_request_is_signed_with_the_deployers_credentials():
    assert [check.asked for check in asked_of("iam", AMOUNT)][1:] == [
        "POST voucher without a signature",
        "POST voucher signed",
    ]


def test_an_open_api_is_asked_without_anything():
    assert [check.asked for check in asked_of("none", AMOUNT)] == ["GET health", "POST voucher"]


def test_an_api_that_lets_in_anyone_fails_where_it_should_ask_for_a_key():
    with pytest.raises(StepError, match="smoke test fails: POST voucher without a key at http.* is answered with 200"):
        asked_of("none", AMOUNT, expected="api_key")


@pytest.mark.parametrize("answer", [(500, {"code": "internal_error"}), (503, {"code": "catalog_unreachable"})])
def test_a_function_that_fails_is_told_with_its_answer(answer: tuple[int, dict[str, Any]]):
    with pytest.raises(StepError, match=f"GET health .* is answered with {answer[0]} {answer[1]['code']}"):
        asked_of("none", answer)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[trustme.CA]:
    """An authority that this machine trusts, and no proxy."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    http_client._certificates.cache_clear()
    yield authority
    http_client._certificates.cache_clear()


def through_the_target(authority: trustme.CA, certified: str) -> list[Passed]:
    """Test an API at vouchers.example.com, a name that leads nowhere, whose target has a certificate of this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certified).configure_cert(context)
    with api("api_key", AMOUNT, context) as url:
        domain = f"https://vouchers.example.com:{urlsplit(url).port}/"
        outputs = {"ApiUrl": domain, "ApiKeyId": "key-id", "DomainTarget": "127.0.0.1"}
        return SmokeTest(FakeAccount(), outputs, "api_key", "Latvia").run()


def test_a_domain_without_a_record_is_asked_through_its_target(trusting: trustme.CA):
    assert [check.answer for check in through_the_target(trusting, "vouchers.example.com")] == [
        "200",
        "403 api_key_required",
        "200",
    ]


def test_a_target_with_the_certificate_of_another_domain_fails(trusting: trustme.CA):
    with pytest.raises(StepError, match=r"at https://vouchers\.example\.com:\d+/ through 127\.0\.0\.1 .*certificate"):
        through_the_target(trusting, "other.example.com")


def test_an_address_where_nobody_answers_is_told():
    with pytest.raises(StepError, match=r"GET health at http://127\.0\.0\.1:9/ is answered with no answer: "):
        SmokeTest(FakeAccount(), {"ApiUrl": "http://127.0.0.1:9/"}, "none", "Peru").run()


def test_what_is_not_right_at_once_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smoke_test, "PATIENCE_SECONDS", 5)
    came = iter([(403, {}), (500, {}), *[AMOUNT] * 2])
    monkeypatch.setattr(caller, "ask", lambda *_, **__: Answer((found := next(came))[0], json.dumps(found[1])))

    passed = SmokeTest(FakeAccount(), {"ApiUrl": "https://api.example/dev/"}, "none", "Peru").run()

    assert [check.answer for check in passed] == ["200", "200"]

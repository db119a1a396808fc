"""Requests as AWS's own client signs them, and what becomes of those that were changed."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from process_emulator.signatures import SentRequest, SignatureError, check_signature

KEYS = {"LKIAOWN": "secret", "LKIAOTHER": "another"}
HOST = "127.0.0.1:4566"
CALLS = [
    ("s3", "put_object", {"Bucket": "b", "Key": "a b/ü=+%2F/é.parquet", "Body": b"content", "Metadata": {"a": "x  y"}}),
    ("s3", "get_object", {"Bucket": "b", "Key": "dir//x/../y&z"}),
    ("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "a b/+=&ü", "Delimiter": "/"}),
    ("s3", "delete_objects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "<&>"}]}}),
    ("lambda", "invoke", {"FunctionName": "arn:aws:lambda:eu-west-1:000000000000:function:f", "Payload": b"{}"}),
    ("apigateway", "get_rest_apis", {"limit": 5}),
    ("sts", "get_caller_identity", {}),
    ("dynamodb", "list_tables", {}),
    ("cloudformation", "create_stack", {"StackName": "s", "TemplateBody": "{}"}),
]


def sent(service: str, operation: str, arguments: dict[str, Any], signed_with: str = KEYS["LKIAOWN"]) -> SentRequest:
    """Return the request that boto3 would send."""
    session = boto3.Session("LKIAOWN", signed_with, region_name="eu-west-1")
    client = session.client(service, endpoint_url=f"http://{HOST}", config=Config(s3={"addressing_style": "path"}))
    caught: list[Any] = []

    def catch(request: Any, **_: Any) -> None:
        caught.append(request)
        raise InterruptedError

    client.meta.events.register("before-send", catch)
    with pytest.raises(InterruptedError):
        getattr(client, operation)(**arguments)
    (request,) = caught
    sent_headers = request.headers.items()
    headers = {name.lower(): [value if isinstance(value, str) else value.decode()] for name, value in sent_headers}
    body = request.body.read() if hasattr(request.body, "read") else (request.body or b"")
    body = body.encode() if isinstance(body, str) else body
    address = urlsplit(request.url)
    target = address.path + (f"?{address.query}" if address.query else "")
    return SentRequest(request.method, target, {"host": [HOST], **headers}, io.BytesIO(body))


def presigned(**arguments: Any) -> SentRequest:
    """Return the GET of an address that was signed in advance."""
    client = boto3.Session("LKIAOWN", "secret", region_name="eu-west-1").client(
        "s3", endpoint_url=f"http://{HOST}", config=Config(signature_version="s3v4")
    )
    address = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}, **arguments))
    return SentRequest("GET", f"{address.path}?{address.query}", {"host": [HOST]}, io.BytesIO())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]}-{call[1]}")
def test_what_is_signed_with_the_secret_of_its_key_is_let_in(call: tuple[str, str, dict[str, Any]]) -> None:
    check_signature(sent(*call), KEYS.__getitem__)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]}-{call[1]}")
def test_what_is_signed_with_another_secret_is_refused(call: tuple[str, str, dict[str, Any]]) -> None:
    request = sent(*call, signed_with="guessed")

    assert refused(request) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda sent: replace(sent, method="DELETE"), "SignatureDoesNotMatch"),
        (lambda sent: replace(sent, target="/b/other"), "SignatureDoesNotMatch"),
        (lambda sent: replace(sent, target=sent.target + "?acl"), "SignatureDoesNotMatch"),
        (lambda sent: replace(sent, body=io.BytesIO(b"changed")), "XAmzContentSHA256Mismatch"),
        (lambda sent: with_header(sent, "host", "evil.example"), "SignatureDoesNotMatch"),
        (lambda sent: with_header(sent, "x-amz-copy-source", "/b/secret"), "SignatureDoesNotMatch"),
        (lambda sent: with_header(sent, "authorization", None), "MissingAuthenticationToken"),
        (lambda sent: with_header(sent, "authorization", "AWS LKIAOWN:c2lnbmF0dXJl"), "IncompleteSignature"),
        (lambda sent: with_header(sent, "authorization", "Bearer x"), "IncompleteSignature"),
        (lambda sent: with_header(sent, "x-amz-date", "yesterday"), "IncompleteSignature"),
    ],
)
def test_what_was_changed_after_it_was_signed_is_refused(change: Any, code: str) -> None:
    request = sent("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"content"})

    assert refused(change(request)) == code


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_holds_for_a_quarter_of_an_hour(minutes: int) -> None:
    request = sent("sts", "get_caller_identity", {})

    assert refused(request, datetime.now(UTC) + timedelta(minutes=minutes)) == "RequestExpired"


def test_a_presigned_address_holds_as_long_as_it_says() -> None:
    request = presigned(ExpiresIn=3600)

    check_signature(request, KEYS.__getitem__)
    assert refused(request, datetime.now(UTC) + timedelta(minutes=61)) == "RequestExpired"


@pytest.mark.parametrize(
    ("was", "becomes", "code"),
    [
        ("/b/k", "/b/other", "SignatureDoesNotMatch"),
        ("X-Amz-Expires=60", "X-Amz-Expires=600", "SignatureDoesNotMatch"),
        ("X-Amz-Expires=60", "X-Amz-Expires=700000", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires=60", "X-Amz-Expires=", "AuthorizationQueryParametersError"),
        ("LKIAOWN", "LKIAOTHER", "SignatureDoesNotMatch"),
        ("%2Fs3%2F", "%2Fsts%2F", "IncompleteSignature"),
        ("X-Amz-Signature=", "X-Amz-Signature=0", "SignatureDoesNotMatch"),
        ("X-Amz-Signature=", "Other=", "MissingAuthenticationToken"),
    ],
)
def test_a_presigned_address_that_was_changed_is_refused(was: str, becomes: str, code: str) -> None:
    request = presigned(ExpiresIn=60)
    assert was in request.target

    assert refused(replace(request, target=request.target.replace(was, becomes))) == code


def refused(request: SentRequest, now: datetime | None = None) -> str:
    """Return why the request is refused."""
    with pytest.raises(SignatureError) as refusal:
        check_signature(request, KEYS.__getitem__, now)
    return refusal.value.code


def with_header(request: SentRequest, name: str, value: str | None) -> SentRequest:
    """Return the request with a header set, or without it."""
    others = {other: values for other, values in request.headers.items() if other != name}
    return replace(request, headers=others if value is None else {**others, name: [value]})

"""Uploads from a browser: to an address that was signed for them, from a page of the same origin, and no other."""

from __future__ import annotations

import http.client
import ssl
import uuid
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import REGION, ROLE
from process_emulator.settings import HOST
from test_admission import create_bucket, session

if TYPE_CHECKING:
    from conftest import Emulator

CONTENT = b"country_code;voucher_amount\nPeru;2640\n"


def https(emulator: Emulator) -> str:
    return f"localhost:{emulator.port}"


def of_page(emulator: Emulator, **replaced: str | None) -> dict[str, str]:
    """Return the headers that a browser sends with an upload of a page of ours, but for those that are replaced."""
    own = {"Origin": f"https://{https(emulator)}", "Sec-Fetch-Site": "same-origin", "If-None-Match": "*"}
    headers = own | {name.replace("_", "-"): value for name, value in replaced.items()}
    return {name: value for name, value in headers.items() if value is not None}


def put(emulator: Emulator, target: str, headers: dict[str, str], content: bytes = CONTENT, method: str = "PUT") -> int:
    """Send an object over TLS, as a browser does; return the answer's status."""
    insecure = ssl._create_unverified_context()  # the emulator signs its certificate itself
    connection = http.client.HTTPSConnection(HOST, emulator.port, timeout=20, context=insecure)
    connection.request(method, target, content, {"Host": https(emulator), **headers})
    answer = connection.getresponse()
    answer.read()
    return answer.status


@pytest.fixture
def bucket(emulator: Emulator) -> str:
    return create_bucket(emulator)


def signed(emulator: Emulator, bucket: str, key: str) -> str:
    """Return the path and query of an address for a new object like `CONTENT`, signed with the keys of a role."""
    given = session(emulator).client("sts", endpoint_url=emulator.url).assume_role(RoleArn=ROLE, RoleSessionName="api")
    found = given["Credentials"]
    s3 = session(emulator, found["AccessKeyId"], found["SecretAccessKey"]).client(
        "s3",
        endpoint_url=f"https://{https(emulator)}",
        aws_session_token=found["SessionToken"],
        config=Config(signature_version="s3v4", request_checksum_calculation="when_required", region_name=REGION),
    )
    asked = {"Bucket": bucket, "Key": key, "ContentLength": len(CONTENT), "IfNoneMatch": "*"}
    address: str = s3.generate_presigned_url("put_object", Params=asked)
    return address.removeprefix(f"https://{https(emulator)}")


def objects(emulator: Emulator, bucket: str) -> dict[str, bytes]:
    s3 = emulator.client("s3")
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found}


def test_a_page_of_the_same_origin_uploads_to_an_address_that_was_signed(emulator: Emulator, bucket: str) -> None:
    key = "uploads/sha256-0/a b+ü.csv"
    typed = of_page(emulator, Content_Type="text/csv", Sec_Fetch_Mode="cors", Referer=f"https://{https(emulator)}/")

    assert put(emulator, signed(emulator, bucket, key), typed) == 200
    assert objects(emulator, bucket) == {key: CONTENT}


def test_an_upload_replaces_no_object(emulator: Emulator, bucket: str) -> None:
    target = signed(emulator, bucket, "uploads/x.csv")
    assert put(emulator, target, of_page(emulator)) == 200

    assert put(emulator, target, of_page(emulator), CONTENT.swapcase()) == 412
    assert objects(emulator, bucket) == {"uploads/x.csv": CONTENT}


@pytest.mark.parametrize(
    "replaced",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "https://localhost"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "https://localhost:{port}/"},
        *({"Sec_Fetch_Site": site} for site in ("cross-site", "same-site", "none")),
        {"Host": "evil.example", "Origin": "https://evil.example"},
        {"Host": "bucket.localhost:{port}", "Origin": "https://bucket.localhost:{port}"},
        {"If_None_Match": None},
        {"If_None_Match": "other"},
        {"X_Amz_Acl": "public-read"},
        {"Authorization": "AWS test:test"},
    ],
    ids=lambda replaced: ", ".join(f"{name} {value}" for name, value in replaced.items()),
)
def test_other_pages_and_other_requests_upload_nothing(emulator: Emulator, bucket: str, replaced) -> None:
    filled = {name: value and value.format(port=emulator.port) for name, value in replaced.items()}

    assert put(emulator, signed(emulator, bucket, "uploads/x.csv"), of_page(emulator, **filled)) == 403
    assert objects(emulator, bucket) == {}


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b""], ids=["less", "more", "nothing"])
def test_an_upload_has_the_size_that_was_signed(emulator: Emulator, bucket: str, content: bytes) -> None:
    assert put(emulator, signed(emulator, bucket, "uploads/x.csv"), of_page(emulator), content) == 403
    assert objects(emulator, bucket) == {}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "OPTIONS"])
def test_a_page_does_nothing_else_with_the_address(emulator: Emulator, bucket: str, method: str) -> None:
    assert put(emulator, signed(emulator, bucket, "uploads/x.csv"), of_page(emulator), method=method) == 403


def test_an_address_that_was_changed_is_refused(emulator: Emulator, bucket: str) -> None:
    target = signed(emulator, bucket, "uploads/x.csv")
    longer = target.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")
    assert longer != target

    for other in (target.replace("x.csv", "y.csv"), target + "&acl", target.partition("?")[0], longer):
        assert put(emulator, other, of_page(emulator)) == 403
    assert objects(emulator, bucket) == {}


def test_a_page_signs_nothing_by_itself(emulator: Emulator, bucket: str) -> None:
    guessed = session(emulator, secret=uuid.uuid4().hex).client("s3", endpoint_url=f"https://{https(emulator)}")
    address = guessed.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "x"})

    assert put(emulator, address.removeprefix(f"https://{https(emulator)}"), of_page(emulator)) == 403
    with pytest.raises(ClientError, match="404"):
        emulator.client("s3").head_object(Bucket=bucket, Key="x")

"""What the API offers for uploads: for which files, to whom, and what an append makes of what was sent."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from tests.environment import BUCKET
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import SECOND, STARTED, Answer, Api, Pipeline
from tests.integration.test_append import support
from tests.integration.test_run_routes import executions, form  # noqa: F401 - a fixture
from voucher_selection.adapters.catalog import Catalog

LIMIT = 5 * 1024**3
ORIGIN = f"https://{BUCKET}.s3.us-east-1.amazonaws.com"


def asked(content: bytes = b"x", name: str = "monday.parquet") -> dict[str, Any]:
    digest = hashlib.sha256(hashlib.sha256(content).digest()).hexdigest()
    return {"name": name, "size": len(content), "sha256": digest}


def offer(api: Api, request: Any, **headers: str) -> Answer:
    return api("POST", "/uploads", json.dumps(request), Content_Type="application/json", **headers)


def send(offered: dict[str, Any], content: bytes) -> str:
    """Put the content where a browser would send it, and return its address."""
    bucket, _, key = offered["source"].removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
    return offered["source"]


def test_an_address_holds_for_one_new_object_of_one_size_and_a_quarter_of_an_hour(api: Api):
    request = asked(name="Übersicht 50% #1+2.csv") | {"size": 123_456}

    offered = offer(api, request).json

    key = f"uploads/sha256-{request['sha256'][:16]}/Übersicht 50% #1+2.csv"
    assert offered["source"] == f"s3://{BUCKET}/{key}"
    assert offered["send"]["method"] == "PUT"
    assert offered["send"]["headers"] == {"If-None-Match": "*"}
    address = urlsplit(offered["send"]["url"])
    assert (f"{address.scheme}://{address.netloc}", unquote(address.path)) == (ORIGIN, f"/{key}")
    query = parse_qs(address.query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;host;if-none-match"]
    assert query["X-Amz-Expires"] == ["900"]
    left = datetime.fromisoformat(offered["send"]["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


def test_an_address_is_signed_for_its_size(api: Api):
    one, other = (offer(api, asked() | {"size": size}).json["send"]["url"] for size in (5, 6))

    assert one.partition("?")[0] == other.partition("?")[0]
    assert parse_qs(one)["X-Amz-Signature"] != parse_qs(other)["X-Amz-Signature"]


def test_in_the_emulator_the_address_is_the_one_that_the_page_has(environment, aws):
    environment.setenv("UPLOADS_ENDPOINT", "https://localhost:4566")
    api = Api()

    url = offer(api, asked()).json["send"]["url"]

    assert url.startswith(f"https://localhost:4566/{BUCKET}/uploads/sha256-")


@pytest.mark.parametrize(
    ("changed", "field", "why"),
    [
        ({"name": ""}, "name", "at least 1 character"),
        ({"name": "../x.csv"}, "name", "expected the name of a file without its folders, got '../x.csv'"),
        ({"name": "a\\b.csv"}, "name", "without its folders"),
        ({"name": ".."}, "name", "without its folders"),
        ({"name": "a\nb.csv"}, "name", "without control characters"),
        ({"name": "\ud800.csv"}, "name", "unicode"),
        ({"name": "x.csv "}, "name", "expected a name without blanks at its ends, got 'x.csv '"),
        ({"name": "ü" * 497}, "name", "expected a name of at most 992 bytes, got 994: rename the file"),
        ({"name": 7}, "name", "valid string"),
        ({"size": 0}, "size", "greater than 0"),
        ({"size": -1}, "size", "greater than 0"),
        ({"size": "5"}, "size", "valid integer"),
        ({"size": True}, "size", "valid integer"),
        ({"size": LIMIT + 1}, "size", "expected a file of at most 5,368,709,120 bytes, got 5,368,709,121: put it into"),
        ({"sha256": "ab" * 31}, "sha256", "pattern"),
        ({"sha256": "AB" * 32}, "sha256", "pattern"),
        ({"sha256": "ab" * 32 + "\n"}, "sha256", "pattern"),
        ({"bucket": "other"}, "bucket", "not permitted"),
    ],
    ids=str,
)
def test_what_cannot_be_uploaded_is_named(api: Api, changed: dict[str, Any], field: str, why: str):
    answer = offer(api, asked() | changed)

    assert (answer.status, answer.json["code"]) == (422, "invalid_upload")
    (error,) = answer.json["errors"]
    assert error["field"] == field
    assert why in error["detail"]


@pytest.mark.parametrize("request_", [[], "x", None, {}])
def test_what_is_no_request_is_refused(api: Api, request_: Any):
    answer = offer(api, request_)

    assert (answer.status, answer.json["code"]) == (422, "invalid_upload")


def test_the_largest_file_and_the_longest_name_are_taken(api: Api):
    assert offer(api, asked() | {"size": LIMIT, "name": "ü" * 496}).status == 200


def test_a_stage_may_take_less(environment, aws):
    environment.setenv("UPLOAD_MAX_BYTES", "1000")
    api = Api()

    assert [offer(api, asked() | {"size": size}).status for size in (1_000, 1_001)] == [200, 422]


def test_a_stage_that_starts_no_runs_takes_no_files(environment, aws):
    environment.setenv("START_RUNS", "false")

    answer = offer(Api(), asked())

    assert (answer.status, answer.json["code"]) == (403, "runs_not_started")


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_a_page_of_another_site_gets_no_address(api: Api, site: str, status: int):
    answer = offer(api, asked(), Sec_Fetch_Site=site)

    assert answer.status == status
    assert (answer.json.get("code") == "cross_site") is (status == 403)


def test_what_was_uploaded_is_not_sent_again(api: Api):
    source = send(offer(api, asked()).json, b"x")

    assert offer(api, asked()).json == {"source": source, "send": None}
    assert offer(api, asked(name="monday.parquet2")).json["send"]
    assert offer(api, asked(name="monday.parque")).json["send"]  # the beginning of a key is another key


def test_a_digest_of_another_file_is_refused(api: Api):
    send(offer(api, asked()).json, b"longer")

    answer = offer(api, asked())

    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "sha256")
    assert "has 6 bytes, not 1: rename the file" in answer.json["errors"][0]["detail"]


def test_an_upload_does_not_replace_another(api: Api):
    offered = [offer(api, asked()).json for _ in range(2)]  # as of two pages at once
    send(offered[0], b"x")

    with pytest.raises(ClientError, match="PreconditionFailed"):
        send(offered[1], b"y")


def test_while_s3_does_not_answer_the_caller_may_try_again(api: Api, monkeypatch: pytest.MonkeyPatch):
    def unconnected(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url=ORIGIN)

    monkeypatch.setattr(api.handler.page_routes.uploads()._client, "list_objects_v2", unconnected)

    answer = offer(api, asked())

    assert (answer.status, answer.json["code"]) == (503, "lake_unavailable")
    assert answer.headers["Retry-After"]


def test_a_file_that_is_uploaded_twice_is_counted_once(api: Api, pipeline: Pipeline, catalog: Catalog):
    base, other, another = (parquet_bytes(history(*repeated(rows, voucher_amount=2640.0))) for rows in (1, 10, 20))
    pipeline.run("full", {"source": send(offer(api, asked(base)).json, base)}, STARTED)

    known = []
    for number, content in enumerate((other, other, another, other)):
        offered = offer(api, asked(content)).json
        source = send(offered, content) if offered["send"] else offered["source"]
        known.append(pipeline.append(f"day-{number}", source, STARTED + (number + 1) * SECOND)["known_files"])

    assert known == [0, 1, 0, 1]
    assert support(catalog) == 1 + 10 + 20


def test_the_page_of_runs_sends_to_s3_and_no_other_page_does(version: str, executions, environment, aws):  # noqa: F811
    for auth in ("none", "api_key"):
        environment.setenv("AUTH", auth)
        api = Api()
        pages = ("search_voucher", "segments", "report", "runs", "runs/none")
        policies = {page: policy_of(api("GET", f"/{page}", Accept="text/html")) for page in pages}

        assert policies.pop("runs")["connect-src"] == ["'self'", ORIGIN]
        assert {tuple(policy["connect-src"]) for policy in policies.values()} == {("'self'",)}
    assert policy_of(form(api, mode="delete"))["connect-src"] == ["'self'", ORIGIN]
    environment.setenv("START_RUNS", "false")
    assert policy_of(Api()("GET", "/runs", Accept="text/html"))["connect-src"] == ["'self'"]


def policy_of(answer: Answer) -> dict[str, list[str]]:
    parts = (part.split() for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


def test_the_form_with_a_file_keeps_what_was_uploaded_and_tells_what_is_wrong(executions, api: Api):  # noqa: F811
    source = f"s3://{BUCKET}/uploads/sha256-{'ab' * 8}/monday.csv"

    page = form(api, form="file", mode="append", source=source, countries="Peru,Peru", overlap="add")

    assert page.status == 422
    assert f'name="source" value="{source}"' in page.text
    assert '<input id="file" type="file" aria-describedby' in page.text  # it needs no other file
    assert 'id="file_countries_error"' in page.text
    assert 'id="history_countries_error"' not in page.text
    assert '<input id="source" name="source" autocomplete="off" required value=""' in page.text


def test_the_form_with_a_file_starts_the_run_of_its_upload(executions, api: Api):  # noqa: F811
    source = f"s3://{BUCKET}/uploads/sha256-{'ab' * 8}/monday.csv"

    page = form(api, form="file", mode="full", source=source, overlap="refuse")

    assert page.status == HTTPStatus.SEE_OTHER


def test_a_page_without_javascript_says_how_else(executions, api: Api):  # noqa: F811
    page = api("GET", "/runs", Accept="text/html").text

    said = page.partition("<noscript><p>To run a file")[2].partition("</noscript>")[0]
    assert "./quickstart run --source FILE" in said
    assert f"s3://{BUCKET}/uploads/" in said

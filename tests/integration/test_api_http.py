"""What HTTP asks of every route: methods, negotiation, validators, bodies, ids, and pages of other origins."""

import base64
import io
import json

import pytest

from tests.integration.conftest import REQUEST_ID, Answer, Api
from tests.lookup_requests import SEED_REQUEST

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"
READS = ("/health", "/selection_criteria", "/search_voucher", "/openapi.json", "/docs", "/docs/initializer.js")


@pytest.fixture
def shared_api(version: str, environment) -> Api:
    """The API of a stage that lets the pages of one origin call it."""
    environment.setenv("CORS_ORIGINS", '["https://campaigns.example"]')
    return Api()


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def every_kind(api: Api) -> dict[str, Answer]:
    """An answer of every kind that there is."""
    return {
        "json": api("GET", "/selection_criteria"),
        "a page": api("GET", "/search_voucher"),
        "a lookup": api.lookup(**SEED_REQUEST),
        "a problem": api.lookup(),
        "a problem's page": api("GET", "/nothing", Accept=BROWSER),
        "methods": api("OPTIONS", "/voucher"),
        "a redirect": api("GET", "/docs/"),
        "not modified": api("GET", "/docs", If_None_Match="*"),
        "a script": api("GET", "/docs/initializer.js"),
    }


def test_every_answer_has_the_requests_id_and_is_safe_to_show(version: str, api: Api):
    for kind, answer in every_kind(api).items():
        assert answer.headers["X-Request-Id"] == REQUEST_ID, kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff", kind
        assert answer.headers["Referrer-Policy"] == "no-referrer", kind
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], kind
        assert answer.headers["Cache-Control"], kind


def test_log_lines_of_a_request_carry_its_id(version: str, api: Api, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(api.handler.logger.registered_handler, "stream", log)
    monkeypatch.setattr(api.handler.models, "current", lambda: {}["model"])

    assert api.lookup(**SEED_REQUEST).headers["X-Request-Id"] == REQUEST_ID

    (line,) = log.getvalue().splitlines()
    assert json.loads(line)["correlation_id"] == REQUEST_ID


@pytest.mark.parametrize("path", READS)
def test_a_read_is_answered_once_and_then_said_to_be_the_same(version: str, api: Api, path: str):
    # Given a reader that keeps what it got
    first = api("GET", path)
    etag = first.headers["ETag"]
    assert (first.status, etag[0], etag[-1]) == (200, '"', '"')

    # When it asks again with the validator
    again = api("GET", path, If_None_Match=f'"another", W/{etag}')

    # Then nothing is sent twice
    assert (again.status, again.text) == (304, "")
    assert (again.headers["ETag"], again.headers["Cache-Control"]) == (etag, first.headers["Cache-Control"])
    assert api("GET", path, If_None_Match='"another"').status == 200


def test_a_new_model_has_another_validator(version: str, put, pipeline, api: Api):
    before = api("GET", "/selection_criteria").headers["ETag"]
    pipeline.run("run-2", {"source": "s3://lake/uploads/history.parquet"})

    after = api("GET", "/selection_criteria", If_None_Match=before)

    assert (after.status, after.headers["ETag"] == before) == (200, False)


def test_what_depends_on_accept_says_so_to_caches(version: str, api: Api):
    as_json, as_page = (api("GET", "/selection_criteria", Accept=accept) for accept in ("*/*", BROWSER))

    assert (as_json.headers["Vary"], as_page.headers["Vary"]) == ("Accept", "Accept")
    assert as_json.headers["ETag"] != as_page.headers["ETag"]
    assert (as_json.headers["Content-Type"], as_page.headers["Content-Type"][:9]) == ("application/json", "text/html")


def test_a_problem_is_a_page_for_who_prefers_one(version: str, api: Api):
    as_page = api("GET", "/nothing", Accept=BROWSER)
    as_json = api("GET", "/nothing", Accept="text/html;q=0.5, application/json")

    assert (as_page.status, as_page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert (as_json.status, as_json.headers["Content-Type"]) == (404, "application/problem+json")
    assert as_page.headers["Vary"] == as_json.headers["Vary"] == "Accept"


@pytest.mark.parametrize(("path", "fields"), [("/voucher", SEED_REQUEST), ("/vouchers", {"customers": [SEED_REQUEST]})])
def test_lookups_are_not_kept(version: str, api: Api, path: str, fields):
    answer = api("POST", path, json.dumps(fields), Content_Type="application/json")

    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "ETag" not in answer.headers


@pytest.mark.parametrize("path", READS)
def test_head_is_a_get_without_its_body(version: str, api: Api, path: str):
    got, headed = api("GET", path), api("HEAD", path)

    assert (headed.status, headed.text) == (200, "")
    assert headed.headers == got.headers


def test_head_of_what_there_is_not_has_no_body_either(version: str, api: Api):
    assert (api("HEAD", "/nothing").status, api("HEAD", "/nothing").text) == (404, "")
    assert (api("HEAD", "/voucher").status, api("HEAD", "/voucher").text) == (405, "")


ALLOWED = {
    "/voucher": "OPTIONS, POST",
    "/search_voucher": "GET, HEAD, OPTIONS, POST",
    "/health": "GET, HEAD, OPTIONS",
    "/docs/initializer.js": "GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize("path", ALLOWED)
def test_options_names_the_methods_of_a_path(api: Api, path: str):
    answer = api("OPTIONS", path)

    assert (answer.status, answer.text, answer.headers["Allow"]) == (204, "", ALLOWED[path])


@pytest.mark.parametrize("path", ALLOWED)
def test_another_method_is_told_those_that_there_are(api: Api, path: str):
    answer = api("DELETE", path)

    assert (answer.status, answer.headers["Content-Type"]) == (405, "application/problem+json")
    assert (answer.json["code"], answer.headers["Allow"]) == ("method_not_allowed", ALLOWED[path])
    assert answer.json["detail"] == f"{path} accepts {ALLOWED[path]}, not DELETE"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/docs/", "../docs"),
        ("/voucher//", "../../voucher"),
        ("/docs/a b/", "../a%20b"),
        ("//evil.example/", "../evil.example"),
    ],
)
def test_a_slash_too_many_leads_to_the_path_without(api: Api, path: str, location: str):
    answer = api("POST", path)

    assert (answer.status, answer.headers["Location"]) == (308, location)


def test_a_body_may_come_as_base64(version: str, api: Api):
    body = encoded(json.dumps(SEED_REQUEST).encode())
    fields = encoded(b"country_code=Peru&segment_name=frequent_segment&total_orders=3")

    lookup = api("POST", "/voucher", body, base64_encoded=True, Content_Type="application/json")
    form = api("POST", "/search_voucher", fields, base64_encoded=True, Content_Type=FORM)

    assert (lookup.status, lookup.json["voucher_amount"]) == (200, 2640.0)
    assert form.status == 200


def test_a_byte_order_mark_before_the_body_is_ignored(version: str, api: Api):
    text = "\ufeff" + json.dumps(SEED_REQUEST)

    plain = api("POST", "/voucher", text, Content_Type="application/json")
    in_base64 = api("POST", "/voucher", encoded(text.encode()), base64_encoded=True, Content_Type="application/json")

    assert [(answer.status, answer.json["voucher_amount"]) for answer in (plain, in_base64)] == [(200, 2640.0)] * 2


def test_a_form_of_more_fields_than_any_page_has_is_refused(version: str, api: Api):
    answer = api("POST", "/search_voucher", "&".join(["a=1"] * 101), Content_Type=FORM)

    assert (answer.status, answer.json["code"]) == (400, "malformed_body")
    assert "at most 100 fields" in answer.json["detail"]


@pytest.mark.parametrize(("path", "content_type"), [("/voucher", "application/json"), ("/search_voucher", FORM)])
@pytest.mark.parametrize("body", ["not base64!", "abc", "é", encoded(b"\xff\xfe{}")])
def test_a_body_that_is_no_text_is_refused(version: str, api: Api, path: str, content_type: str, body: str):
    answer = api("POST", path, body, base64_encoded=True, Content_Type=content_type)

    assert (answer.status, answer.json["code"]) == (400, "malformed_body")


def test_a_text_that_no_encoding_has_is_refused(version: str, api: Api):
    answer = api("POST", "/search_voucher", "customer_id=\ud800", Content_Type=FORM)

    assert (answer.status, answer.json["code"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/voucher", "application/json"), ("/vouchers", "application/json"), ("/search_voucher", FORM)],
)
def test_a_body_beyond_the_limit_is_refused_with_both_sizes(version: str, api: Api, path: str, content_type: str):
    answer = api("POST", path, "é" * (512 * 1024) + "x", Content_Type=content_type)

    assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert answer.json["detail"] == "expected a body of at most 1,048,576 bytes, got 1,048,577: split the request"


def test_the_limit_counts_what_base64_stands_for(version: str, api: Api):
    lookup = json.dumps(SEED_REQUEST)
    largest = encoded(lookup.ljust(1_048_576).encode())

    kept = api("POST", "/voucher", largest, base64_encoded=True, Content_Type="application/json")
    refused = api("POST", "/voucher", lookup.ljust(1_048_577), Content_Type="application/json")

    assert (kept.status, refused.status) == (200, 413)


def test_without_origins_no_other_page_may_read(version: str, api: Api):
    answer = api("GET", "/health", Origin="https://campaigns.example")

    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_pages_of_an_origin_that_is_named_may_read_answers_and_problems(shared_api: Api):
    for answer in (
        shared_api("GET", "/selection_criteria", Origin="https://campaigns.example"),
        shared_api("GET", "/nothing", Origin="https://campaigns.example"),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://campaigns.example"
        assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Vary"] == "Accept, Origin"


def test_a_preflight_is_told_methods_and_headers(shared_api: Api):
    answer = shared_api("OPTIONS", "/voucher", Origin="https://campaigns.example", Access_Control_Request_Method="POST")

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, If-None-Match, X-Api-Key"
    assert answer.headers["Access-Control-Max-Age"] == "600"


def test_pages_of_other_origins_may_not(shared_api: Api):
    for method in ("GET", "OPTIONS"):
        answer = shared_api(method, "/health", Origin="https://evil.example")

        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert "Origin" in answer.headers["Vary"]


def test_any_origin_may_be_allowed(version: str, environment):
    environment.setenv("CORS_ORIGINS", '["*"]')

    answer = Api()("GET", "/health", Origin="https://anybody.example")

    assert answer.headers["Access-Control-Allow-Origin"] == "https://anybody.example"

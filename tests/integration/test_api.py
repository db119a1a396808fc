"""The API's routes: their answers from a published model, and their problems."""

import json
import socket
import subprocess
import sys
import time
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.environment import BUCKET
from tests.integration.conftest import Answer, Api, Pipeline, forget_the_countries
from tests.lookup_requests import SEED_REQUEST
from tests.models import SHIPPED_SEGMENTS
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.domain.errors import CatalogUnavailable


def unreachable() -> str:
    raise CatalogUnavailable("table test does not answer")


def form(api: Api, **fields: Any) -> Answer:
    return api("POST", "/search_voucher", urlencode(fields), Content_Type="application/x-www-form-urlencoded")


def test_the_request_of_the_original_is_answered_with_an_amount(version: str, api: Api):
    answer = api.lookup(**SEED_REQUEST)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json == {
        "voucher_amount": 2640.0,
        "customer_id": 123,
        "country_code": "Peru",
        "segment_name": "recency_segment",
        "segment": "121-180",
        "basis": "segment",
        "support": 4,
        "share": 0.75,
        "model": {"version": version, "cur_date": "2018-09-15"},
    }


@pytest.mark.parametrize(("orders", "segment", "amount"), [(5, "5-13", 4400.0), (38, "out_of_range", 1.5)])
def test_only_the_field_that_the_segmentation_splits_by_is_needed(version: str, api: Api, orders, segment, amount):
    answer = api.lookup(country_code="Peru", segment_name="frequent_segment", total_orders=orders)

    assert answer.status == 200
    assert (answer.json["segment"], answer.json["voucher_amount"]) == (segment, amount)


@pytest.mark.parametrize("orders", [3, 3.0, "3", "3.0"])
def test_whole_numbers_may_be_written_in_any_way(version: str, api: Api, orders):
    answer = api.lookup(country_code="Peru", segment_name="frequent_segment", total_orders=orders)

    assert (answer.status, answer.json["segment"]) == (200, "1-4")


INVALID = {
    "nothing": ({}, {"country_code", "segment_name"}),
    "another segmentation": ({"segment_name": "age_segment"}, {"segment_name"}),
    "no last order": ({"last_order_ts": None}, {"last_order_ts"}),
    "a blank last order": ({"last_order_ts": " "}, {"last_order_ts"}),
    "no day of the calendar": ({"last_order_ts": "2018-02-30"}, {"last_order_ts"}),
    "a date as a number": ({"last_order_ts": 1525305600}, {"last_order_ts"}),
    "negative orders": ({"total_orders": -5}, {"total_orders"}),
    "half an order": ({"total_orders": 4.5}, {"total_orders"}),
    "orders with an underscore": ({"total_orders": "1_0"}, {"total_orders"}),
    "orders in other digits": ({"total_orders": "\u0663"}, {"total_orders"}),
    "orders as a truth": ({"total_orders": True}, {"total_orders"}),
    "orders beyond count": ({"total_orders": 1e300}, {"total_orders"}),
    "an unparsable first order": ({"first_order_ts": "yesterday"}, {"first_order_ts"}),
    "a last order before the first": (
        {"last_order_ts": "2017-05-02", "first_order_ts": "2017-05-03"},
        {"last_order_ts", "first_order_ts"},
    ),
    "no orders and a last order": (
        {"total_orders": 0, "first_order_ts": None},
        {"total_orders", "last_order_ts"},
    ),
    "no orders and a first order": (
        {"total_orders": "0.0", "last_order_ts": "", "segment_name": "frequent_segment"},
        {"total_orders", "first_order_ts"},
    ),
    "no orders and both": ({"total_orders": 0}, {"total_orders", "last_order_ts", "first_order_ts"}),
    "orders without an end": ({"total_orders": "1" * 100_000 + "x"}, {"total_orders"}),
    "a customer that is a list": ({"customer_id": [1]}, {"customer_id"}),
    "a customer that is a truth": ({"customer_id": True}, {"customer_id"}),
    "a country that is a number": ({"country_code": 51}, {"country_code"}),
    "text that is no Unicode": ({"customer_id": "\ud800"}, {"customer_id"}),
    "a least support of nothing": ({"least_support": 0}, {"least_support"}),
    "a fallback that is no country": ({"fallback": "segment"}, {"fallback"}),
    "all at once": ({"total_orders": -1, "last_order_ts": "x"}, {"total_orders", "last_order_ts"}),
}


@pytest.mark.parametrize("case", INVALID)
def test_fields_that_cannot_be_used_are_listed(version: str, api: Api, case: str):
    changed, fields = INVALID[case]

    answer = api.lookup(**(SEED_REQUEST | changed if changed else {}))

    assert (answer.status, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert answer.json["code"] == "invalid_request"
    assert sorted(error["field"] for error in answer.json["errors"]) == sorted(fields)
    assert all(error["detail"] for error in answer.json["errors"])


def test_a_country_that_the_model_does_not_know_is_named(version: str, api: Api):
    answer = api.lookup(**SEED_REQUEST | {"country_code": "x' OR '1'='1"})

    assert (answer.status, answer.json["code"]) == (404, "unknown_country")
    assert "Peru" in answer.json["detail"]


@pytest.mark.parametrize(("last_order", "days"), [("2018-09-03", 12), ("2018-08-17", 29), ("2019-01-01", -108)])
def test_a_customer_in_no_segment_is_told_so(version: str, api: Api, last_order: str, days: int):
    answer = api.lookup(**SEED_REQUEST | {"last_order_ts": last_order})

    assert (answer.status, answer.json["code"]) == (404, "no_segment")
    assert f"days_since_last_order is {days}" in answer.json["detail"]


def test_a_segment_without_support_has_no_amount(version: str, api: Api):
    answer = api.lookup(**SEED_REQUEST | {"last_order_ts": "2018-08-16"})

    assert (answer.status, answer.json["code"]) == (404, "no_support")
    assert "30-60" in answer.json["detail"]


@pytest.mark.parametrize(
    ("fields", "segment"),
    [
        ({"segment_name": "recency_segment", "last_order_ts": "2018-08-16"}, "30-60"),
        ({"segment_name": "recency_segment", "last_order_ts": "2018-09-03"}, None),
        ({"segment_name": "recency_segment"}, None),
        ({"segment_name": "recency_segment", "last_order_ts": "2018-05-03", "least_support": 5}, "121-180"),
    ],
    ids=["no support", "no segment", "no last order", "too little support"],
)
def test_with_a_fallback_the_country_answers(version: str, api: Api, fields: dict[str, Any], segment: str | None):
    answer = api.lookup(country_code="peru", fallback="country", **fields)

    assert answer.status == 200
    assert answer.json == {
        "voucher_amount": 2640.0,
        "customer_id": None,
        "country_code": "Peru",
        "segment_name": "recency_segment",
        "segment": segment,
        "basis": "country",
        "support": 6,
        "share": 0.5,
        "model": {"version": version, "cur_date": "2018-09-15"},
    }


def test_a_country_with_less_than_the_least_support_does_not_answer(version: str, api: Api):
    answer = api.lookup(**SEED_REQUEST, fallback="country", least_support=7)

    assert (answer.status, answer.json["code"]) == (404, "no_support")
    assert answer.json["detail"] == (
        "expected a support of at least 7 for the fallback, but Peru has only 6 kept assignments"
    )


def test_a_model_of_an_older_version_says_that_it_has_no_amounts_of_countries(version: str, api: Api, catalog: Catalog):
    forget_the_countries(catalog)

    answer = api.lookup(**SEED_REQUEST | {"last_order_ts": None}, fallback="country")

    assert (answer.status, answer.json["code"]) == (404, "no_support")
    assert "an older version made the model" in answer.json["detail"]
    assert api.lookup(**SEED_REQUEST, fallback="country").json["basis"] == "segment"
    assert api("GET", "/selection_criteria").json["country_modes"] == []


def test_the_fallback_of_the_stage_is_that_of_lookups_that_name_none(version: str, environment):
    environment.setenv("FALLBACK", "country")
    environment.setenv("LEAST_SUPPORT", "5")
    api = Api()

    assert api.lookup(**SEED_REQUEST).json["basis"] == "country"
    assert api.lookup(**SEED_REQUEST, least_support=4).json["basis"] == "segment"
    assert api.lookup(**SEED_REQUEST, fallback="none").json["basis"] == "segment"
    tags = Tags(api("GET", "/search_voucher").text).tags
    assert ("option", {"value": "country", "selected": None}) in tags
    assert [attrs["value"] for tag, attrs in tags if attrs.get("id") == "least_support"] == ["5"]


@pytest.mark.parametrize("body", ["", "{", "nul", '{"a": NaN', "[" * 100_000, '"' + "\\"])
def test_a_body_that_is_no_json_is_refused(version: str, api: Api, body: str):
    answer = api("POST", "/voucher", body, Content_Type="application/json")

    assert (answer.status, answer.json["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("body", ["[]", "3", "null", '"text"'])
def test_json_that_is_no_object_is_refused(version: str, api: Api, body: str):
    answer = api("POST", "/voucher", body, Content_Type="application/json; charset=utf-8")

    assert (answer.status, answer.json["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_type_is_refused(version: str, api: Api, content_type: str):
    answer = api("POST", "/voucher", json.dumps(SEED_REQUEST), Content_Type=content_type)

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("DELETE", "/voucher/1"), ("OPTIONS", "/nothing")])
def test_a_route_that_does_not_exist_is_a_problem_too(version: str, api: Api, method: str, path: str):
    answer = api(method, path)

    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json["code"] == "not_found"


@pytest.mark.parametrize("path", ["/health", "/selection_criteria"])
def test_before_the_first_model_nothing_is_served(api: Api, path: str):
    answer = api("GET", path)

    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "no_model", "5")


def test_a_lookup_before_the_first_model_can_be_tried_again(api: Api):
    answer = api.lookup(**SEED_REQUEST)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


def test_health_tells_the_model_and_its_age(version: str, api: Api):
    answer = api("GET", "/health")

    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert (answer.json["model"]["version"], answer.json["model"]["run_id"]) == (version, "run-1")
    assert 0 <= answer.json["model"]["age_seconds"] < 60


def test_selection_criteria_lists_every_segment(version: str, api: Api):
    answer = api("GET", "/selection_criteria", Accept="*/*")

    assert answer.status == 200
    assert answer.json["model"]["version"] == version
    segments = {(row["segment_name"], row["segment"]): row for row in answer.json["segments"]}
    assert list(segments) == SHIPPED_SEGMENTS
    assert segments["frequent_segment", "1-4"] == {
        "country_code": "Peru",
        "segment_name": "frequent_segment",
        "segment": "1-4",
        "lower": 1,
        "upper": 4,
        "voucher_amount": 2640.0,
        "support": 4,
        "share": 0.75,
        "assignments": [{"voucher_amount": 2640.0, "count": 3}, {"voucher_amount": 3520.0, "count": 1}],
    }
    bounds = {key: (row["lower"], row["upper"]) for key, row in segments.items()}
    assert bounds["recency_segment", "180+"] == (181, None)
    assert bounds["frequent_segment", "out_of_range"] == (None, None)
    empty = segments["recency_segment", "30-60"]
    assert (empty["voucher_amount"], empty["share"]) == (None, None)


class Tags(HTMLParser):
    """The start tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_browser_gets_the_segments_as_a_table(version: str, api: Api):
    answer = api("GET", "/selection_criteria", Accept="text/html,application/xhtml+xml,*/*;q=0.8")

    page = Tags(answer.text)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    segmentations = {name for name, _ in SHIPPED_SEGMENTS}
    assert sum(tag == "tr" for tag, _ in page.tags) == len(segmentations) + len(SHIPPED_SEGMENTS)
    charts = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"]
    assert "Amounts given in 121-180: 2640 75.0 %, 3520 25.0 %" in charts


def test_the_form_offers_what_the_model_knows(version: str, api: Api):
    answer = api("GET", "/search_voucher", Accept="text/html")

    page = Tags(answer.text)
    assert answer.status == 200
    assert ("form", {"class": "card", "method": "post", "action": "search_voucher#result"}) in page.tags
    assert "Peru" in page.text
    assert "recency_segment" in page.text


def test_the_form_is_answered_on_its_own_page(version: str, api: Api):
    answer = form(api, **{name: str(value) for name, value in SEED_REQUEST.items()})

    page = Tags(answer.text)
    assert answer.status == 200
    assert "2640\nis the amount used most in segment 121-180 of recency_segment in Peru" in page.text
    assert "it was given in 3 of 4 assignments, 75.0 %." in " ".join(page.text.split())
    assert "Thin evidence: fewer than 30 assignments stand behind it. The runner-up, 3520, has 25.0 %" in page.text
    assert "is 135 days before CUR_DATE, 2018-09-15" in page.text
    assert "curl -X POST https://api.example/test/voucher" in page.text
    assert ("form", {"class": "card", "method": "post", "action": "search_voucher#result"}) in page.tags


def test_the_form_is_answered_with_the_countrys_amount(version: str, api: Api):
    fields = {"country_code": "Peru", "segment_name": "recency_segment", "fallback": "country", "least_support": "2"}

    pages = [
        " ".join(Tags(form(api, **fields | more).text).text.split())
        for more in ({"last_order_ts": "2018-09-03"}, {"last_order_ts": ""}, {"last_order_ts": "2018-08-16"})
    ]

    for page in pages:
        assert "2640 is the amount used most in Peru, in all segments together: it was given in 3 of 6" in page
    assert "is 12 days before CUR_DATE, 2018-09-15. No segment holds that." in pages[0]
    assert "The customer's days since the last order are not known." in pages[1]
    assert "Segment 30-60 holds that, with too little support." in pages[2]
    assert '"fallback": "country", "least_support": 2}' in pages[0]


def test_the_command_beside_the_answer_leaves_out_what_the_stage_does_anyhow(version: str, api: Api):
    fields = {name: str(value) for name, value in SEED_REQUEST.items()}

    page = Tags(form(api, **fields, fallback="none", least_support="1").text).text

    assert "curl -X POST" in page
    assert '"fallback"' not in page
    assert '"least_support"' not in page


def test_errors_of_the_form_stand_beside_their_fields(version: str, api: Api):
    answer = form(api, country_code="Peru", segment_name="frequent_segment", total_orders="4.5")

    inputs = {attrs["id"]: attrs for tag, attrs in Tags(answer.text).tags if tag == "input"}
    assert answer.status == 422
    assert inputs["total_orders"]["aria-describedby"].split()[0] == "total_orders_error"
    assert inputs["total_orders"]["value"] == "4.5"
    assert "aria-invalid" not in inputs["customer_id"]


def test_what_was_typed_is_escaped(version: str, api: Api):
    payload = "\"><script>alert('x')</script>"

    answer = form(api, **dict.fromkeys(SEED_REQUEST, payload))

    assert answer.text.count("<script") == 1  # the page's own
    typed = [attrs["value"] for tag, attrs in Tags(answer.text).tags if tag == "input"]
    assert typed == [payload] * 4 + ["1"]  # the least support, which was not sent


def test_the_form_says_when_a_customer_is_in_no_segment(version: str, api: Api):
    answer = form(api, country_code="Peru", segment_name="recency_segment", last_order_ts="2018-09-03")

    assert answer.status == 404
    assert "in no segment of recency_segment" in Tags(answer.text).text


def test_a_form_without_fields_is_told_what_it_needs(version: str, api: Api):
    answer = form(api)

    inputs = {attrs["id"]: attrs for tag, attrs in Tags(answer.text).tags if tag in {"input", "select"}}
    assert answer.status == 422
    assert inputs["country_code"]["aria-describedby"] == "country_code_error"


def test_the_form_says_when_there_is_no_model(api: Api):
    answer = api("GET", "/search_voucher", Accept="text/html")

    assert (answer.status, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert "no model has been published yet" in answer.text


def test_a_new_model_is_served_once_the_old_one_is_stale(version: str, put, pipeline: Pipeline, api: Api):
    first = api.lookup(**SEED_REQUEST).json["model"]["version"]
    newer = pipeline.run("run-2", {"source": f"s3://{BUCKET}/uploads/history.parquet"})["version"]

    assert (first, api.lookup(**SEED_REQUEST).json["model"]["version"]) == (version, newer)


def test_a_warm_lookup_does_not_read_the_catalog(version: str, environment, monkeypatch):
    environment.setenv("MODEL_REFRESH_SECONDS", "3600")
    api = Api()
    assert api.lookup(**SEED_REQUEST).status == 200

    monkeypatch.setattr(api.handler.models._catalog, "_client", None)

    assert api.lookup(**SEED_REQUEST).status == 200


def test_the_last_model_is_served_while_the_catalog_cannot_be_reached(version: str, api: Api, monkeypatch, capsys):
    assert api.lookup(**SEED_REQUEST).status == 200

    monkeypatch.setattr(api.handler.models._catalog, "pointer", unreachable)

    assert api.lookup(**SEED_REQUEST).json["model"]["version"] == version
    assert '"StaleModelServed":[1.0]' in capsys.readouterr().out


def test_our_own_faults_say_nothing_of_themselves(version: str, api: Api, monkeypatch, caplog):
    def broken() -> None:
        raise KeyError("secret")

    monkeypatch.setattr(api.handler.models, "current", broken)
    answer = api.lookup(**SEED_REQUEST)

    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_the_function_starts_with_nothing_that_a_lookup_does_not_need(environment, tmp_path):
    not_needed = (
        *("pandas", "numpy", "pyarrow", "jinja2", "boto3", "s3transfer", "aws_xray_sdk", "multiprocessing"),
        *("voucher_selection.api.pages", "voucher_selection.api.openapi", "voucher_selection.api.operations"),
        "voucher_selection.adapters.sources.https",
        "voucher_selection.domain.source_addresses",
    )
    script = f"import sys, api.handler; print([m for m in {not_needed} if m in sys.modules])"
    path = [entry for entry in sys.path if entry.endswith(("lambdas", "layers/shared/python"))]
    environment.setenv("PYTHONPATH", ":".join(path))

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert found.stdout.strip() == "[]"


def test_health_says_when_the_catalog_cannot_be_reached(version: str, api: Api, monkeypatch):
    assert api("GET", "/health").json["status"] == "ok"
    reachable = api.handler.models._catalog.pointer

    monkeypatch.setattr(api.handler.models._catalog, "pointer", unreachable)
    stale = api("GET", "/health")
    monkeypatch.setattr(api.handler.models._catalog, "pointer", reachable)

    assert (stale.status, stale.json["status"], stale.json["model"]["version"]) == (200, "stale", version)
    assert 0 <= stale.json["stale_seconds"] < 60
    assert api("GET", "/health").json["status"] == "ok"


def test_without_a_model_and_a_catalog_the_answer_is_to_try_again(api: Api, monkeypatch):
    monkeypatch.setattr(api.handler.models._catalog, "pointer", unreachable)

    answer = api.lookup(**SEED_REQUEST)

    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "catalog_unreachable", "5")


def test_a_catalog_that_says_nothing_holds_one_request_for_seconds_and_the_next_not_at_all(environment):
    # Given a catalog that takes connections and never answers
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        environment.setenv("MODEL_REFRESH_SECONDS", "3600")
        api = Api()

        # When it is asked twice
        started = time.monotonic()
        first = api.lookup(**SEED_REQUEST)
        waited = time.monotonic() - started
        second = api.lookup(**SEED_REQUEST)
        waited_again = time.monotonic() - started - waited

    # Then only the first request waits, and less long than the function may take
    assert (first.json["code"], second.json["code"]) == ("catalog_unreachable", "catalog_unreachable")
    assert waited < 10
    assert waited_again < 1

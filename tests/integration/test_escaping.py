"""What people and files give us is text on every page, whatever it looks like; and none of it is in a log."""

import io
import json
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest

from tests.histories import history, parquet_bytes
from tests.integration.conftest import STARTED, Api, Pipeline
from tests.integration.test_run_routes import execute, executions  # noqa: F401 - a fixture
from tests.lookup_requests import SEED_REQUEST
from voucher_selection.adapters.run_keys import RunKeys

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</textarea></title></style><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 1337 * 7331 }}{% include 'x' %}${1337*7331}",
    "<!--<a href=//evil.example>",
    "\u202e\u2028</script\u2029>",
    "&lt;script&gt;&#60;script&#62;",
    "'; DROP TABLE vouchers; --",
]
FORM = "application/x-www-form-urlencoded"
BEST_RANGES = ("best_ranges", "measure", "countries", "most_ranges", "least_support", "best_window")
ADDED = ("what_if", "added_name", "added_measure", "added_ranges")


class Elements(HTMLParser):
    """What a browser would make of a page, as far as it could do harm."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def assert_harmless(page: str) -> None:
    found = Elements(page)
    assert (found.tags["script"], found.tags["style"]) == (1, 1)
    assert not {"img", "iframe", "object", "embed", "base", "textarea", "link"} & set(found.tags)
    assert found.handlers == []
    assert not [link for link in found.links if ":" in link.partition("?")[0] or link.startswith("//")], found.links
    assert "9801547" not in page  # a template within a template would have reckoned


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_typed_stays_text(version: str, executions, api: Api, payload: str):  # noqa: F811
    typed = urlencode(dict.fromkeys(SEED_REQUEST, payload))
    pages = [
        api("POST", "/search_voucher", typed, Content_Type=FORM),
        api("POST", "/search_voucher", urlencode(SEED_REQUEST | {"customer_id": payload}), Content_Type=FORM),
        api("POST", "/runs", urlencode({"mode": "full", "source": payload, "countries": payload}), Content_Type=FORM),
        api("POST", "/runs", urlencode({"mode": payload}), Content_Type=FORM),
        api("GET", f"/segments?country={quote(payload)}", Accept="text/html"),
        api("GET", f"/report?what_if=1&cur_date={quote(payload)}&ranges_0={quote(payload)}", Accept="text/html"),
        api("GET", f"/report?{urlencode(dict.fromkeys(BEST_RANGES, payload))}", Accept="text/html"),
        api("GET", f"/report?{urlencode(dict.fromkeys(ADDED, payload))}", Accept="text/html"),
        api("GET", f"/report?country={quote(payload)}", Accept="text/html"),
        api("POST", "/runs", urlencode({"mode": "remodel", "segments": payload}), Content_Type=FORM),
        api("GET", f"/runs/{quote(payload, safe='')}", Accept="text/html"),
        api("GET", f"/{quote(payload, safe='')}", Accept="text/html"),
    ]

    for page in pages:
        assert page.status < 500
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert_harmless(page.text)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_stored_stays_text(put, pipeline: Pipeline, executions, lake, api: Api, payload: str):  # noqa: F811
    payload = payload.replace("#", "")  # no country can have it
    name = payload.translate({ord(blank): "_" for blank in " \u2028\u2029"})
    segments = {
        "segmentations": [
            {
                "name": name,
                "measure": "total_orders",
                "segments": [{"name": name, "lower": 0, "upper": None}],
                "outside": None,
            }
        ]
    }
    source = put(f"uploads/{quote(payload, safe='')}.parquet", parquet_bytes(history({"country_code": payload})))
    request = {"source": source, "countries": [payload]}
    execute(executions, "run-1", request | {"note": payload})
    pipeline.run("run-1", request, STARTED)
    pipeline.sum_up("again", {"mode": "remodel", "segments": segments})
    execute(executions, "run-2", {"source": payload})
    failure = {
        "run_id": "run-2",
        "status": "failed",
        "request": {"mode": payload},
        "source": payload,
        "outcome": payload,
    }
    lake.client.put_object(Bucket=lake.bucket, Key=RunKeys("run-2").summary, Body=json.dumps(failure))

    lookup = urlencode({"country_code": payload, "segment_name": name, "total_orders": "3"})
    answered = api("POST", "/search_voucher", lookup, Content_Type=FORM)

    assert answered.status == 200, answered.text
    assert_harmless(answered.text)
    for path in ("search_voucher", "segments", "report", "runs", "runs/run-1", "runs/run-2"):
        page = api("GET", f"/{path}", Accept="text/html")
        assert page.status == 200, path
        assert_harmless(page.text)


def test_a_customer_s_request_is_in_no_log(version: str, api: Api, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(api.handler.logger.registered_handler, "stream", log)
    customer = SEED_REQUEST | {"customer_id": "customer-4711", "last_order_ts": "2018-05-03 11:22:33"}

    api.lookup(**customer)
    api.lookup(**customer | {"total_orders": -4711})
    api("POST", "/vouchers", json.dumps({"customers": [customer]}), Content_Type="application/json")
    api("POST", "/search_voucher", urlencode(customer), Content_Type=FORM)
    monkeypatch.setattr(api.handler.models, "current", lambda: {}["model"])
    assert api.lookup(**customer).status == 500

    assert "could not be answered" in log.getvalue()
    assert "4711" not in log.getvalue()
    assert "11:22:33" not in log.getvalue()


def test_customer_ids_are_stored_nowhere(version: str, api: Api, lake, catalog):
    api.lookup(**SEED_REQUEST | {"customer_id": "customer-4711"})

    stored = [lake.client.get_object(Bucket=lake.bucket, Key=key)["Body"].read() for key in lake.list("")]
    items = json.dumps(catalog._client.scan(TableName="catalog")["Items"])
    assert stored
    assert not any(b"customer-4711" in body for body in stored)
    assert "customer-4711" not in items

"""The report page: how good the model is, and best ranges that can be tried and published."""

import json
import re
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest

from tests.environment import STATE_MACHINE
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import STARTED, Api, Pipeline
from tests.integration.test_model_routes import LambdaService, report, what_if  # noqa: F401 - a fixture
from tests.integration.test_run_routes import executions, form, started  # noqa: F401 - a fixture
from tests.moto_states import made_once
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.wording import USED_MOST

FEW = {"total_orders": "3", "first_order_ts": datetime(2018, 1, 10), "voucher_amount": 10.0}
MANY = {"total_orders": "20", "first_order_ts": datetime(2016, 1, 10), "voucher_amount": 20.0}


def given(month: str, few: int, many: int, **columns: str) -> list[dict[str, Any]]:
    on = columns | {"timestamp": f"{month}-10 12:00:00"}
    return [*repeated(few, **FEW, **on), *repeated(many, **MANY, **on)]


@pytest.fixture
@made_once
def three_months(put, pipeline: Pipeline) -> dict[str, Any]:
    """In Peru customers of 3 orders are always given 10, and those of 20 orders 20; most are of 20 in June only."""
    rows = [*given("2018-04", 60, 40), *given("2018-05", 60, 40), *given("2018-06", 30, 80)]
    rows += given("2018-06", 1, 2, country_code="Latvia")
    source = put("uploads/history.parquet", parquet_bytes(history(*rows)))
    return pipeline.run("run-1", {"source": source, "countries": ["Peru", "Latvia"]}, STARTED)


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2])).split())


def links(page: str) -> list[dict[str, str]]:
    """The queries of the links that try ranges."""
    found = re.findall(r'href="report\?([^"#]+)#what-if"', page)
    return [dict(parse_qsl(unescape(query))) for query in found]


def publishing(page: str) -> list[dict[str, str]]:
    """The fields of the forms that publish ranges."""
    forms = re.findall(r'<form method="post"[^>]*>(.*?)</form>', page, re.DOTALL)
    return [
        {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', found)} for found in forms
    ]


def test_the_report_says_what_each_segmentation_is_worth(three_months, api: Api):
    text = text_of(report(api).text)

    # 160 of 310 were given the amount used most in the country; all of them that of their segment.
    assert "Peru frequent_segment 310 100.0 % 51.6 % +48.4 2018-06: +72.7" in text
    assert "Peru recency_segment 310 51.6 % 51.6 % 0.0 2018-06: \N{EN DASH} " in text  # nobody is in a segment in June
    assert "Peru lapse_segment 110 72.7 % 72.7 % 0.0 2018-06: -27.3" in text
    assert "Latvia frequent_segment 3 100.0 % 66.7 % +33.3 \N{EN DASH}" in text
    assert USED_MOST in text


def test_the_backtest_is_a_chart_with_its_numbers(three_months, api: Api):
    page = report(api).text
    text = text_of(page)

    assert (
        'aria-label="Backtest, Peru, frequent_segment: 2 months to 2018-06; segments agree with more assignments than'
        ' one amount in 2. In 2018-06: segments 100.0 %, one amount 27.3 %, unanswered 0.0 %"'
    ) in page
    assert "2018-06 110 100.0 % 27.3 % +72.7 0.0 % 2018-05 100 100.0 % 60.0 % +40.0 0.0 %" in text


def test_a_change_of_the_amount_used_most_is_told_with_its_cause(three_months, api: Api):
    text = text_of(report(api).text)

    assert (
        "2018-06, Peru: 20 instead of 10: only the sizes of its parts changed,"
        " the segments of frequent_segment and of lapse_segment."
    ) in text
    assert "Peru 10 60.0 % 10 60.0 % 20 72.7 % shift" in text
    assert "1-4 10 100.0 % 10 100.0 % 10 100.0 %" in text


def test_the_charts_are_of_one_country(three_months, api: Api):
    latvia = report(api, "?country=latvia")

    text = text_of(latvia.text)
    assert "Month by month, Latvia" in text
    assert "No month can be tested" in text
    assert "Latvia 20 66.7 %" in text
    assert report(api, "?country=Chile").status == 404


def test_a_model_of_an_older_version_says_what_will_tell(three_months, lake, api: Api):
    lake.client.delete_object(Bucket=lake.bucket, Key=RunKeys("run-1").quality)

    answer = report(api)

    assert answer.status == 200
    assert "The next run will write one." in text_of(answer.text)
    assert "Month by month" not in text_of(answer.text)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"segmentations": [{}], "countries": []}', None], ids=str)
def test_what_cannot_be_read_of_it_keeps_nothing_else_from_being_shown(three_months, lake, api: Api, content):
    if content is None:
        for key in list(lake.list("")):
            lake.client.delete_object(Bucket=lake.bucket, Key=key)
        lake.client.delete_bucket(Bucket=lake.bucket)
    else:
        lake.client.put_object(Bucket=lake.bucket, Key=RunKeys("run-1").quality, Body=content)

    answer = report(api)

    assert answer.status == 200
    assert "Month by month" not in text_of(answer.text)
    assert json.loads(api("GET", "/model").text)["quality"] is None


def test_best_ranges_are_found(three_months, what_if: LambdaService, api: Api):  # noqa: F811
    answer = report(
        api, "?best_ranges=1&measure=total_orders&countries=peru&most_ranges=3&least_support=5&best_window="
    )

    text = text_of(answer.text)
    assert answer.status == 200
    assert what_if.asked == [
        {
            "question": "best_ranges",
            "request": {
                "measure": "total_orders",
                "countries": ["peru"],
                "most_ranges": 3,
                "least_support": 5,
                "cur_date": "2018-09-15",
            },
        }
    ]
    assert "Best ranges of orders in total, Peru" in text
    assert "1 3+ Try as a what-if Publish 51.6 % 0.0 2018-06: 27.3 %" in text
    assert "2 3, 4+ Try as a what-if Publish 100.0 % +48.4 2018-06: 100.0 %" in text
    assert "3 as with at most 2 100.0 % +48.4 2018-06: 100.0 %" in text
    assert "3 3 orders 150 10 100.0 % 4+ 4 orders or more 160 20 100.0 %" in text


@pytest.mark.parametrize(
    ("measure", "tried"),
    [
        ("total_orders", {"ranges_0": "3, 4+"}),
        (
            "months_since_first_order",
            {
                "added_name": "best_months_since_first_order",
                "added_measure": "months_since_first_order",
                "added_ranges": "8, 9+",
            },
        ),
    ],
)
def test_best_ranges_can_be_tried(three_months, what_if: LambdaService, api: Api, measure: str, tried: dict[str, str]):  # noqa: F811
    page = report(api, f"?best_ranges=1&measure={measure}&countries=Peru&best_window=2018-04-01..").text
    one, two = links(page)

    answer = report(api, f"?{urlencode(two)}")

    assert one != two
    assert two.items() >= {"what_if": "1", "cur_date": "2018-09-15", "window": "2018-04-01..", **tried}.items()
    assert answer.status == 200
    assert all(f'name="{name}"' in answer.text for name in tried)
    text, name = text_of(answer.text), tried.get("added_name", "frequent_segment")
    lower, upper = (tried.get("ranges_0") or tried["added_ranges"]).split(", ")
    assert f"Peru {name} {lower} \N{EN DASH} 10 150" in text
    assert f"Peru {name} {upper} \N{EN DASH} 20 160" in text


def test_best_ranges_can_be_published(three_months, what_if, executions, pipeline: Pipeline, api: Api):  # noqa: F811
    query = "?best_ranges=1&measure=months_since_first_order&countries=Peru&best_window=150"
    one, two = publishing(report(api, query).text)

    answer = form(api, **two)

    run_id = answer.headers["Location"].removeprefix("runs/")
    request = started(executions, run_id)
    assert answer.status == 303
    assert one["segments"] != two["segments"]
    assert request == {
        "mode": "remodel",
        "cur_date": "2018-09-15",
        "window": {"last_days": 150},
        "segments": json.loads(two["segments"]),
    }
    names = [segmentation["name"] for segmentation in request["segments"]["segmentations"]]
    assert names == ["frequent_segment", "recency_segment", "lapse_segment", "best_months_since_first_order"]
    assert pipeline.sum_up("run-2", request)["status"] == "succeeded"
    assert api("GET", "/model").json["definitions"] == request["segments"]


def test_a_stage_that_starts_no_runs_does_not_offer_to_publish(three_months, what_if, environment, api: Api):  # noqa: F811
    environment.setenv("START_RUNS", "false")
    api = Api()
    for module in (api.handler.run_routes, api.handler.page_routes):
        environment.setattr(module, "what_if_function", lambda: what_if_function_of(what_if))

    page = report(api, "?best_ranges=1").text

    assert links(page)
    assert publishing(page) == []


def what_if_function_of(service: LambdaService):
    from voucher_selection.api.what_if_function import WhatIfFunction  # noqa: PLC0415

    return WhatIfFunction("what-if", service)


def test_errors_stand_beside_the_fields_of_best_ranges(three_months, what_if: LambdaService, api: Api):  # noqa: F811
    query = {
        "best_ranges": "1",
        "measure": "mood",
        "most_ranges": "11",
        "least_support": "many",
        "best_window": "always",
    }
    answer = report(api, f"?{urlencode(query)}")
    unknown = report(api, "?best_ranges=1&countries=Chile")

    assert (answer.status, unknown.status) == (422, 422)
    for name in ("measure", "most_ranges", "least_support", "best_window"):
        assert f'id="{name}_error"' in answer.text, name
    assert 'id="window_error"' not in answer.text  # this is of the what-if
    assert "expected some of Peru, Latvia, got Chile" in text_of(unknown.text)
    assert what_if.asked == []


def test_what_cannot_be_found_is_a_notice(three_months, what_if: LambdaService, api: Api):  # noqa: F811
    answer = report(api, "?best_ranges=1&least_support=1000&countries=Peru")

    assert answer.status == 200
    assert "expected a least support of at most 310" in text_of(answer.text)
    assert "best-ranges-result" not in answer.text


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ({"added_ranges": "1-4, 4+"}, "starts at 4, inside or before '1-4'"),
        ({"added_measure": "mood"}, "got 'mood'"),
        ({"added_name": "recency_segment"}, "distinct names"),
        ({"added_name": ""}, "name"),
    ],
)
def test_errors_of_an_added_segmentation_stand_beside_its_ranges(three_months, what_if, api: Api, added, told: str):  # noqa: F811
    fields = {"added_name": "tenure", "added_measure": "months_since_first_order", "added_ranges": "0-11, 12+"}

    answer = report(api, f"?{urlencode({'what_if': '1'} | fields | added)}")

    assert answer.status == 422
    assert told in text_of(
        answer.text.partition('id="added_ranges_error"')[2].partition("</p>")[0].join(["<main>", ""])
    )
    assert what_if.asked == []


@pytest.mark.parametrize("segments", ["{", "[]", '{"segmentations": []}', "[" * 100_000])
def test_definitions_that_cannot_be_used_are_told(three_months, executions, api: Api, segments: str):  # noqa: F811
    answer = form(api, mode="remodel", segments=segments, cur_date="2018-09-15")

    assert answer.status == 422
    assert "segments" in text_of(answer.text.partition('role="alert"')[2].join(["<main ", ""]))
    assert not parse_qs(answer.headers.get("Location", ""))
    assert not executions.list_executions(stateMachineArn=STATE_MACHINE)["executions"]

"""The routes of the model's making: its analysis, its versions, and what another date would change."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import CONTEXT, SECOND, STARTED, TWO, Api, Pipeline, load_handler
from tests.models import SHIPPED_SEGMENTS
from tests.moto_states import made_once
from voucher_selection.adapters import servable
from voucher_selection.api.what_if_function import WhatIfFailed, WhatIfFunction
from voucher_selection.domain.requests import WhatIfRequest
from voucher_selection.domain.segments import shipped_definitions


class LambdaService:
    """Lambda with the one function WhatIf in it: its answers, and its errors as Lambda words them."""

    def __init__(self) -> None:
        self.handler = load_handler("what_if")
        self.asked: list[dict[str, Any]] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "what-if"
        self.asked.append(json.loads(Payload))
        try:
            answer, error = self.handler.lambda_handler(self.asked[-1], CONTEXT), {}
        except Exception as raised:  # noqa: BLE001 - whatever it is
            answer = {"errorType": type(raised).__name__, "errorMessage": str(raised)}
            error = {"FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **error}


@pytest.fixture
def what_if(api: Api, monkeypatch: pytest.MonkeyPatch) -> LambdaService:
    service = LambdaService()
    for module in (api.handler.run_routes, api.handler.page_routes):
        monkeypatch.setattr(module, "what_if_function", lambda: WhatIfFunction("what-if", service))
    return service


def ask(api: Api, **request: Any):
    return api("POST", "/what_if", json.dumps(request), Content_Type="application/json")


def report(api: Api, query: str = ""):
    return api("GET", f"/report{query}", Accept="text/html")


@pytest.fixture
@made_once
def recent(put, pipeline: Pipeline) -> dict[str, Any]:
    """A model of 40 assignments of 2640 and 20 of 3520, 135 days after their last order; and what its run summed up."""
    rows = [*repeated(40, voucher_amount=2640.0), *repeated(20, voucher_amount=3520.0), {"country_code": "Latvia"}]
    source = put("uploads/history.parquet", parquet_bytes(history(*rows)))
    return pipeline.run("run-1", {"source": source}, STARTED)


def test_the_analysis_says_what_the_model_was_made_from(recent: dict[str, Any], api: Api):
    model = api("GET", "/model").json

    assert (model["version"], model["run_id"], model["counts_run_id"]) == (recent["version"], "run-1", "run-1")
    assert model["rows"] == recent["rows"]
    assert (model["rows"]["rows_read"], model["rows"]["other_country"], model["rows"]["kept"]) == (61, 1, 60)
    assert (model["cur_date"], model["countries"]) == ("2018-09-15", ["Peru"])
    assert model["definitions"] == shipped_definitions().model_dump(mode="json")


def test_the_pages_show_amounts_whole(put, pipeline: Pipeline, api: Api):
    rows = [*repeated(40, voucher_amount=1_234_567.0), *repeated(20, voucher_amount=1_234_568.25)]
    pipeline.run("run-1", {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}, STARTED)

    for page in ("/segments", "/report"):
        text = api("GET", page, Accept="text/html").text
        assert "1234567<" in text, page
        assert "1234568.25" in text, page
        assert "e+06" not in text, page


def test_the_analysis_says_how_much_the_counts_of_a_segment_say(recent: dict[str, Any], api: Api):
    segments = {(s["segment_name"], s["segment"]): s for s in api("GET", "/model").json["segments"]}

    assert segments["recency_segment", "121-180"] == {
        "country_code": "Peru",
        "segment_name": "recency_segment",
        "segment": "121-180",
        "lower": 121,
        "upper": 180,
        "voucher_amount": 2640.0,
        "support": 60,
        "share": pytest.approx(2 / 3),
        "assignments": [{"voucher_amount": 2640.0, "count": 40}, {"voucher_amount": 3520.0, "count": 20}],
        "runner_up": 3520.0,
        "lead": 20,
        "evidence": "clear",
    }
    none = segments["recency_segment", "30-60"]
    assert (none["evidence"], none["lead"]) == ("none", None)


def test_a_remodel_is_told_with_the_run_whose_counts_it_uses(recent: dict[str, Any], pipeline: Pipeline, api: Api):
    pipeline.remodel("again", STARTED + SECOND, cur_date="2018-08-01")

    model = api("GET", "/model").json
    page = report(api).text

    assert (model["run_id"], model["counts_run_id"], model["cur_date"]) == ("again", "run-1", "2018-08-01")
    assert 'href="runs/again"' in page
    assert 'href="runs/run-1"' in page


def test_versions_are_listed_with_the_one_that_is_served(recent: dict[str, Any], pipeline: Pipeline, api: Api):
    newer = pipeline.remodel("again", STARTED + SECOND)
    pipeline.sum_up("back", {"mode": "rollback"})

    versions = api("GET", "/versions").json["versions"]

    names = ("version", "segments", "is_served", "is_previous", "expires_at")
    assert [tuple(version[name] for name in names) for version in versions] == [
        (newer["version"], len(SHIPPED_SEGMENTS), False, True, None),
        (recent["version"], len(SHIPPED_SEGMENTS), True, False, None),
    ]


def test_before_the_first_model_there_are_no_versions_and_no_analysis(api: Api):
    assert api("GET", "/versions").json == {"versions": []}
    assert (api("GET", "/model").status, api("GET", "/model").json["code"]) == (503, "no_model")


def test_a_what_if_tells_the_model_there_would_be_and_publishes_nothing(recent, what_if, catalog, lake, api: Api):
    before = set(lake.list(""))

    answer = ask(api, cur_date="2018-12-01").json  # 212 days after the last order

    assert answer["model"]["cur_date"] == "2018-12-01"
    changes = [c for c in answer["changes"] if c["segment_name"] == "recency_segment"]
    assert [(c["segment"], c["served_amount"], c["amount"]) for c in changes] == [
        ("121-180", 2640.0, None),
        ("180+", None, 2640.0),
    ]
    assert catalog.served_version() == recent["version"] == answer["served_version"]
    assert set(lake.list("")) == before


def test_a_what_if_takes_other_segments_and_the_counts_of_another_run(recent, what_if, put, pipeline, api: Api):
    source = put("uploads/other.parquet", parquet_bytes(history({"voucher_amount": 7.0})))
    pipeline.run("run-2", {"source": source}, STARTED + SECOND)

    answer = ask(api, segments=TWO, run_id="run-1").json

    assert {(s["segment"], s["voucher_amount"]) for s in answer["segments"]} == {("few", 2640.0), ("many", None)}
    assert answer["counts_run_id"] == "run-1"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"cur_date": "2018-02-30"}, "cur_date"),
        ({"segments": {"segmentations": []}}, "segments"),
        ({"mode": "remodel"}, "mode"),
        ({"run_id": "../x"}, "run_id"),
    ],
)
def test_what_cannot_be_used_of_a_what_if_is_named_and_nobody_is_asked(recent, what_if, api: Api, request_, field):
    answer = ask(api, **request_)

    assert (answer.status, answer.json["code"]) == (422, "invalid_run")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert what_if.asked == []


def test_a_what_if_without_counts_says_so(what_if, api: Api):
    answer = ask(api)

    assert (answer.status, answer.json["code"]) == (404, "no_counts")
    assert "run the pipeline on a whole history first" in answer.json["detail"]


def test_a_what_if_names_counts_that_are_not_as_their_run_left_them(recent, what_if, put, lake, api: Api):
    key = "production/run_id=run-1/counts/counts.parquet"
    put(key, b"PAR1")

    altered = ask(api)
    lake.client.delete_object(Bucket=lake.bucket, Key=key)
    missing = ask(api)

    assert (altered.status, altered.json["code"]) == (409, "counts_altered")
    assert (missing.status, missing.json["code"]) == (409, "counts_missing")
    assert all(key in answer.json["detail"] for answer in (altered, missing))
    assert altered.json["detail"].endswith("run the whole history, whose model does not build on it")


def test_a_what_if_of_a_model_that_could_not_be_served_says_so(recent, what_if, api: Api, monkeypatch):
    monkeypatch.setattr(servable, "MOST_SEGMENTS", 1)
    large = ask(api, segments=TWO)
    monkeypatch.setattr(servable, "MOST_SEGMENTS", 2)
    monkeypatch.setattr(servable, "LARGEST_ITEM", 90)
    many = ask(api, segments=TWO)

    assert (large.status, large.json["code"]) == (422, "model_too_large")
    assert (many.status, many.json["code"]) == (422, "too_many_amounts")
    assert "segment few of loyalty in Peru has 2 different voucher amounts" in many.json["detail"]


def test_a_what_if_that_dies_is_our_fault_and_says_nothing_of_itself(recent, what_if, api: Api, monkeypatch):
    def dies(*_):
        raise MemoryError("of a secret size")

    monkeypatch.setattr(what_if.handler, "lambda_handler", dies)

    answer = ask(api)

    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    with pytest.raises(WhatIfFailed, match="MemoryError: of a secret size"):
        WhatIfFunction("what-if", what_if).what_if(WhatIfRequest())


def test_the_report_shows_the_rows_and_the_shares(recent: dict[str, Any], api: Api):
    page = " ".join(report(api).text.split())

    assert "61 rows read" in page
    assert '<tr><th scope="row">kept</th><td class="number">60</td><td class="number">98.4 %</td>' in page
    assert '<td class="level-6 mode">66.7 %</td><td class="level-3">33.3 %</td>' in page
    assert "Segments of the what-if" not in page


def test_the_report_answers_its_what_if_form(recent: dict[str, Any], what_if, catalog, api: Api):
    answer = report(api, "?what_if=1&cur_date=2018-12-01&ranges_1=30-180%2C+181-365")

    page = " ".join(answer.text.split())
    assert answer.status == 200
    assert "With CUR_DATE 2018-12-01" in page
    # of the five served segments that are gone, one had an amount
    changes = ask(api, **what_if.asked[0]["request"]).json["changes"]
    assert len([change for change in changes if change["segment_name"] == "recency_segment"]) == 2
    assert f"<strong>{len(changes)}</strong> segments would get another amount." in page
    assert '<th scope="row">181-365</th> <td class="number">\N{EN DASH}</td> <td class="number">2640</td>' in page
    assert page.count(">gone</span>") == 1
    assert 'value="30-180, 181-365"' in page
    assert what_if.asked[0]["request"]["segments"]["segmentations"][0] == json.loads(json.dumps(shipped_frequent(api)))
    assert catalog.served_version() == recent["version"]


def shipped_frequent(api: Api) -> Any:
    return api("GET", "/model").json["definitions"]["segmentations"][0]


def test_errors_of_the_what_if_form_stand_beside_their_fields(recent: dict[str, Any], what_if, api: Api):
    answer = report(api, "?what_if=1&cur_date=yesterday&ranges_0=1-4%2C+3-9")

    assert answer.status == 422
    assert "expected a date like 2018-09-15, got &#39;yesterday&#39;" in answer.text
    assert "starts at 3, inside or before &#39;1-4&#39;" in answer.text
    assert 'aria-describedby="ranges_0_error ranges_0_hint"' in answer.text
    assert what_if.asked == []


def test_the_segments_page_is_of_one_country(put, pipeline: Pipeline, api: Api):
    source = put("uploads/x.parquet", parquet_bytes(history({}, {"country_code": "Latvia", "voucher_amount": 7.5})))
    pipeline.run("run-1", {"source": source, "countries": ["Peru", "Latvia"]})

    assert "<strong>7.5</strong>" not in api("GET", "/segments").text
    assert "<strong>7.5</strong>" in api("GET", "/segments?country=Latvia").text
    unknown = api("GET", "/segments?country=Chile", Accept="text/html")
    assert (unknown.status, "not for &#39;Chile&#39;" in unknown.text) == (404, True)


def test_the_marks_of_thin_evidence_and_near_ties_are_on_the_segments_page(put, pipeline: Pipeline, api: Api):
    rows = [
        *repeated(20, total_orders="3", voucher_amount=1.0),
        *repeated(19, total_orders="3", voucher_amount=2.0),
        *repeated(5, total_orders="9", voucher_amount=3.0),
        *repeated(30, total_orders="20", voucher_amount=4.0),
    ]
    pipeline.run("run-1", {"source": put("uploads/x.parquet", parquet_bytes(history(*rows)))})

    page = " ".join(api("GET", "/segments").text.split())

    for segment, mark in {"1-4": "near_tie", "5-13": "thin", "14-37": "clear", "out_of_range": "none"}.items():
        row = page.partition(f'<tr><th scope="row">{segment}<')[2].partition("</tr>")[0]
        assert f'<span class="mark {mark}">' in row, segment


@pytest.mark.parametrize(("most", "bars_at_most"), [(4, 5), (8, 9)])
@given(counts=st.lists(st.integers(1, 10_000), min_size=1, max_size=14))
def test_the_shares_of_a_chart_are_of_all_amounts(counts: list[int], most: int, bars_at_most: int):
    from voucher_selection.api.charts import distribution  # noqa: PLC0415
    from voucher_selection.domain.model import AmountCount, CountryMode, shortened  # noqa: PLC0415

    amounts = [AmountCount(float(place), count) for place, count in enumerate(sorted(counts, reverse=True))]
    mode = CountryMode("Peru", tuple(amounts))

    bars = distribution(mode, most)

    assert distribution(shortened(mode), most) == bars  # what lookups know of a mode is enough for its chart
    assert sum(bar.number for bar in bars) == sum(counts)
    assert sum(bar.share for bar in bars) == pytest.approx(1)
    assert len(bars) == min(len(counts), bars_at_most)
    assert max(bar.length for bar in bars) == 100

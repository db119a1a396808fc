"""What the API gives to take away: the model for lookups elsewhere, and tables for spreadsheets."""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.contenders.offline_readers import python_reader
from tests.histories import history, parquet_bytes
from tests.integration.conftest import STARTED, Answer, Api, Pipeline
from tests.integration.test_model_routes import LambdaService, report, what_if  # noqa: F401 - a fixture
from tests.integration.test_report import given
from tests.lookup_requests import SEED_REQUEST
from tests.moto_states import made_once
from voucher_selection.api import csv_tables
from voucher_selection.domain.sql_dialects import DIALECTS


def table(answer: Answer) -> list[dict[str, str]]:
    """The rows of a CSV, as a spreadsheet reads them."""
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text.encode().decode("utf-8-sig"), newline="")))


@pytest.fixture
@made_once
def three_months(put, pipeline: Pipeline) -> dict[str, Any]:
    rows = [*given("2018-04", 60, 40), *given("2018-05", 60, 40), *given("2018-06", 30, 80)]
    source = put("uploads/history.parquet", parquet_bytes(history(*rows)))
    return pipeline.run("run-1", {"source": source}, STARTED)


def test_the_document_answers_as_the_stage_does(version: str, environment, put):
    environment.setenv("FALLBACK", "country")
    environment.setenv("LEAST_SUPPORT", "5")
    api = Api()

    document = api("GET", "/model.json").json
    look_up = python_reader(document)

    assert document["fallback"] == {"to": "country", "least_support": 5}
    assert look_up(SEED_REQUEST) == api.lookup(**SEED_REQUEST).json
    assert look_up(SEED_REQUEST)["basis"] == "country"
    assert look_up(SEED_REQUEST | {"least_support": 4}) == api.lookup(**SEED_REQUEST, least_support=4).json
    assert look_up(SEED_REQUEST | {"fallback": "none"})["voucher_amount"] == 2640.0


def test_a_kept_version_can_be_taken_too(version: str, pipeline: Pipeline, api: Api):
    pipeline.remodel("run-2", datetime.now(UTC), cur_date="2018-10-01")
    answers = {cur_date: api("GET", f"/model.json{query}").json for cur_date, query in
               (("2018-09-15", f"?version={version}"), ("2018-10-01", ""))}  # fmt: skip

    assert {date: answer["model"]["cur_date"] for date, answer in answers.items()} == {date: date for date in answers}
    assert api("GET", "/segments.csv?version=gone").json["code"] == "no_version"


def test_the_segments_as_a_table(version: str, api: Api):
    answer = api("GET", "/segments.csv")
    rows = {(row["segment_name"], row["segment"]): row for row in table(answer)}

    assert answer.headers["Content-Disposition"] == f'attachment; filename="segments-{version}.csv"'
    assert answer.text.startswith("\ufeffcountry_code,segment_name,segment,lower,upper,voucher_amount,")
    assert answer.text.count("\r\n") == len(rows) + 1
    assert rows["recency_segment", "121-180"] == {
        "country_code": "Peru", "segment_name": "recency_segment", "segment": "121-180", "lower": "121", "upper": "180",
        "voucher_amount": "2640", "support": "4", "share": "0.75", "runner_up": "3520", "runner_up_count": "1",
        "evidence": "thin",
    }  # fmt: skip
    outside, empty = rows["frequent_segment", "out_of_range"], rows["recency_segment", "30-60"]
    assert (outside["lower"], outside["upper"], outside["voucher_amount"]) == ("", "", "1.5")
    assert (empty["voucher_amount"], empty["support"]) == ("", "0")


def test_the_tables_of_the_report(three_months, api: Api):
    worth, backtest, over_time, amounts = (
        [
            row
            for row in table(api("GET", f"/report.csv?table={name}"))
            if row["segment_name"] in {"", "frequent_segment"}
        ]
        for name in ("worth", "backtest", "amounts_over_time", "amounts")
    )

    assert worth == [
        {"country_code": "Peru", "segment_name": "frequent_segment", "support": "310", "agreement_of_segments": "1",
         "agreement_of_one_amount": "0.516129032258065", "worth": "0.483870967742"}
    ]  # fmt: skip
    assert [(row["month"], row["tested"], row["agreement_of_segments"], row["unanswered"]) for row in backtest] == [
        ("2018-05", "100", "1", "0"), ("2018-06", "110", "1", "0")
    ]  # fmt: skip
    of_country = [row for row in over_time if not row["segment"]]
    months = [(row["month"], row["voucher_amount"], row["count"], row["support"], row["change"]) for row in of_country]
    assert months == [
        ("2018-04", "10", "60", "100", ""), ("2018-05", "10", "60", "100", ""), ("2018-06", "20", "80", "110", "shift")
    ]  # fmt: skip
    assert of_country[-1]["shift_between"] == "frequent_segment, lapse_segment"
    assert {(row["segment"], row["voucher_amount"], row["count"], row["share"]) for row in amounts} == {
        ("1-4", "10", "150", "1"), ("14-37", "20", "160", "1"),
        ("", "20", "160", "0.516129032258065"), ("", "10", "150", "0.483870967741935"),
    }  # fmt: skip


def test_a_table_without_record_of_the_quality_has_only_its_header(three_months, lake, api: Api):
    lake.client.delete_object(Bucket=lake.bucket, Key="runs/run_id=run-1/quality.json")

    assert api("GET", "/report.csv?table=worth").text.count("\r\n") == 1


@pytest.mark.parametrize("query", ["", "?table=nothing"])
def test_an_unknown_table_is_refused_with_those_that_there_are(version: str, api: Api, query: str):
    answer = api("GET", f"/report.csv{query}")

    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "table")
    assert "worth, backtest, amounts_over_time, amounts" in answer.json["detail"]


@pytest.mark.parametrize("country", ["=cmd|' /C calc'!A0", "-1"])
def test_a_name_that_a_spreadsheet_would_run_is_text(put, pipeline: Pipeline, api: Api, country: str):
    source = put("uploads/history.parquet", parquet_bytes(history({"country_code": country})))
    pipeline.run("run-1", {"source": source, "countries": [country]}, STARTED)

    for path in ("/segments.csv", "/report.csv?table=amounts", "/report.csv?table=worth"):
        assert {row["country_code"] for row in table(api("GET", path))} == {f"'{country}"}, path


def test_quotes_commas_and_line_ends_stay_in_their_cell():
    text = csv_tables._lines([('Côte d\'Ivoire, "RCI"', "a\nb", None, 0.1, -5)])

    assert text == '"Côte d\'Ivoire, ""RCI""","a\nb",,0.1,-5\r\n'


@pytest.mark.parametrize("path", ["/segments.csv", "/report.csv?table=amounts"])
def test_a_large_table_comes_in_parts(version: str, api: Api, monkeypatch: pytest.MonkeyPatch, path: str):
    whole = table(api("GET", path))
    monkeypatch.setattr(csv_tables, "LARGEST_ANSWER", 100)

    parts, following = [], path
    while following:
        answer = api("GET", following)
        parts.append(table(answer))
        found = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("Link", ""))
        following = path.partition("?")[0] + found[1] if found else None

    assert len(parts) > 2
    assert [row for part in parts for row in part] == whole


def test_the_report_links_to_what_can_be_taken(three_months, api: Api, what_if: LambdaService):  # noqa: F811
    links = re.findall(r'<a href="([^"]+)" download>', report(api).text)

    assert links == [
        *("segments.csv", "report.csv?table=amounts", "model.json"),
        *(f"model.sql?dialect={dialect}" for dialect in DIALECTS),
        "report.csv?table=worth",
        *("report.csv?table=amounts_over_time", "report.csv?table=backtest"),
    ]
    assert {api("GET", f"/{link}").status for link in links} == {200}

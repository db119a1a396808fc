"""Histories and customers as CSV and JSON lines: the same counts and amounts as the same rows in parquet."""

import csv
import gzip
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from local.quickstart.here.sample import sample_history
from tests.customers import case
from tests.environment import BUCKET
from tests.histories import GOOD_ROW, history, parquet_bytes
from tests.integration.conftest import Pipeline, quarantine_of, read_json
from tests.memory_runs import Deployment, StageSettings
from tests.text_files import csv_text, json_lines, zstd
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.text import csv_reading
from voucher_selection.domain import errors
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.summaries import HistorySummary
from voucher_selection.pipeline import landed_texts

UPLOADS = f"s3://{BUCKET}/uploads"
COUNTRIES = ["Peru", "Latvia"]


@pytest.fixture
def deployment():
    with StageSettings.of() as settings:
        yield Deployment(settings)


def put(deployment: Deployment, name: str, content: bytes | str) -> None:
    deployment.objects[f"uploads/{name}"] = content.encode() if isinstance(content, str) else content


def rows(count: int = 3_000) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sample_history(count, seed=3).to_pylist()
    return found


def counted(deployment: Deployment, key: str, **request: Any) -> tuple[Any, Any]:
    """Run over a source; return the counts of the served model, and the totals of the run's rows."""
    _, summary = deployment.run(f"uploads/{key}", **request)
    assert isinstance(summary, HistorySummary)
    return deployment.served()[0], summary.rows


WRITTEN = {
    "a.csv": lambda found: csv_text(found).encode(),
    "a.csv.gz": lambda found: gzip.compress(csv_text(found, delimiter=";", quoting=csv.QUOTE_ALL).encode()),
    "a.tsv": lambda found: csv_text(found, delimiter="\t", lineterminator="\r\n").encode("utf-16"),
    "a.csv.zst": lambda found: zstd(csv_text(found, delimiter="|", quotechar="'").encode("windows-1252")),
    "a.jsonl": lambda found: json_lines(found).encode(),
    "a.ndjson.gz": lambda found: gzip.compress(json_lines(found).encode()),
    "a.parquet": lambda found: csv_text(found).encode(),
    "a.json": lambda found: parquet_bytes(pa.Table.from_pylist(found)),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_counts_as_the_same_rows_in_parquet(deployment: Deployment, name: str):
    """Whatever its name says."""
    found = rows()
    put(deployment, "parquet", parquet_bytes(pa.Table.from_pylist(found)))
    put(deployment, name, WRITTEN[name](found))

    assert counted(deployment, name) == counted(deployment, "parquet")


def test_a_folder_of_all_of_them_counts_as_one_file_of_all_rows(deployment: Deployment):
    found = rows(len(WRITTEN) * 300)
    put(deployment, "parquet", parquet_bytes(pa.Table.from_pylist(found)))
    for number, (name, write) in enumerate(WRITTEN.items()):
        put(deployment, f"days/{number}{name}", write(found[number * 300 : (number + 1) * 300]))

    plan, summary = deployment.run("uploads/days/")

    together = deployment.served()[0]
    assert together == counted(deployment, "parquet")[0]
    assert isinstance(summary, HistorySummary)
    assert summary.texts == plan.texts
    assert sorted(str(each.recognised) for each in summary.texts.formats) == [
        'CSV with commas, quotes ", UTF-8',
        'CSV with semicolons, quotes ", UTF-8, gzip',
        'CSV with tabs, quotes ", utf-16-le',
        'CSV with |, quotes ", UTF-8, zstd',
        "JSON lines, UTF-8",
        "JSON lines, UTF-8, gzip",
    ]


def test_the_country_may_be_in_the_path(deployment: Deployment):
    for country in COUNTRIES:
        found = [row for row in rows() if row["country_code"] == country]
        without = [{name: value for name, value in row.items() if name != "country_code"} for row in found]
        put(deployment, f"hive/country_code={country}/part-0.csv", csv_text(without))
    both = [row for row in rows() if row["country_code"] in COUNTRIES]
    put(deployment, "parquet", parquet_bytes(pa.Table.from_pylist(both)))

    assert counted(deployment, "hive/")[0] == counted(deployment, "parquet")[0]


def test_an_append_knows_a_text_file_by_itself_and_adds_a_new_one(deployment: Deployment):
    found = rows()
    put(deployment, "days/1.csv", csv_text(found[:1000]))
    deployment.run("uploads/days/")
    put(deployment, "days/2.jsonl.gz", gzip.compress(json_lines(found[1000:]).encode()))

    plan, _ = deployment.run("uploads/days/", mode="append", overlap="add")
    _, again = deployment.run("uploads/days/", mode="append", overlap="add")

    assert [file.source for file in plan.files] == [f"{UPLOADS}/days/2.jsonl.gz"]
    assert again.outcome == "nothing_new"
    appended = deployment.served()[0]
    put(deployment, "parquet", parquet_bytes(pa.Table.from_pylist(found)))
    assert appended == counted(deployment, "parquet")[0]


def test_a_large_file_becomes_several_parquet_files_whose_rows_are_those_of_the_file(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(csv_reading, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(landed_texts, "_GROUP_ROWS", 100)
    monkeypatch.setattr(landed_texts, "_PART_BYTES", 5_000)
    found = [row | {"total_orders": "7.25"} if n % 1000 == 7 else row for n, row in enumerate(rows())]
    found = [row | {"country_code": "Peru"} for row in found]
    put(deployment, "large.csv", csv_text(found))

    plan, summary = deployment.run("uploads/large.csv")

    assert [file.key for file in plan.files] == ["raw/run_id=run-1/1/large.csv"]
    assert (plan.files[0].size, plan.files[0].rows) == (len(deployment.objects["uploads/large.csv"]), 3_000)
    assert len([key for key in deployment.objects if key.startswith("staging/run_id=run-1/texts/")]) > 3
    assert isinstance(summary, HistorySummary)
    assert summary.rows.rows_read == 3_000
    lake = deployment.stores.lake
    tables = [pq.read_table(lake.open(key)) for key in lake.list(f"{RunKeys('run-1').all_quarantine}rule=malformed/")]
    malformed = pa.concat_tables(tables).filter(pc.field("total_orders") == "7.25").to_pylist()
    assert sorted(row["row"] for row in malformed) == [7, 1007, 2007]
    assert {row["file"] for row in malformed} == {"raw/run_id=run-1/1/large.csv"}


# What a run says about its CSV files


def dated() -> list[dict[str, Any]]:
    """Return rows with dates and amounts as many a spreadsheet writes them."""
    good = GOOD_ROW | {"total_orders": "3"}
    return [
        good | {"timestamp": "21/07/2018 18:59", "last_order_ts": "03/05/2018", "voucher_amount": "2.640,50"},
        good | {"timestamp": "22/07/2018", "last_order_ts": None, "voucher_amount": "9,95"},
    ]


def test_values_in_another_form_are_malformed_and_the_error_names_the_key_to_set(deployment: Deployment):
    put(deployment, "day.csv", csv_text([*dated(), GOOD_ROW], delimiter=";"))

    with pytest.raises(errors.HeldBack) as held:
        deployment.run("uploads/day.csv", gate={"most_malformed_share": 0.1})

    assert "66.67% of the rows are malformed (most_malformed_share 10.00%); 2 of the first 3 values of" in str(
        held.value
    )
    assert 'look like 21/07/2018 18:59: say "csv": {"date_format":"%d/%m/%Y"} in the run\'s input' in str(held.value)
    assert '"csv": {"decimal":",","thousands":"."}' in str(held.value)


def test_a_run_that_keeps_nothing_names_the_key_too(deployment: Deployment):
    put(deployment, "day.csv", csv_text(dated(), delimiter=";"))

    with pytest.raises(errors.NothingKept, match='rejected every row .* 2 malformed; .*"date_format":"%d/%m/%Y"'):
        deployment.run("uploads/day.csv")


def test_with_the_keys_the_values_are_read_exactly(deployment: Deployment):
    put(deployment, "day.csv", csv_text(dated(), delimiter=";"))
    usual = [
        GOOD_ROW | {"timestamp": "2018-07-21 18:59", "last_order_ts": "2018-05-03", "voucher_amount": 2640.5},
        GOOD_ROW | {"timestamp": "2018-07-22", "last_order_ts": None, "voucher_amount": 9.95},
    ]
    put(deployment, "usual", parquet_bytes(history(*usual)))

    said = {"decimal": ",", "thousands": ".", "date_format": "%d/%m/%Y"}
    assert counted(deployment, "day.csv", csv=said)[0] == counted(deployment, "usual")[0]


@pytest.mark.parametrize("mode", ["full", "append", "assign"])
def test_an_unknown_option_is_refused_by_its_name(mode: str):
    source = {"customers" if mode == "assign" else "source": "s3://b/k", "mode": mode}

    with pytest.raises(errors.InvalidRequest, match="csv.delimeter: Extra inputs"):
        parse_request({**source, "csv": {"delimeter": ";"}})


# What is refused


FAULTS = {
    "a missing column": (
        "day.csv",
        csv_text([{"country_code": "Peru"}]),
        errors.WrongSchema,
        "'total_orders' is missing",
    ),
    "a column twice": (
        "day.csv",
        csv_text([GOOD_ROW]).replace("timestamp", "country_code ", 1),
        errors.WrongSchema,
        "'country_code' occurs 2 times",
    ),
    "a row too short": ("day.csv", csv_text([GOOD_ROW]) + "1,2\n", errors.UnreadableText, "line 3 has 2 cells"),
    "a workbook": ("day.csv", "PK\x03\x04", errors.UnreadableText, "an Excel workbook"),
    "no bytes": ("day.csv", "", errors.EmptySource, "is empty: 0 bytes"),
    "no rows": ("day.csv", csv_text([GOOD_ROW]).splitlines()[0], errors.EmptySource, "holds no rows: 1 file"),
    "a line of JSON": ("day.jsonl", json_lines([GOOD_ROW]) + "{", errors.UnreadableText, "line 2 is not a JSON object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_read_is_named_as_the_user_named_it(deployment: Deployment, fault: str):
    name, content, error, message = FAULTS[fault]
    put(deployment, name, content)

    with pytest.raises(error, match=f"^{UPLOADS}/{name}.*{message}"):
        deployment.run(f"uploads/{name}")


def test_texts_beyond_the_limit_are_refused_before_any_is_read(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(landed_texts, "MOST_TEXT_BYTES", 500)
    put(deployment, "days/1.csv", csv_text([GOOD_ROW] * 5))
    put(deployment, "days/2.csv", csv_text([GOOD_ROW] * 8))

    with pytest.raises(errors.TextTooLarge, match=rf"at most 500 bytes .* {UPLOADS}/days/2.csv and the other files"):
        deployment.run("uploads/days/")

    assert not [key for key in deployment.objects if key.startswith("staging/")]


# Customers, and the functions


def test_customers_may_be_text_too_and_mixed_with_parquet(put, pipeline: Pipeline, lake: Lake):
    pipeline.run("full", {"source": put("uploads/history.csv", csv_text([GOOD_ROW] * 3).encode())})
    customers = [{"customer_id": f"{n}"} | case(country_code=country) for n, country in enumerate(("Peru", "China"))]
    put("uploads/customers/a.csv", csv_text(customers, delimiter=";").encode())
    put("uploads/customers/b.jsonl", json_lines(customers).encode())
    ids = pa.array([2, 3], pa.int64())
    put("uploads/customers/c.parquet", parquet_bytes(pa.Table.from_pylist(customers).set_column(0, "customer_id", ids)))
    request = {"mode": "assign", "customers": f"{UPLOADS}/customers/"}

    pipeline.assign(pipeline.ingest("assign", request))
    summary = pipeline.sum_up("assign", request)

    given = pq.read_table(lake.open(RunKeys("assign").vouchers(0))).to_pylist()
    assert [row["customer_id"] for row in given] == ["0", "1", "0", "1", "2", "3"]
    assert [row["voucher_amount"] for row in given] == [2640.0, None] * 3
    assert (summary["rows"], summary["assigned"]) == (6, 3)
    assert [each["recognised"]["format"] for each in summary["texts"]["formats"]] == ["csv", "json_lines"]


def test_rejected_rows_name_the_landed_text_file_and_its_row(put, pipeline: Pipeline, lake: Lake):
    content = csv_text([GOOD_ROW, {**GOOD_ROW, "total_orders": "many"}, {**GOOD_ROW, "last_order_ts": "15/09/2018"}])
    summary = pipeline.run("run-1", {"source": put("uploads/day.csv", content.encode())})

    rejected = quarantine_of(lake, "run-1").to_pylist()
    assert {row["file"] for row in rejected} == {"raw/run_id=run-1/1/day.csv"}
    assert [(row["row"], row["total_orders"]) for row in rejected] == [(1, "many"), (2, "3.0")]
    assert read_json(lake, "runs/run_id=run-1/run.json")["texts"]["hints"][0]["example"] == "15/09/2018"
    assert summary["texts"]["hints"][0]["options"] == [
        {name: "%d/%m/%Y" if name == "date_format" else None for name in summary["texts"]["hints"][0]["options"][0]}
    ]

"""Runs over CSV files and JSON lines, as the handlers make them: what they serve, assign and report."""

import csv
import gzip
import io
from typing import Any

import pyarrow as pa
import pytest

from tests.customers import CASES
from tests.histories import parquet_bytes
from tests.hostile_texts import HEADER, json_lines
from tests.hostile_texts import csv as csv_of
from tests.integration.conftest import SECOND, STARTED, Api, Pipeline, read_json
from tests.integration.test_assign import assigned, customers
from tests.integration.test_run_routes import execute, executions  # noqa: F401 - a fixture
from tests.json_dialects import json_files
from tests.text_dialects import Dialect, as_table, rows
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys

FIRST = Dialect(delimiter=";", encoding="Windows-1252", line_end="\r\n", extra="quoted", order="other", end="total")
OTHERS = {
    "a.csv": Dialect(delimiter="\t", encoding="UTF-16 LE", header="upper case", null=r"\N").written(),
    "b.csv.gz": Dialect(delimiter="|", quote="'", compression="gzip members", line_end="\r", blanks="inside").written(),
    "c.tsv.zst": Dialect(quoting="all", encoding="UTF-8 with a mark", compression="zstd", null="NaN").written(),
    "d.csv": Dialect(delimiter=";", trailing="in rows", between="header", before="sep", extra="long").written(),
    "e.jsonl.gz": json_files()["compression gzip"],
    "f.json": json_files()["numbers"],
}


def modes_of(catalog: Catalog) -> dict[Any, Any]:
    return {
        (mode.segment_name, mode.segment): (mode.voucher_amount, mode.support)
        for mode in catalog.read(catalog.served_version()).modes
    }


def test_runs_over_text_serve_what_runs_over_parquet_serve(put, pipeline: Pipeline, catalog: Catalog):
    as_parquet = parquet_bytes(as_table(rows()))
    pipeline.run("run-1", {"source": put("uploads/first.parquet", as_parquet)}, STARTED)
    for number in range(len(OTHERS)):
        put(f"uploads/parquet/{number}.parquet", as_parquet)
    pipeline.append("run-2", "s3://lake/uploads/parquet/", STARTED + SECOND)
    expected = modes_of(catalog)

    pipeline.run("run-3", {"source": put("uploads/first.csv", FIRST.written())}, STARTED + 2 * SECOND)
    for name, content in OTHERS.items():
        put(f"uploads/text/{name}", content)
    summary = pipeline.append("run-4", "s3://lake/uploads/text/", STARTED + 3 * SECOND)

    assert summary["published"]
    assert summary["files"] == len(OTHERS)
    assert modes_of(catalog) == expected
    assert max(support for _, support in expected.values()) > len(OTHERS)


def test_an_append_leaves_out_text_files_that_were_counted(put, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("run-1", {"source": put("uploads/days/a.csv", FIRST.written())}, STARTED)
    before = modes_of(catalog)
    put("uploads/days/b.csv", csv_of("2018-07-21,Peru,2018-05-03,,3,2640"))

    summary = pipeline.append("run-2", "s3://lake/uploads/days/", STARTED + SECOND)

    assert (summary["files"], summary["known_files"], summary["rows"]["rows_read"]) == (1, 1, 1)
    segment = ("frequent_segment", "1-4")
    assert modes_of(catalog)[segment][1] == before[segment][1] + 1


def test_the_record_the_report_and_the_page_of_a_run_say_what_was_recognised(
    put,
    pipeline: Pipeline,
    executions,  # noqa: F811
    api: Api,
    lake: Lake,
):
    put("uploads/days/a.csv", FIRST.written())
    put("uploads/days/b.csv", FIRST.written())
    put("uploads/days/c.jsonl", json_files()["usual"])
    request = {"source": "s3://lake/uploads/days/"}
    execute(executions, "run-1", request)

    pipeline.run("run-1", request)

    semicolons, lines = read_json(lake, RunKeys("run-1").summary)["texts"]["formats"]
    assert (semicolons["files"], semicolons["first"]) == (2, "s3://lake/uploads/days/a.csv")
    recognised = {name: semicolons["recognised"][name] for name in ("format", "delimiter", "quote", "encoding")}
    assert recognised == {"format": "csv", "delimiter": ";", "quote": '"', "encoding": "windows-1252"}
    assert (lines["files"], lines["recognised"]["format"]) == (1, "json_lines")
    report = api("GET", "/executions/run-1").json
    assert report["summary"]["texts"]["formats"] == [semicolons, lines]
    page = api("GET", "/runs/run-1", Accept="text/html").text
    assert "CSV with semicolons, quotes &#34;, windows-1252" in page
    assert "<td>s3://lake/uploads/days/a.csv</td>" in page


def written(cases: list[dict[str, Any]], **options: Any) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["customer_id", *cases[0]], **options)
    writer.writeheader()
    writer.writerows({"customer_id": f"C-{number}", **row} for number, row in enumerate(cases))
    return text.getvalue()


CUSTOMERS = {
    "a.csv": written(CASES).encode(),
    "a.csv.gz": gzip.compress(written(CASES, delimiter=";", quoting=csv.QUOTE_ALL).encode("utf-16")),
    "a.tsv": written(CASES, delimiter="\t", lineterminator="\n").encode(),
    "a.jsonl": json_lines(*({"customer_id": f"C-{number}"} | row for number, row in enumerate(CASES))),
}


def test_customers_get_the_same_amounts_from_text_as_from_parquet(put, pipeline: Pipeline, lake: Lake):
    pipeline.run("full", {"source": put("uploads/history.csv", FIRST.written())}, STARTED)
    # An empty cell is a null.
    cases = [{name: text or None for name, text in row.items()} for row in CASES]
    ids = pa.array([f"C-{number}" for number in range(len(cases))])
    _, tables = assigned(pipeline, lake, put("uploads/a.parquet", parquet_bytes(customers(cases, ids))))
    expected = pa.concat_tables(tables)

    for name, content in CUSTOMERS.items():
        summary, tables = assigned(pipeline, lake, put(f"uploads/{name}", content))

        assert pa.concat_tables(tables).equals(expected), name
        assert summary["rows"] == len(CASES)
        assert summary["texts"]["formats"][0]["recognised"]["columns"][:2] == ["customer_id", "country_code"]


@pytest.mark.parametrize("mode", ["full", "append"])
def test_a_run_that_says_how_its_csv_is_written_reads_it(mode: str, put, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("run-1", {"source": put("uploads/a.parquet", parquet_bytes(as_table(rows())))}, STARTED)
    german = csv_of("21.07.2018;Peru;03.05.2018 18:00;;3;2.640,50", header=HEADER.replace(",", ";"))
    said = {"decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y"}

    summary = pipeline.run(
        "run-2", {"mode": mode, "source": put("uploads/b.csv", german), "csv": said}, STARTED + SECOND
    )

    assert (summary["rows"]["kept"], summary["texts"]["hints"]) == (1, [])
    assert summary["assigned_on"]["days"] == ["2018-07-21", "2018-07-21"]

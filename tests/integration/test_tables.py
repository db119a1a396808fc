"""The tables over the lake: their columns are those of what runs write, and the documentation's queries run on them."""

import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.quickstart.proof.reference import RULES
from tests.customers import case
from tests.docs.pages import ROOT, blocks
from tests.environment import BUCKET
from tests.glue_tables import GlueTable, glue_tables
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import TWO, Pipeline
from voucher_selection.adapters.lake import Lake
from voucher_selection.contract.rule_names import Rule

PAGE = ROOT / "docs/how-to/query-with-athena.md"
QUERIES = {re.findall(r"FROM (\w+)", code.text)[0]: code.text for code in blocks(PAGE) if code.language == "sql"}
# The runs that the page names.
FULL, REMODEL, NUMBERS, TEXTS = "run-22ee6425", "run-6f5b966c", "run-0c6263af", "run-7d51e0b2"
HIVE_TYPES = {pa.string(): "string", pa.date32(): "date", pa.int64(): "bigint", pa.float64(): "double"}


def hive_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"array<{hive_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{field.name}:{hive_type(field.type)}' for field in kind)}>"
    return HIVE_TYPES[kind]


def columns_of(schema: pa.Schema) -> dict[str, str]:
    return {field.name: hive_type(field.type) for field in schema}


@pytest.fixture(scope="module")
def tables() -> dict[str, GlueTable]:
    return glue_tables(BUCKET)


@pytest.fixture
def runs(two_segments, pipeline: Pipeline, put) -> dict[str, dict[str, Any]]:
    """The summaries of one run of each kind that leaves parquet for readers."""
    rows = [
        *repeated(4, voucher_amount=2640.0),
        *repeated(2, voucher_amount=3520.0, timestamp="2018-08-02 10:00:00"),
        {"voucher_amount": 3520.0, "total_orders": "5"},
        *(rule.example for rule in RULES.values()),
        *repeated(2, **RULES["malformed"].example),
    ]
    asked = {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}
    found = {FULL: pipeline.run(FULL, asked)}
    narrow = {"segmentations": [TWO["segmentations"][0] | {"name": "loyalty"}]}
    found[REMODEL] = pipeline.sum_up(REMODEL, {"mode": "remodel", "window": {"from": "2018-08-01"}, "segments": narrow})
    for run_id, ids in ((NUMBERS, pa.array([1, 2, 3])), (TEXTS, pa.array(["C-4711", "C-4712", "C-4713"]))):
        named = [case(segment_name="loyalty", total_orders=orders) for orders in ("3", "3", "9")]
        customers = pa.table({"customer_id": ids} | {name: [row[name] for row in named] for name in case()})
        address = put(f"uploads/{run_id}.parquet", parquet_bytes(customers))
        request = {"mode": "assign", "customers": address}
        pipeline.assign(pipeline.ingest(run_id, request))
        found[run_id] = pipeline.sum_up(run_id, request)
    return found


def athena(lake: Lake, folder: Path, tables: dict[str, GlueTable], query: str) -> list[tuple[Any, ...]]:
    """Answer a query from a copy of those folders alone that Athena would compute from it."""
    run_ids = set(re.findall(r"\brun_id = '([^']+)'", query))
    assert run_ids, "a query without a run fails: CONSTRAINT_VIOLATION"
    with duckdb.connect() as database:
        for name, table in tables.items():
            if not re.search(rf"(FROM|JOIN) {name}\b", query):
                continue
            files = [file for run_id in run_ids for file in copied(lake, folder, table.folders(run_id))]
            columns = ", ".join(f'"{column}"' for column in [*table.columns, *table.projected])
            partitions = dict.fromkeys(table.projected, "VARCHAR")
            database.execute(
                f"CREATE VIEW {name} AS SELECT {columns} FROM"  # noqa: S608 - names of our own
                f" read_parquet({files}, hive_partitioning = true, hive_types = {partitions})"
            )
        return database.execute(query).fetchall()


def copied(lake: Lake, folder: Path, addresses: list[str]) -> list[str]:
    keys = [key for address in addresses for key in lake.list(address.removeprefix(f"s3://{BUCKET}/"))]
    for key in keys:
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        lake.client.download_file(BUCKET, key, str(file))
    return [str(folder / key) for key in keys]


def test_columns_are_those_of_what_runs_write_and_no_other_file_is_in_a_table(
    runs, lake: Lake, tables: dict[str, GlueTable]
):
    left = {key for key in lake.list("") if key.startswith(("production/", "quarantine/", "assigned/"))}
    for table in tables.values():
        of_texts = table.name == "assigned_text_ids"
        for run_id in [TEXTS] if of_texts else [run_id for run_id in runs if run_id != TEXTS]:
            prefixes = tuple(folder.removeprefix(f"s3://{BUCKET}/") for folder in table.folders(run_id))
            found = {key for key in left if key.startswith(prefixes)}
            for key in found:
                written = pq.read_schema(io.BytesIO(lake.open(key).read()))
                assert columns_of(written) == table.columns, key
            left -= found

    assert {key.rpartition("/")[2] for key in left if not re.search(r"/voucher_totals/", key)} == {
        *("ledger.json", "voucher_cost.json", "manifest.json")
    }


def test_every_table_has_a_query_in_the_documentation(tables: dict[str, GlueTable]):
    assert QUERIES.keys() == tables.keys()
    assert tables["quarantine"].projected["rule"] == tuple(rule.value for rule in Rule)


def test_the_queries_of_the_documentation_find_what_the_runs_say(
    runs, lake: Lake, tmp_path: Path, tables: dict[str, GlueTable]
):
    found = {name: athena(lake, tmp_path, tables, query) for name, query in QUERIES.items()}

    by_month = [(country, str(month)[:7], amount, rows) for country, month, amount, rows in found["counts"]]
    assert by_month == [("Peru", "2018-07", 2640, 4), ("Peru", "2018-07", 3520, 1), ("Peru", "2018-08", 3520, 2)]
    assert sum(rows for *_, rows in by_month) == runs[FULL]["rows"]["kept"]
    assert found["segment_modes"] == [
        ("Peru", "loyalty", "few", 2640, 3520, 2),
        ("Peru", "loyalty", "many", 3520, None, 0),
    ]
    rejected = Counter(dict.fromkeys(("malformed", "zero_orders_with_dates"), 0))
    for rule, _, rows in found["quarantine"]:
        rejected[rule] += rows
    assert rejected == {"malformed": 3, "zero_orders_with_dates": 1}
    assert {rule: runs[FULL]["rows"]["rejected"][rule] for rule in rejected} == rejected
    assert found["assigned"] == [("Peru", "loyalty", "few", "segment", 2, 7040)]
    assert runs[NUMBERS]["cost"]["countries"][0]["sum"] == 7040
    assert found["assigned_text_ids"] == [("C-4711", 3520, None)]

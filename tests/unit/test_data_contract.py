"""What the data contract says of a sent file is what the product does with it, and a refusal names its line."""

import re
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
import yaml

from local.quickstart.machine.workspace import ROOT
from tests.customers import CASES
from tests.histories import history
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain import data_contract
from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES, check_customers, kind_of_ids
from voucher_selection.domain.data_contract import CONTRACT, CUSTOMERS, HISTORY
from voucher_selection.domain.errors import WrongSchema
from voucher_selection.domain.history import COLUMN_NAMES, check_schema
from voucher_selection.domain.parsing import parse_amount, parse_timestamp, parse_total_orders
from voucher_selection.domain.segments import shipped_definitions

TEXT = (ROOT / CONTRACT).read_text()
SCHEMAS = {schema["name"]: schema for schema in yaml.safe_load(TEXT)["schema"]}
DATABASE = duckdb.connect()
NUMBERS = [
    "15",
    " 15.0 ",
    "+1.5e1",
    "2.5",
    "-1",
    "1e-11",
    "1e16",
    "9007199254740993",
    "inf",
    "1_0",
    "0x10",
    "٣",
    "1e999",
]
DATES = [
    "2018-05-03",
    "2018-05-03T18:00:00Z",
    "2018-05-03 18:00+0200",
    "2018-02-30",
    "15/09/2018",
    "2018-05-03 25:00:00",
]
NULLS = [None, "", "  ", "NULL", "NaN", r"\N", "n/a", "<NA>", "-nan", "nil", "-"]
PARSERS = {
    **dict.fromkeys(("timestamp", "last_order_ts", "first_order_ts"), parse_timestamp),
    "total_orders": parse_total_orders,
    "voucher_amount": parse_amount,
}
MISSING = {"total_orders": Rule.NULL_TOTAL_ORDERS, "voucher_amount": Rule.NULL_VOUCHER_AMOUNT}


def described(line: int) -> tuple[str, str]:
    """Return the schema and the column that a line of the contract begins to describe."""
    before = TEXT.splitlines()[:line]
    (column,) = re.findall(r"^  - name: (\w+)$", before[-1])
    return next(name for text in reversed(before) for name in re.findall(r"^- name: (\w+)$", text)), column


def named_lines(error: pytest.ExceptionInfo[WrongSchema]) -> list[tuple[str, str]]:
    return [described(int(line)) for line in re.findall(r"see contract\.odcs\.yaml, line (\d+)\)", str(error.value))]


def test_a_history_that_is_refused_names_the_line_of_each_column():
    wrong = history({}).drop_columns(["timestamp"]).schema
    for name in COLUMN_NAMES[1:]:
        wrong = wrong.set(wrong.get_field_index(name), pa.field(name, pa.bool_()))

    with pytest.raises(
        WrongSchema, match=r"column 'timestamp' is missing \(expected string, timestamp or date; see"
    ) as error:
        check_schema(wrong, "broken.parquet")

    assert named_lines(error) == [(HISTORY, name) for name in COLUMN_NAMES]


def test_customers_that_are_refused_name_the_line_of_each_column():
    wrong = pa.schema([(name, pa.bool_()) for name in CUSTOMER_COLUMN_NAMES])

    with pytest.raises(WrongSchema) as error:
        check_customers(wrong, "broken.parquet", shipped_definitions(), None)

    assert named_lines(error) == [(CUSTOMERS, name) for name in CUSTOMER_COLUMN_NAMES]


def test_ids_of_two_types_name_the_line_of_the_ids():
    with pytest.raises(WrongSchema) as error:
        kind_of_ids([pa.schema([("customer_id", kind)]) for kind in (pa.int64(), pa.string())], "customers/")

    assert named_lines(error) == [(CUSTOMERS, "customer_id")]


def test_a_file_that_can_be_used_looks_nothing_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(data_contract, "LINES", ROOT / "gone.json")

    check_schema(history({}).schema, "good.parquet")


@pytest.mark.parametrize("column", PARSERS)
def test_cells_that_the_contract_warns_about_are_those_that_cleaning_rejects(column: str):
    cells = [*NUMBERS, *DATES, *NULLS, *{row.get(column) for row in CASES}]
    parsed = PARSERS[column](pa.array(cells, pa.string()))

    for cell, value, malformed in zip(cells, parsed.values.to_pylist(), parsed.malformed.to_pylist(), strict=True):
        missing = {MISSING[column]} if value is None and column in MISSING else set()
        assert broken_rules(column, cell) == ({Rule.MALFORMED} if malformed else missing), cell


def broken_rules(column: str, cell: str | None) -> set[str]:
    """Return the rules of a history's column that a cell breaks, by the queries of the contract."""
    (described,) = (found for found in SCHEMAS[HISTORY]["properties"] if found["name"] == column)
    queries = {rule["id"]: rule["query"].replace("${column}", "cell") for rule in described["quality"]}
    one = "(SELECT $1::VARCHAR AS cell)"
    return {rule for rule, query in queries.items() if asked(query.replace("${table}", one), cell) == [(1,)]}


def asked(query: str, cell: str | None) -> list[tuple[int]]:
    return DATABASE.execute(query, [cell]).fetchall()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime(2018, 5, 3), None], pa.timestamp("us")),
        pa.array([datetime(2018, 5, 3, 18, 0, 0, 1), None], pa.timestamp("us", "America/Lima")),
        pa.array([datetime(2018, 5, 3), None], pa.date32()),
    ],
    ids=["of no zone", "of a zone", "days"],
)
def test_times_of_every_type_are_well_formed(column: pa.Array):
    cells = DATABASE.from_arrow(pa.table({"cell": column})).project("cell::VARCHAR").fetchall()

    assert [broken_rules("timestamp", cell) for (cell,) in cells] == [set(), set()]

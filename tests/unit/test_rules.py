"""The cleaning rules, on tables of cases."""

import random
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from local.quickstart.proof.reference import RULES
from tests.histories import SCHEMA, history
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import CLEANED_SCHEMA, clean

PERU = Reading(("Peru",))

JUNE = datetime(2018, 6, 1)
CASES: dict[str, tuple[dict[str, Any], Rule | None]] = {
    "a good row": ({}, None),
    "a new customer without dates": ({"total_orders": "0", "last_order_ts": "", "first_order_ts": None}, None),
    "no last order": ({"last_order_ts": None}, None),
    "both orders on one day": ({"last_order_ts": "2018-06-01", "first_order_ts": JUNE}, None),
    "an amount of nothing": ({"voucher_amount": 0.0}, None),
    "no time of the assignment": ({"timestamp": None}, None),
    "negative orders": ({"total_orders": "-1"}, Rule.MALFORMED),
    "orders in words": ({"total_orders": "three"}, Rule.MALFORMED),
    "a last order that is no date": ({"last_order_ts": "2018-02-30"}, Rule.MALFORMED),
    "an assignment that is no date": ({"timestamp": "soon"}, Rule.MALFORMED),
    "a negative amount": ({"voucher_amount": -1.0}, Rule.MALFORMED),
    "an infinite amount": ({"voucher_amount": float("inf")}, Rule.MALFORMED),
    "no orders and a first order": (
        {"total_orders": "0", "last_order_ts": " ", "first_order_ts": JUNE},
        Rule.ZERO_ORDERS_WITH_DATES,
    ),
    "null orders": ({"total_orders": None}, Rule.NULL_TOTAL_ORDERS),
    "an amount that is no number": ({"voucher_amount": float("nan")}, Rule.NULL_VOUCHER_AMOUNT),
    "malformed comes before all": (
        {"total_orders": "-1", "first_order_ts": JUNE, "voucher_amount": None},
        Rule.MALFORMED,
    ),
    "zero orders come before the order of the dates": (
        {"total_orders": "0", "first_order_ts": JUNE, "voucher_amount": None},
        Rule.ZERO_ORDERS_WITH_DATES,
    ),
    "the order of the dates comes before nulls": (
        {"total_orders": "", "first_order_ts": JUNE, "voucher_amount": None},
        Rule.LAST_BEFORE_FIRST,
    ),
    "null orders come before a null amount": ({"total_orders": "", "voucher_amount": None}, Rule.NULL_TOTAL_ORDERS),
} | {f"the example of {name}": (rule.example, Rule(name)) for name, rule in RULES.items()}


def batch_of(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def test_the_reference_tries_every_rule_in_the_same_order():
    assert list(RULES) == list(Rule)


@pytest.mark.parametrize("case", CASES)
def test_a_row_is_charged_to_the_first_rule_it_breaks(case: str):
    row, rule = CASES[case]

    cleaned = clean(batch_of(history(row)), PERU)

    assert cleaned.rejected["rule"].to_pylist() == ([rule] if rule else [])
    assert cleaned.kept.num_rows == (0 if rule else 1)


def encoded(table: pa.Table) -> pa.Table:
    columns = [table[name].dictionary_encode() for name in table.column_names]
    return pa.table(columns, names=table.column_names)


@pytest.mark.parametrize("layout", [lambda table: table, encoded], ids=["plain", "dictionary-encoded"])
def test_a_batch_of_all_cases_is_split_as_its_rows_are(layout):
    rows = [row for row, _ in CASES.values()] * 3
    random.Random(0).shuffle(rows)
    expected = [rule for row in rows for case, rule in CASES.values() if case is row]

    cleaned = clean(batch_of(layout(history(*rows))), PERU)

    rejected = dict(zip(cleaned.rejected["row"].to_pylist(), cleaned.rejected["rule"].to_pylist(), strict=True))
    assert [rejected.get(index) for index in range(len(rows))] == expected
    assert cleaned.kept.num_rows + cleaned.rejected.num_rows + cleaned.other_country == len(rows)


def test_only_rows_of_the_countries_are_cleaned_and_the_others_are_counted():
    rows = [{"country_code": code} for code in ("Peru", "China", None, "Perú", "", "Latvia")]

    cleaned = clean(batch_of(history(*rows)), Reading(("Latvia", "Peru")))

    assert cleaned.kept["country_code"].to_pylist() == ["Peru", "Latvia"]
    assert cleaned.other_country == 4
    assert cleaned.rejected.num_rows == 0


def test_a_bad_row_of_another_country_is_not_an_error():
    cleaned = clean(batch_of(history({"country_code": "China", "total_orders": "x"})), PERU)

    assert (cleaned.other_country, cleaned.rejected.num_rows) == (1, 0)


def test_kept_rows_have_the_types_that_are_meant():
    cleaned = clean(batch_of(history({"last_order_ts": "2018-05-03 18:30:00", "total_orders": "2.0"})), PERU)

    assert cleaned.kept.schema == CLEANED_SCHEMA
    assert cleaned.kept["last_order_ts"].to_pylist() == [datetime(2018, 5, 3, 18, 30)]
    assert cleaned.kept["total_orders"].to_pylist() == [2]


def test_rejected_rows_keep_what_came_and_where_it_stood():
    cleaned = clean(batch_of(history({}, {"country_code": "China"}, {"total_orders": " 2.5 "})), PERU)

    assert cleaned.rejected.select(SCHEMA.names).schema == SCHEMA
    assert cleaned.rejected["total_orders"].to_pylist() == [" 2.5 "]
    assert cleaned.rejected["row"].to_pylist() == [2]


def test_columns_may_come_in_any_order_with_others_between():
    table = history({}).append_column("colour", pa.array(["red"]))

    cleaned = clean(batch_of(table.select(table.column_names[::-1])), PERU)

    assert cleaned.kept.num_rows == 1


def test_a_batch_without_rows_is_cleaned_to_nothing():
    cleaned = clean(pa.RecordBatch.from_pylist([], schema=SCHEMA), PERU)

    assert (cleaned.kept.num_rows, cleaned.rejected.num_rows, cleaned.other_country) == (0, 0, 0)

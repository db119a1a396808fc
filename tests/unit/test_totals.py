"""Totals of rows outlive the rules that rejected them: old ones are read, added to and shown with whatever rules."""

from typing import Any

import pytest

from voucher_selection.api import charts
from voucher_selection.contract.rule_names import Rule, label
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.stored_objects import StoredCounts, StoredObject, StoredRows
from voucher_selection.domain.totals import ShardTotals, Totals


def stored(**rejected: int) -> str:
    """Totals as a ledger or a version has them."""
    kept = 10 - sum(rejected.values())
    return Totals.model_construct(rows_read=10, rejected=rejected, kept=kept).model_dump_json()


def test_totals_have_every_rule():
    assert Totals().rejected == dict.fromkeys(Rule, 0)


def test_a_rule_that_is_newer_than_the_totals_has_rejected_nothing():
    totals = Totals.model_validate_json(stored(malformed=2))

    assert totals.rejected == dict.fromkeys(Rule, 0) | {"malformed": 2}
    assert totals.add_up


def test_a_rule_that_is_no_more_keeps_the_rows_it_has_rejected():
    totals = Totals.model_validate_json(stored(malformed=2, on_a_sunday=3))

    assert totals.rejected["on_a_sunday"] == 3
    assert totals.add_up


def test_totals_of_different_rules_add_up():
    older, newer = stored(on_a_sunday=3), stored(malformed=1)

    summed = Totals.sum(map(Totals.model_validate_json, (older, newer)))

    assert summed.rejected == dict.fromkeys(Rule, 0) | {"malformed": 1, "on_a_sunday": 3}
    assert (summed.rows_read, summed.kept, summed.add_up) == (20, 16, True)


def test_a_shard_of_an_older_rule_is_whole_if_its_rows_are_written():
    written = {"on_a_sunday": StoredRows(rows=3, size=1)}
    rejected = {"rows_read": 3, "rejected": {"on_a_sunday": 3}, "measurable": rows(0, 0), "counts": counted(0, 0)}

    assert ShardTotals(shard=0, **rejected, quarantine=written).add_up
    assert not ShardTotals(shard=0, **rejected).add_up
    assert not ShardTotals(shard=0, **rejected | {"rows_read": 0, "rejected": {}}, quarantine=written).add_up


def test_people_read_of_a_rule_that_is_no_more_its_name():
    totals = Totals.model_validate_json(stored(malformed=2, on_a_sunday=3))

    assert {"cannot be read", "on_a_sunday"} < {bar.label for bar in charts.rows_read(totals)}
    assert label(Rule.NULL_TOTAL_ORDERS) == "number of orders missing"


def test_totals_that_lose_or_invent_a_row_do_not_add_up():
    assert Totals(rows_read=6, other_country=1, rejected={"malformed": 2}, kept=3).add_up
    assert not Totals(rows_read=7, other_country=1, rejected={"malformed": 2}, kept=3).add_up
    assert not Totals(rows_read=5, other_country=1, rejected={"malformed": 2}, kept=3).add_up


def shard(**changes: Any) -> ShardTotals:
    """The totals of a shard of three rows: one of another country, and two kept, one of these with a last order."""
    whole = {"rows_read": 3, "other_country": 1, "kept": 2, "measurable": rows(2, 1), "counts": counted(2, 1)}
    return ShardTotals(**{"shard": 0, "cleaned": StoredRows(rows=2, size=9)} | whole | changes)


def rows(by_orders: int, by_days: int) -> dict[Measure, int]:
    """How many rows have what each measure needs; none has a first order."""
    return {
        Measure.TOTAL_ORDERS: by_orders,
        Measure.DAYS_SINCE_LAST_ORDER: by_days,
        Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN: by_days,
        Measure.MONTHS_SINCE_FIRST_ORDER: 0,
    }


def counted(by_orders: int, by_days: int, **changes: int) -> StoredCounts:
    return of_rows(rows(by_orders, by_days) | changes)


def of_rows(counted: dict[Any, int]) -> StoredCounts:
    return StoredCounts(object=StoredObject(size=1, sha256="x"), rows=counted)


def test_a_shard_is_whole_if_its_rows_are_written_and_counted():
    assert shard().add_up


@pytest.mark.parametrize(
    "changes",
    [
        {"rows_read": 4},
        {"other_country": 0},
        {"cleaned": StoredRows(rows=1, size=9)},
        {"cleaned": StoredRows(rows=3, size=9)},
        {"cleaned": None},
        {"measurable": rows(2, 2)},
        {"measurable": rows(1, 1), "counts": counted(1, 1)},
        {"counts": counted(1, 1)},
        {"counts": counted(2, 0)},
        {"counts": counted(2, 1, days_since_last_order_when_given=0)},
        {"counts": counted(2, 1, months_since_first_order=1)},
        {"counts": of_rows({})},
    ],
    ids=str,
)
def test_a_shard_whose_rows_are_not_all_written_and_counted_does_not_add_up(changes: dict[str, Any]):
    assert not shard(**changes).add_up

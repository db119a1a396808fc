"""Counts of any rows: of parts they add up to those of the whole, however many keys there are, and in any window."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.quickstart.proof.reference import measured
from voucher_selection.contract.limits import MOST_COUNTRIES
from voucher_selection.domain import counts as domain_counts
from voucher_selection.domain.counts import COUNTS_SCHEMA, Counts, RunningCounts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.overlaps import CountryDay
from voucher_selection.domain.rules import CLEANED_SCHEMA

CUR_DATE = date(2018, 9, 15)
EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True)
MOMENTS = st.none() | st.datetimes(datetime(2018, 6, 28), datetime(2018, 7, 3)) | st.datetimes()
ROWS = st.fixed_dictionaries(
    {
        "timestamp": MOMENTS,
        "country_code": st.sampled_from(["Peru", "Latvia", "China"]),
        "last_order_ts": MOMENTS,
        "first_order_ts": MOMENTS,
        "total_orders": st.integers(0, 5) | st.just(2**53),
        "voucher_amount": st.sampled_from([0.0, 0.1, 2640.0, 3520.0]),
    }
)


def kept(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, CLEANED_SCHEMA)


@contextmanager
def changed(**names: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setattr(domain_counts, name, value)
        yield


@EXAMPLES
@given(st.lists(st.lists(ROWS, max_size=8), max_size=6), st.integers(1, 10), st.integers(0, 20), st.integers(1, 40))
def test_counts_of_parts_add_up_to_those_of_the_whole(
    parts: list[list[dict[str, Any]]], rows_at_once: int, waiting_rows: int, most_codes: int
):
    whole = Counts.of(kept([row for part in parts for row in part]))
    batches = [kept(part) for part in parts]

    with changed(_ROWS_AT_ONCE=rows_at_once, _MOST_CODES=most_codes):
        running = RunningCounts(waiting_rows)
        for batch in batches:
            running.add(batch)
        counted, summed = running.total(), Counts.sum(Counts.of(batch) for batch in reversed(batches))

    assert counted == summed == whole
    assert whole.table.schema == COUNTS_SCHEMA
    assert whole.assignments == sum(map(len, parts))
    assert list(whole.faults()) == []


def measured_key(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return the key of a row of counts, with the measured value in place of the counted one."""
    (value,) = Measure(row["measure"]).measured(np.array([row["value"]]), CUR_DATE).tolist()
    return row["country_code"], row["assigned_on"], row["measure"], value, row["voucher_amount"]


@EXAMPLES
@given(st.lists(ROWS, max_size=20), st.sampled_from([0, 3, 4096]), st.sampled_from([0, 1, 1000]))
def test_each_row_counts_once_for_each_measure_that_it_has_however_its_values_are_coded(
    rows: list[dict[str, Any]], consecutive: int, cells_per_row: int
):
    with changed(_MOST_CONSECUTIVE=consecutive, _MOST_CELLS_PER_ROW=cells_per_row):
        counts = Counts.of(kept(rows))

    expected = Counter(
        (
            row["country_code"],
            row["timestamp"] and row["timestamp"].date(),
            measure,
            value,
            row["voucher_amount"],
        )
        for row in rows
        for measure, value in measured(row, CUR_DATE).items()
        if value is not None
    )
    assert {measured_key(row): row["rows"] for row in counts.table.to_pylist()} == expected
    assert counts.rows == {measure: sum(n for key, n in expected.items() if key[2] == measure) for measure in Measure}


@EXAMPLES
@given(st.lists(ROWS, max_size=20), st.data())
def test_a_country_s_days_can_be_taken_out_and_put_back(rows: list[dict[str, Any]], data: st.DataObject):
    counts = Counts.of(kept(rows))
    of_rows = [row["timestamp"] and CountryDay(row["country_code"], row["timestamp"].date()) for row in rows]
    unknown = st.builds(CountryDay, st.sampled_from(["Peru", "Oz"]), st.dates())
    gone = data.draw(st.sets(st.sampled_from(of_rows).filter(bool) | unknown if any(of_rows) else unknown, max_size=5))

    with changed(_MOST_CODES=data.draw(st.sampled_from([5, 2**62]))):
        left = counts.without(gone)

    assert left == Counts.of(kept([row for row, day in zip(rows, of_rows, strict=True) if day not in gone]))
    taken = Counts.of(kept([row for row, day in zip(rows, of_rows, strict=True) if day in gone]))
    assert Counts.sum([taken, left]) == counts
    assert counts.days() == {day: of_rows.count(day) for day in sorted(filter(None, of_rows))}


@EXAMPLES
@given(st.lists(ROWS, max_size=20), st.dates(date(2018, 6, 27), date(2018, 7, 4)), st.integers(0, 5))
def test_a_window_has_the_rows_of_its_days_and_no_others(rows: list[dict[str, Any]], first: date, more: int):
    last = first + timedelta(days=more)

    within = Counts.of(kept(rows)).within(first, last)

    assert within == Counts.of(kept([r for r in rows if r["timestamp"] and first <= r["timestamp"].date() <= last]))


def test_a_window_of_the_whole_calendar_leaves_out_the_rows_without_a_day_and_no_others():
    given = [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59), None]
    rows = [{"timestamp": at, "country_code": "Peru", "total_orders": 1, "voucher_amount": 1.0} for at in given]

    assert (
        Counts.of(kept(rows)).within(date.min, date.max) == Counts.of(kept(rows)).dated() == Counts.of(kept(rows[:2]))
    )


def distinct_rows(number: int, first: int = 0) -> pa.RecordBatch:
    """Return rows that have no day, no number of orders and no amount in common."""
    numbers = np.arange(first, first + number)
    countries = pa.array([f"C{n}" for n in range(300)])
    days = pa.array(numbers.astype("datetime64[D]").astype("datetime64[us]"))
    columns = [
        days,
        countries.take(pa.array(numbers % 300)),
        days,
        days,
        pa.array(numbers),
        pa.array(numbers * 0.25),
    ]
    return pa.record_batch([c.cast(f.type) for c, f in zip(columns, CLEANED_SCHEMA, strict=True)], CLEANED_SCHEMA)


def test_sums_of_more_keys_than_one_number_can_tell_apart_are_right():
    """300 countries x 40,000 days x 4 measures x 80,000 values x 40,000 amounts are more than 2^63."""
    halves = [distinct_rows(20_000), distinct_rows(20_000, 20_000)]

    counts = Counts.sum([*map(Counts.of, halves), Counts.of(halves[0])])

    assert counts.rows == dict.fromkeys(Measure, 60_000)
    orders = counts.of_measure(Measure.TOTAL_ORDERS)
    assert pc.all(pc.equal(pc.multiply(orders["value"].cast(pa.float64()), 0.25), orders["voucher_amount"])).as_py()
    assert orders["value"].sort().to_pylist() == list(range(40_000))
    assert orders.filter(pc.equal(orders["rows"], 2))["value"].sort().to_pylist() == list(range(20_000))


def test_so_few_rows_are_counted_at_once_that_a_number_tells_all_their_combinations_apart(monkeypatch):
    counted_at_once, count = [], domain_counts._counted
    monkeypatch.setattr(domain_counts, "_counted", lambda rows: counted_at_once.append(rows.num_rows) or count(rows))
    assert MOST_COUNTRIES * (domain_counts._ROWS_AT_ONCE + 1) ** 3 < 2**63

    with changed(_ROWS_AT_ONCE=10):
        running = RunningCounts()
        for start, rows in ((0, 9), (9, 8), (17, 25), (42, 3)):
            running.add(distinct_rows(rows, start))
        counts = running.total()

    assert max(counted_at_once) <= 10
    assert counts == Counts.of(distinct_rows(45))


@EXAMPLES
@given(st.lists(ROWS, max_size=12))
def test_counts_of_other_spellings_are_those_of_rows_that_are_spelled_so(rows: list[dict[str, Any]]):
    spelled = {"Peru": "peru", "Latvia": "LATVIA", "China": "china"}  # sorts otherwise, as counts are sorted

    named = Counts.of(kept(rows)).of_countries(spelled.values())

    assert named == Counts.of(kept([row | {"country_code": spelled[row["country_code"]]} for row in rows]))

"""Dates of a striking part of a column: counted beside the rows of a shard, summed over the shards."""

from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest

from local.quickstart.here.sample import sample_history
from tests.histories import history
from voucher_selection.domain.order_dates import OrderDates
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.striking_dates import DateRows, StrikingDate, striking_dates

LAST_DAY = date(2026, 1, 2)
# A hundred different days of 2018.
USUAL = [date(2018, 1, 1) + timedelta(days=number) for number in range(100)]


def told(*shards: list[date | None], column: str = "last_order_ts") -> list[tuple[date, int, float]]:
    """Return what is told of shards with these dates: the date, its rows, and their share."""
    found = []
    for days in shards:
        dates = OrderDates()
        dates.add(rows_of(days, column))
        found += dates.frequent(LAST_DAY)
    striking = striking_dates(found, sum(map(len, shards)), LAST_DAY)
    assert {one.column for one in striking} <= {column}
    return [(one.date, one.rows, one.share) for one in striking]


def rows_of(days: list[date | None], column: str) -> pa.RecordBatch:
    times = pa.array(days, pa.date32()).cast(pa.timestamp("us"))
    others = pa.nulls(len(days), pa.timestamp("us"))
    by_name = {"last_order_ts": others, "first_order_ts": others} | {column: times}
    return pa.record_batch(list(by_name.values()), names=list(by_name))


PLACEHOLDERS = [date(1, 1, 1), date(1900, 1, 1), date(1970, 1, 1), date(1989, 12, 31), date(2026, 1, 3), date.max]


@pytest.mark.parametrize("day", PLACEHOLDERS, ids=str)
@pytest.mark.parametrize("column", ["last_order_ts", "first_order_ts"])
def test_a_date_that_no_order_can_have_is_told_from_a_hundredth_of_the_rows_on(day: date, column: str):
    assert told([*USUAL[:99], day], column=column) == [(day, 1, 0.01)]
    assert told([*USUAL, day], column=column) == []


@pytest.mark.parametrize("day", [date(1990, 1, 1), date(2018, 5, 1), LAST_DAY], ids=str)
def test_another_date_is_told_from_a_fifth_of_the_rows_and_a_hundred_on(day: date):
    assert told([*USUAL[:80] * 5, *[day] * 100]) == [(day, 100, 0.2)]
    assert told([*USUAL[:80] * 5, *[day] * 99]) == []
    assert told([*USUAL[:80] * 10, *[day] * 199]) == []


def test_dates_are_summed_over_the_shards_the_most_frequent_first():
    early, late = date(1900, 1, 1), date(9999, 12, 31)
    shards = [[*USUAL, early, early, late], [*USUAL, early, late], [*USUAL, None]]

    assert told(*shards) == []
    assert told(*[[*shard[50:]] for shard in shards]) == [(early, 3, 3 / 156), (late, 2, 2 / 156)]


def test_rows_without_a_date_count_among_the_rows():
    assert told([None] * 99 + [date(1900, 1, 1)]) == [(date(1900, 1, 1), 1, 0.01)]
    assert told([None] * 100 + [date(1900, 1, 1)]) == []
    assert told([None] * 10) == []
    assert told([]) == []


def test_of_a_shard_few_dates_are_told_however_many_there_are():
    dates = OrderDates()
    strange = [date(1800, 1, 1) + timedelta(days=number) for number in range(30_000)]
    for _ in range(2):
        dates.add(rows_of([*strange, *[date(9999, 12, 31)] * 900], "last_order_ts"))

    assert dates.frequent(LAST_DAY) == (DateRows(column="last_order_ts", date=date(9999, 12, 31), rows=1800),)
    many = OrderDates()
    many.add(rows_of([date(1800, 1, 1) + timedelta(days=number) for number in range(100)], "last_order_ts"))
    assert len(many.frequent(LAST_DAY)) == 20


def test_rejected_rows_count_and_those_of_other_countries_and_named_dates_do_not():
    rows = [
        {"last_order_ts": "1900-01-01", "first_order_ts": datetime(2018, 1, 1)},
        {"last_order_ts": "9999-12-31"},
        {"last_order_ts": "1900-01-01", "country_code": "China"},
    ]
    (batch,) = history(*rows).to_batches()
    dates = OrderDates()

    cleaned = clean(batch, Reading(("Peru",), null_dates=(date(9999, 12, 31),)))
    dates.add(cleaned.read)

    assert (cleaned.rejected.num_rows, cleaned.kept.num_rows) == (1, 1)
    assert dates.frequent(LAST_DAY) == (
        DateRows(column="last_order_ts", date=date(1900, 1, 1), rows=1),
        DateRows(column="first_order_ts", date=date(2018, 1, 1), rows=1),
    )


def test_the_sample_has_none():
    dates, sample = OrderDates(), sample_history(20_000, seed=3)
    for batch in sample.to_batches():
        dates.add(clean(batch, Reading(("Peru", "Latvia"))).read)

    assert dates.frequent(LAST_DAY) == ()


def test_what_is_told_names_the_date_the_column_and_what_to_do():
    striking = StrikingDate(column="last_order_ts", date=date(1900, 1, 1), rows=1234, share=0.0617)

    assert striking.sentence == (
        "1900-01-01 is the last_order_ts of 1,234 rows (6.2% of the countries' rows)."
        ' If it means "no date", name it in null_dates and run the whole history again.'
    )

"""From cleaned rows to counts, and from counts to modes."""

import random
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from tests.models import model_of
from voucher_selection.domain.counts import COUNTS_SCHEMA, Counts
from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import AmountCount, Model, SegmentMode
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.overlaps import CountryDay
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.domain.segments import shipped_definitions

CUR_DATE = date(2018, 9, 15)


def kept(*rows: dict[str, Any]) -> pa.RecordBatch:
    good = {
        "timestamp": datetime(2018, 7, 21),
        "country_code": "Peru",
        "last_order_ts": datetime(2018, 5, 3, 18),
        "first_order_ts": None,
        "total_orders": 3,
        "voucher_amount": 2640.0,
    }
    return pa.RecordBatch.from_pylist([good | row for row in rows], schema=CLEANED_SCHEMA)


def modes_of(*rows: dict[str, Any], countries: tuple[str, ...] = ("Peru",)) -> dict[tuple[str, str, str], SegmentMode]:
    modes = segment_modes(Counts.of(kept(*rows)), shipped_definitions(), CUR_DATE, countries)
    return {(mode.country_code, mode.segment_name, mode.segment): mode for mode in modes}


# Those of the design; others that join them are counted likewise.
FOUR = (
    Measure.TOTAL_ORDERS,
    Measure.DAYS_SINCE_LAST_ORDER,
    Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN,
    Measure.MONTHS_SINCE_FIRST_ORDER,
)


def test_counts_are_rows_by_day_of_assignment_and_by_the_value_of_each_measure():
    counts = Counts.of(
        kept(
            {"first_order_ts": datetime(2016, 2, 29, 12)},
            {"last_order_ts": datetime(2018, 5, 3, 23, 59), "first_order_ts": datetime(2016, 2, 1)},
            {"total_orders": 4, "timestamp": datetime(2018, 7, 20, 23, 59, 59)},
            {"last_order_ts": None, "timestamp": None},
        )
    )

    last_order, first_order = days_since_1970(date(2018, 5, 3)), days_since_1970(date(2016, 2, 1))
    assert counts.table.schema == COUNTS_SCHEMA
    assert [tuple(row.values()) for row in counts.table.to_pylist() if row["measure"] in FOUR] == [
        ("Peru", date(2018, 7, 20), "days_since_last_order", last_order, 2640.0, 1),
        ("Peru", date(2018, 7, 20), "days_since_last_order_when_given", 78, 2640.0, 1),
        ("Peru", date(2018, 7, 20), "total_orders", 4, 2640.0, 1),
        ("Peru", date(2018, 7, 21), "days_since_last_order", last_order, 2640.0, 2),
        ("Peru", date(2018, 7, 21), "days_since_last_order_when_given", 79, 2640.0, 2),
        ("Peru", date(2018, 7, 21), "months_since_first_order", first_order, 2640.0, 2),
        ("Peru", date(2018, 7, 21), "total_orders", 3, 2640.0, 2),
        ("Peru", None, "total_orders", 3, 2640.0, 1),
    ]
    assert {measure: counts.rows[measure] for measure in FOUR} == {
        Measure.TOTAL_ORDERS: 4,
        Measure.DAYS_SINCE_LAST_ORDER: 3,
        Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN: 3,
        Measure.MONTHS_SINCE_FIRST_ORDER: 2,
    }
    assert counts.assignments == 4


def test_counts_know_their_days_and_can_do_without_some():
    twice = {"timestamp": datetime(2018, 7, 21, 3)}
    counts = Counts.of(
        kept({}, twice, {"timestamp": None}, {"country_code": "Latvia"}, {"timestamp": datetime(2018, 7, 22)})
    )

    assert counts.days() == {
        CountryDay("Latvia", date(2018, 7, 21)): 1,
        CountryDay("Peru", date(2018, 7, 21)): 2,
        CountryDay("Peru", date(2018, 7, 22)): 1,
    }
    assert counts.without([CountryDay("Peru", date(2018, 7, 21)), CountryDay("Peru", date(2018, 7, 30))]) == Counts.of(
        kept({"timestamp": None}, {"country_code": "Latvia"}, {"timestamp": datetime(2018, 7, 22)})
    )
    assert counts.without([]) == counts
    assert counts.dated().assignments == 4
    assert counts.over_days(Measure.TOTAL_ORDERS).to_pylist() == [
        {"country_code": "Latvia", "value": 3, "voucher_amount": 2640.0, "rows": 1},
        {"country_code": "Peru", "value": 3, "voucher_amount": 2640.0, "rows": 4},
    ]


def days_since_1970(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def test_counts_of_parts_add_up_to_the_counts_of_the_whole():
    choose = random.Random(0)
    rows = kept(
        *(
            {
                "total_orders": choose.randrange(50),
                "voucher_amount": choose.choice([2640.0, 3520.0, 4400.0]),
                "country_code": choose.choice(["Peru", "Latvia"]),
                "last_order_ts": choose.choice([None, datetime(2018, 5, choose.randrange(1, 31))]),
            }
            for _ in range(2000)
        )
    )
    cuts = [0, 1, 700, 1300, 2000]

    parts = [Counts.of(rows.slice(start, end - start)) for start, end in pairwise(cuts)]
    choose.shuffle(parts)

    assert Counts.sum(parts) == Counts.sum([Counts.of(rows)])


def test_counts_of_nothing_are_empty_tables_of_the_same_form():
    assert Counts.sum([]) == Counts.of(kept())


@pytest.mark.parametrize(
    ("days", "segment"), [(30, "30-60"), (60, "30-60"), (61, "61-90"), (180, "121-180"), (181, "180+")]
)
def test_days_are_counted_from_the_date_of_the_last_order(days: int, segment: str):
    last_order = datetime.fromordinal(CUR_DATE.toordinal() - days).replace(hour=23, minute=59)

    modes = modes_of({"last_order_ts": last_order})

    assert [mode.segment for mode in modes.values() if mode.segment_name == "recency_segment" and mode.support] == [
        segment
    ]


@pytest.mark.parametrize("last_order", [datetime(2018, 8, 17), datetime(2018, 9, 15), datetime(2019, 1, 1), None])
def test_a_row_without_a_recency_segment_still_counts_for_frequency(last_order: datetime | None):
    modes = modes_of({"last_order_ts": last_order})

    assert modes["Peru", "frequent_segment", "1-4"].support == 1
    assert not any(mode.support for mode in modes.values() if mode.segment_name == "recency_segment")


def test_orders_out_of_range_are_a_segment_like_the_others():
    modes = modes_of({"total_orders": 0, "last_order_ts": None}, {"total_orders": 38, "last_order_ts": None})

    assert modes["Peru", "frequent_segment", "out_of_range"].assignments == (AmountCount(2640.0, 2),)


def test_amounts_rank_by_count_and_the_smaller_of_a_tie_wins():
    amounts = [4400.0, 4400.0, 3520.0, 3520.0, 2640.0]

    mode = modes_of(*({"voucher_amount": amount} for amount in amounts))["Peru", "frequent_segment", "1-4"]

    assert mode.assignments == (AmountCount(3520.0, 2), AmountCount(4400.0, 2), AmountCount(2640.0, 1))
    assert (mode.voucher_amount, mode.support, mode.share) == (3520.0, 5, 0.4)
    assert mode.runner_up == AmountCount(4400.0, 2)


def test_every_segment_of_every_country_is_there_with_support_or_without():
    modes = modes_of({}, {"country_code": "Latvia", "voucher_amount": 1.0}, countries=("Peru", "Latvia", "China"))

    assert list(modes) == [
        (country, segmentation.name, segment)
        for country in ("Peru", "Latvia", "China")
        for segmentation in shipped_definitions().segmentations
        for segment in segmentation.bounds
    ]
    assert modes["Latvia", "frequent_segment", "1-4"].voucher_amount == 1.0
    empty = modes["China", "frequent_segment", "1-4"]
    assert (empty.voucher_amount, empty.support, empty.share, empty.runner_up) == (None, 0, None, None)


def test_dates_at_the_ends_of_the_calendar_are_counted():
    modes = modes_of({"last_order_ts": datetime(1, 1, 1)}, {"last_order_ts": datetime(9999, 12, 31)})

    assert modes["Peru", "recency_segment", "180+"].support == 1


def served(*rows: dict[str, Any]) -> Model:
    return model_of(*modes_of(*rows).values(), cur_date=CUR_DATE)


def test_a_model_finds_the_mode_of_a_value():
    model = served({}, {"voucher_amount": 1.0, "total_orders": 5})

    assert model.mode_for("Peru", "frequent_segment", 13).voucher_amount == 1.0


@pytest.mark.parametrize(
    ("country", "value", "error"), [("Chile", 100, UnknownCountry), ("Peru", 29, NoSegment), ("Peru", 45, NoSupport)]
)
def test_a_model_says_why_it_has_no_amount(country: str, value: int, error: type[Exception]):
    with pytest.raises(error):
        served({}).mode_for(country, "recency_segment", value)

"""Measures: a customer who is asked for is measured like a row that is given a voucher on CUR_DATE."""

from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.quickstart.proof import reference
from voucher_selection.domain.lookups import LookupRequest
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.rules import CLEANED_SCHEMA

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True)
# Days around 1970, the ends of months and years, leap days, and the ends of the calendar, among any others.
DAYS = st.dates() | st.sampled_from(
    [
        *(date(1, 1, 1), date(1900, 2, 28), date(1969, 12, 31), date(1970, 1, 1), date(2016, 2, 29)),
        *(date(2017, 12, 31), date(2018, 1, 1), date(2018, 3, 31), date(9999, 12, 31)),
    ]
)
TIMES = st.sampled_from([datetime.min.time(), datetime.max.time()]) | st.times()
MOMENTS = st.builds(datetime.combine, DAYS, TIMES)
ORDERS = st.integers(0, 2**53)


def row(**columns: Any) -> pa.RecordBatch:
    good = {"country_code": "Peru", "total_orders": 3, "voucher_amount": 2640.0}
    return pa.RecordBatch.from_pylist([good | columns], CLEANED_SCHEMA)


def measured(measure: Measure, kept: pa.RecordBatch, cur_date: date) -> int | None:
    counted = measure.of_rows(kept)
    assert counted.type == pa.int64()
    return None if counted.null_count else measure.measured(counted.to_numpy(), cur_date).tolist()[0]


@EXAMPLES
@given(st.none() | MOMENTS, st.none() | MOMENTS, ORDERS, DAYS, TIMES)
def test_a_customer_is_measured_like_a_row_that_is_given_a_voucher_on_cur_date(
    last: datetime | None, first: datetime | None, orders: int, cur_date: date, time: Any
):
    fields = {"last_order_ts": last, "first_order_ts": first, "total_orders": orders}
    given = datetime.combine(cur_date, time)

    expected = reference.measured({"timestamp": given, **fields}, cur_date)

    for measure in Measure:
        assert measure.of_customer(SimpleNamespace(**fields), cur_date) == expected[measure], measure
        assert measured(measure, row(timestamp=given, **fields), cur_date) == expected[measure], measure


@EXAMPLES
@given(st.none() | MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS, ORDERS, DAYS)
def test_a_row_is_measured_at_any_date_as_the_reference_does(
    timestamp: datetime | None, last: datetime | None, first: datetime | None, orders: int, cur_date: date
):
    fields = {"timestamp": timestamp, "last_order_ts": last, "first_order_ts": first, "total_orders": orders}

    found = {measure: measured(measure, row(**fields), cur_date) for measure in Measure}

    assert found == reference.measured(fields, cur_date)
    assert {measure for measure, value in found.items() if value is None} == {
        measure for measure in Measure if any(fields[name] is None for name in measure.columns)
    }


@pytest.mark.parametrize(
    ("first", "cur_date", "months"),
    [
        ("2018-09-01", date(2018, 9, 30), 0),
        ("2018-08-31", date(2018, 9, 1), 1),
        ("2017-12-31", date(2018, 1, 1), 1),
        ("2016-02-29", date(2018, 2, 28), 24),
        ("1969-12-31", date(1970, 1, 1), 1),
        ("1969-11-30", date(1969, 12, 31), 1),
        ("2018-10-01", date(2018, 9, 30), -1),
    ],
)
def test_months_are_those_of_the_calendar(first: str, cur_date: date, months: int):
    request = LookupRequest.parse(
        {
            "country_code": "Peru",
            "segment_name": "tenure",
            "first_order_ts": f"{first} 23:59:59",
            "last_order_ts": f"{first} 23:59:59",
            "total_orders": 1,
        }
    )

    measure = Measure.MONTHS_SINCE_FIRST_ORDER

    assert measure.of_customer(request, cur_date) == months
    assert measured(measure, row(first_order_ts=request.first_order_ts), cur_date) == months


def test_days_when_given_do_not_age_and_those_to_cur_date_do():
    kept = row(timestamp=datetime(2018, 7, 21), last_order_ts=datetime(2018, 6, 20, 23))

    for cur_date, days in ((date(2018, 9, 15), 87), (date(2019, 9, 15), 452)):
        assert measured(Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN, kept, cur_date) == 31
        assert measured(Measure.DAYS_SINCE_LAST_ORDER, kept, cur_date) == days


def test_a_voucher_that_was_given_before_the_last_order_has_days_below_zero():
    kept = row(timestamp=datetime(2015, 5, 3, 23), last_order_ts=datetime(2018, 5, 3, 1))

    assert measured(Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN, kept, date(2018, 9, 15)) == -1096

"""Histories of a few assignments for tests of what was given, and the words of the design applied to one row."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import NamedTuple

import pyarrow as pa
from hypothesis import strategies as st

from local.quickstart.proof import reference
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.domain.segments import Segment, Segmentation

COUNTRIES = ("Latvia", "Peru")


class Given(NamedTuple):
    """A voucher that was given: the day (None: not known), and the customer's last and first order."""

    on: date | None = date(2018, 7, 21)
    amount: float = 2640.0
    country: str = "Peru"
    orders: int = 3
    last_order: date | None = date(2018, 5, 3)
    first_order: date | None = None


def counts_of(rows: Iterable[Given]) -> Counts:
    return Counts.of(
        pa.RecordBatch.from_pylist(
            [
                {
                    "timestamp": _at(row.on),
                    "country_code": row.country,
                    "last_order_ts": _at(row.last_order),
                    "first_order_ts": _at(row.first_order),
                    "total_orders": row.orders,
                    "voucher_amount": row.amount,
                }
                for row in rows
            ],
            schema=CLEANED_SCHEMA,
        )
    )


def _at(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(18, 30))


def measured(row: Given, measure: Measure, cur_date: date) -> int | None:
    """Return what a measure is of a row, in the reference's words; None if the row lacks what it needs."""
    values = {
        "timestamp": _at(row.on),
        "last_order_ts": _at(row.last_order),
        "first_order_ts": _at(row.first_order),
        "total_orders": row.orders,
    }
    return reference.measured(values, cur_date)[measure]


def segment_of(row: Given, segmentation: Segmentation, cur_date: date) -> str | None:
    """The segment of a row: the first whose bounds hold its value; the one of other values; or None."""
    value = measured(row, segmentation.measure, cur_date)
    if value is None:
        return None
    for segment in segmentation.segments:
        if segment.lower <= value and (segment.upper is None or value <= segment.upper):
            return segment.name
    return segmentation.outside


def winner(amounts: Iterable[float]) -> float | None:
    """The amount used most; of equal ones, the smaller one; None of none."""
    used = Counter(amounts)
    return min(used, key=lambda amount: (-used[amount], amount), default=None)


def month_of(row: Given) -> str | None:
    return None if row.on is None else f"{row.on:%Y-%m}"


def segmentation(measure: Measure, *uppers: int | None, lower: int = 1, outside: str | None = None) -> Segmentation:
    """A segmentation of ranges that end at `uppers`, named `a`, `b`, and so on."""
    lowers = [lower, *(upper + 1 for upper in uppers if upper is not None)]
    segments = tuple(
        Segment(name=name, lower=low, upper=upper) for name, low, upper in zip("abcdef", lowers, uppers, strict=False)
    )
    return Segmentation(name=f"by_{measure}", measure=measure, segments=segments, outside=outside)


_DAYS = st.dates(date(2018, 4, 20), date(2018, 8, 10))
HISTORIES = st.lists(
    st.builds(
        Given,
        on=st.none() | _DAYS,
        amount=st.sampled_from([10.0, 20.0, 30.0]),
        country=st.sampled_from([*COUNTRIES, "Brazil"]),
        orders=st.integers(0, 6),
        last_order=st.none() | _DAYS,
        first_order=st.none() | st.dates(date(2018, 1, 1), date(2018, 6, 30)),
    ),
    max_size=40,
)
"""Small histories: of two countries that a model is for and another one, with few values, so that amounts often tie."""

SEGMENTATIONS: Sequence[Segmentation] = (
    segmentation(Measure.TOTAL_ORDERS, 2, 4, outside="other"),
    segmentation(Measure.DAYS_SINCE_LAST_ORDER, 40, None, lower=20),
    segmentation(Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN, 10, 40, lower=-5),
    segmentation(Measure.MONTHS_SINCE_FIRST_ORDER, 2, None, lower=0, outside="before"),
)

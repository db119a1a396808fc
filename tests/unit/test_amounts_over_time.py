"""Amounts over time: each month's amounts of a segment and of a country, and why the amount used most changes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from tests.given_vouchers import (
    COUNTRIES,
    HISTORIES,
    SEGMENTATIONS,
    Given,
    counts_of,
    month_of,
    segment_of,
    segmentation,
    winner,
)
from voucher_selection.domain import coded_counts
from voucher_selection.domain.changes import Cause
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.quality import quality_of
from voucher_selection.domain.quality_document import Quality
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions

CUR_DATE = date(2018, 9, 15)
JUNE, JULY, AUGUST = date(2018, 6, 11), date(2018, 7, 11), date(2018, 8, 11)
EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)
ALL_RECENCY = segmentation(Measure.DAYS_SINCE_LAST_ORDER, None, lower=0)
ALL_ORDERS = segmentation(Measure.TOTAL_ORDERS, None)
TWO_OF_ORDERS = segmentation(Measure.TOTAL_ORDERS, 9, None)


def quality(rows: Iterable[Given], *by: Segmentation, countries: Sequence[str] = ("Peru",)) -> Quality:
    return quality_of(counts_of(rows), SegmentDefinitions(segmentations=by), CUR_DATE, countries)


def months(rows: Iterable[Given], by: Segmentation) -> list[Any]:
    """The months of the first segment."""
    return quality(rows, by)["segmentations"][0]["over_time"][0]["months"]


def changes(found: Iterable[Any]) -> dict[str, tuple[float, Cause | None]]:
    return {month["month"]: (month["voucher_amount"], month["change"]) for month in found}


def after(days: int, on: date, **amounts: int) -> list[Given]:
    """Assignments so many days after the last order; `a10=3` are three of the amount 10."""
    return [
        Given(on=on, last_order=on - timedelta(days=days), amount=float(name[1:]))
        for name, times in amounts.items()
        for _ in range(times)
    ]


def ordered(orders: int, on: date, **amounts: int) -> list[Given]:
    return [row._replace(orders=orders) for row in after(31, on, **amounts)]


@given(HISTORIES)
@EXAMPLES
def test_the_amounts_of_a_month_are_those_of_its_rows(rows: list[Given]):
    found = quality(rows, *SEGMENTATIONS, countries=COUNTRIES)

    for of_segmentation in found["segmentations"]:
        by = next(by for by in SEGMENTATIONS if by.name == of_segmentation["segment_name"])
        own = [row for row in rows if row.country == of_segmentation["country_code"]]
        assert [segment["segment"] for segment in of_segmentation["over_time"]] == list(by.bounds)
        for segment in of_segmentation["over_time"]:
            _check(segment["months"], [row for row in own if segment_of(row, by, CUR_DATE) == segment["segment"]])
    for country in found["countries"]:
        _check(country["months"], [row for row in rows if row.country == country["country_code"]])


def _check(found: Iterable[Any], rows: Iterable[Given]) -> None:
    """Compare months with their rows; every change has a cause, and nothing else has."""
    used = {
        month: Counter(row.amount for row in rows if month_of(row) == month)
        for month in sorted({str(month_of(row)) for row in rows if row.on is not None})
    }
    found = list(found)
    assert [(month["month"], month["support"]) for month in found] == [(m, u.total()) for m, u in used.items()]
    before = None
    for month, amounts in zip(found, used.values(), strict=True):
        ranked = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
        assert [(a["voucher_amount"], a["count"]) for a in month["amounts"]] == ranked
        assert month["voucher_amount"] == winner(amounts.elements())
        assert (month["change"] is not None) == (before not in {None, month["voucher_amount"]})
        before = month["voucher_amount"]


@given(HISTORIES)
@EXAMPLES
def test_a_change_in_a_segment_of_one_part_is_never_a_shift(rows: list[Given]):
    one_day = [row._replace(orders=3) for row in rows]

    found = quality(one_day, ALL_ORDERS)["segmentations"][0]["over_time"][0]["months"]

    assert Cause.SHIFT not in [month["change"] for month in found]


def test_a_change_is_a_shift_where_each_part_keeps_its_winner_and_only_the_sizes_moved():
    # Simpson's paradox: 10 wins on day 31 and 20 on day 92, in both months.
    june = after(31, JUNE, a10=60, a20=40) + after(92, JUNE, a10=20, a20=30)
    july = after(31, JULY, a10=30, a20=20) + after(92, JULY, a10=40, a20=60)

    assert changes(months(june + july, ALL_RECENCY)) == {
        "2018-06": (10.0, None),
        "2018-07": (20.0, Cause.SHIFT),
    }


def test_a_change_is_the_segments_own_where_the_amounts_within_its_parts_changed():
    june = after(31, JUNE, a10=60, a20=40) + after(92, JUNE, a10=30, a20=20)
    july = after(31, JULY, a10=40, a20=60) + after(92, JULY, a10=20, a20=30)

    assert changes(months(june + july, ALL_RECENCY)) == {"2018-06": (10.0, None), "2018-07": (20.0, Cause.OWN)}


def test_the_parts_of_a_segment_of_orders_are_the_numbers_of_orders():
    june = ordered(1, JUNE, a10=60, a20=40) + ordered(2, JUNE, a10=20, a20=30)
    july = ordered(1, JULY, a10=30, a20=20) + ordered(2, JULY, a10=40, a20=60)

    assert changes(months(june + july, ALL_ORDERS))["2018-07"] == (20.0, Cause.SHIFT)


def test_a_part_that_left_keeps_its_amounts_and_its_stragglers_do_not_speak_for_it():
    june = after(31, JUNE, a10=900, a20=100) + after(92, JUNE, a20=3)
    july = after(31, JULY, a20=2) + after(92, JULY, a20=900, a10=100)

    assert changes(months(june + july, ALL_RECENCY))["2018-07"] == (20.0, Cause.SHIFT)


def test_a_part_without_any_later_assignment_has_left_too():
    june, july = after(31, JUNE, a10=100), after(92, JULY, a20=100)

    assert changes(months(june + july, ALL_RECENCY))["2018-07"] == (20.0, Cause.SHIFT)


def test_a_part_that_only_shrank_speaks_for_itself():
    # The whole segment shrank to 20 assignments; its one part has all of them in both months.
    june, july = after(31, JUNE, a10=300), after(31, JULY, a20=20)

    assert changes(months(june + july, ALL_RECENCY))["2018-07"] == (20.0, Cause.OWN)


def test_parts_too_small_to_be_told_apart_are_one():
    # Each customer has another number of orders in July: no number is in both months, and none says why.
    june = [row._replace(orders=number) for number, row in enumerate(after(31, JUNE, a10=50), 1)]
    july = [row._replace(orders=number) for number, row in enumerate(after(31, JULY, a20=50), 51)]

    assert changes(months(june + july, ALL_ORDERS))["2018-07"] == (20.0, Cause.OWN)


def test_equal_shares_after_standardising_leave_the_smaller_amount_the_winner():
    # With June's sizes, 10 and 20 have 75 each in July's amounts: the smaller one, June's, still wins.
    june = after(31, JUNE, a10=80, a20=20) + after(92, JUNE, a10=20, a20=30)
    july = after(31, JULY, a10=50, a20=50) + after(92, JULY, a10=100, a20=100) + after(200, JULY, a20=90)

    assert changes(months(june + july, ALL_RECENCY))["2018-07"] == (20.0, Cause.SHIFT)


def test_a_change_is_told_from_the_last_month_with_assignments():
    rows = after(31, JUNE, a10=40) + after(31, AUGUST, a20=40) + ordered(12, JULY, a30=90)

    assert changes(months(rows, segmentation(Measure.TOTAL_ORDERS, 9))) == {
        "2018-06": (10.0, None),
        "2018-08": (20.0, Cause.OWN),
    }


def test_a_countrys_change_is_a_shift_if_it_is_one_between_the_segments_of_any_segmentation():
    june = ordered(1, JUNE, a10=60, a20=40) + ordered(12, JUNE, a10=20, a20=30)
    july = ordered(1, JULY, a10=30, a20=20) + ordered(12, JULY, a10=40, a20=60)

    _, found = quality(june + july, TWO_OF_ORDERS, ALL_RECENCY)["countries"][0]["months"]

    assert (found["voucher_amount"], found["change"]) == (20.0, Cause.SHIFT)
    assert found["shift_between"] == ["by_total_orders"]


def test_a_countrys_change_is_its_own_if_the_segments_do_not_explain_it():
    june = ordered(1, JUNE, a10=60, a20=40) + ordered(12, JUNE, a10=30, a20=20)
    july = ordered(1, JULY, a10=40, a20=60) + ordered(12, JULY, a10=20, a20=30)

    _, found = quality(june + july, TWO_OF_ORDERS)["countries"][0]["months"]

    assert (found["change"], found["shift_between"]) == (Cause.OWN, [])


def test_what_is_in_no_segment_is_a_part_of_the_country_too():
    # The customers without a last order get 20 in both months; in July they are more than the others.
    june = after(31, JUNE, a10=60) + [Given(on=JUNE, last_order=None, amount=20.0)] * 40
    july = after(31, JULY, a10=40) + [Given(on=JULY, last_order=None, amount=20.0)] * 60

    _, found = quality(june + july, ALL_RECENCY)["countries"][0]["months"]

    assert found["shift_between"] == ["by_days_since_last_order"]


def test_eight_amounts_of_a_month_are_listed_and_the_assignments_of_the_others_counted():
    rows = [Given(on=JUNE, amount=float(amount)) for amount in range(1, 11) for _ in range(amount)]

    (june,) = months(rows, ALL_ORDERS)

    assert [amount["voucher_amount"] for amount in june["amounts"]] == [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]
    assert (june["support"], june["others"]) == (55, 3)


def test_undated_assignments_are_in_no_month():
    assert months([Given(on=None)], ALL_ORDERS) == []


def test_of_many_months_the_last_ones_are_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coded_counts, "MOST_MONTHS", 2)
    rows = [Given(on=day, amount=float(day.month)) for day in (JUNE, JULY, AUGUST)]

    found = quality(rows, ALL_ORDERS)

    assert changes(found["segmentations"][0]["over_time"][0]["months"]) == {
        "2018-07": (7.0, None),
        "2018-08": (8.0, Cause.OWN),
    }
    assert [month["month"] for month in found["countries"][0]["months"]] == ["2018-07", "2018-08"]


def test_no_assignments_have_no_months():
    found = quality([], *SEGMENTATIONS, countries=COUNTRIES)

    assert [country["months"] for country in found["countries"]] == [[], []]
    assert {len(segment["months"]) for of in found["segmentations"] for segment in of["over_time"]} == {0}

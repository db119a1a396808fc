"""Agreement and backtests: the share of past assignments that segments, or one amount for the country, reproduce."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow.compute as pc
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
from voucher_selection.domain.agreement import OneAmounts, agreements, backtests
from voucher_selection.domain.coded_counts import Axes, CodedCounts
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.segments import Segmentation, shipped_definitions

CUR_DATE = date(2018, 8, 1)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
FREQUENT = shipped_definitions()["frequent_segment"]


def _found(
    rows: Sequence[Given], by: Segmentation, countries: Sequence[str] = ("Peru",), cur_date: date = CUR_DATE
) -> tuple[list[Any], list[Any]]:
    counts = counts_of(rows)
    axes = Axes.of(counts, countries)
    one_amounts = OneAmounts.of(CodedCounts.of(counts, Measure.TOTAL_ORDERS, axes), axes)
    history = CodedCounts.of(counts, by.measure, axes)
    return agreements(history, by, cur_date, one_amounts), backtests(history, by, axes, one_amounts)


def agreement(rows: Sequence[Given], by: Segmentation) -> dict[str, Any]:
    return _found(rows, by)[0][0]


def backtest(rows: Sequence[Given], by: Segmentation) -> list[dict[str, Any]]:
    return _found(rows, by)[1][0]


def _tested(
    trained: Sequence[Given], tested: Sequence[Given], by: Segmentation, cur_date: date
) -> tuple[int, float | None, float | None, int]:
    """The rows tested, the shares that the segments and the country reproduce, and the rows unanswered; row by row."""
    one_amount = winner(row.amount for row in trained)
    placed = [(row, segment) for row in tested if (segment := segment_of(row, by, cur_date)) is not None]
    answers = [
        (row, winner(other.amount for other in trained if segment_of(other, by, cur_date) == segment))
        for row, segment in placed
    ]
    if not placed:
        return 0, None, None, 0
    return (
        len(placed),
        sum(answer == row.amount for row, answer in answers) / len(placed),
        sum(one_amount == row.amount for row, _ in placed) / len(placed),
        sum(answer is None for _, answer in answers),
    )


@given(HISTORIES)
@EXAMPLES
def test_agreement_is_that_of_each_row_looked_up(rows: list[Given]):
    for by in SEGMENTATIONS:
        found, _ = _found(rows, by, COUNTRIES)

        for country, of_country in zip(COUNTRIES, found, strict=True):
            own = [row for row in rows if row.country == country]
            support, segments, one_amount, _ = _tested(own, own, by, CUR_DATE)
            assert of_country == {"support": support, "segments": segments, "country": one_amount}


@given(HISTORIES)
@EXAMPLES
def test_a_backtest_is_each_row_of_a_month_looked_up_in_a_model_of_the_days_before(rows: list[Given]):
    for by in SEGMENTATIONS:
        _, found = _found(rows, by, COUNTRIES)

        for country, of_country in zip(COUNTRIES, found, strict=True):
            own = [row for row in rows if row.country == country and row.on is not None]
            months = sorted({str(month_of(row)) for row in own})
            expected = []
            for month in months[1:]:
                first_day = date.fromisoformat(f"{month}-01")
                earlier = [row for row in own if row.on is not None and row.on < first_day]
                now = [row for row in own if month_of(row) == month]
                names = ("tested", "segments", "country", "unanswered")
                expected.append({"month": month} | dict(zip(names, _tested(earlier, now, by, first_day), strict=True)))
            assert of_country == expected


def test_agreement_compares_the_segments_with_one_amount_for_the_country():
    # 1-4 orders: 20, 20, 10. 5-13 orders: 10, 10, 10. The country's amount is 10.
    rows = [Given(orders=3, amount=amount) for amount in (20.0, 20.0, 10.0)] + [Given(orders=9, amount=10.0)] * 3

    assert agreement(rows, FREQUENT) == {"support": 6, "segments": 5 / 6, "country": 4 / 6}


def test_the_countrys_one_amount_comes_from_all_its_rows_also_those_in_no_segment():
    recency = segmentation(Measure.DAYS_SINCE_LAST_ORDER, None, lower=0)
    rows = [Given(amount=10.0), Given(amount=20.0, last_order=None), Given(amount=20.0, last_order=None)]

    assert agreement(rows, recency) == {"support": 1, "segments": 1.0, "country": 0.0}


def test_of_amounts_used_equally_often_the_smaller_one_is_reproduced():
    rows = [Given(amount=30.0), Given(amount=30.0), Given(amount=20.0), Given(amount=20.0), Given(amount=10.0)]
    june, july = date(2018, 6, 1), date(2018, 7, 1)

    found = backtest([*(row._replace(on=june) for row in rows), Given(on=july, amount=20.0)], FREQUENT)

    assert found == [{"month": "2018-07", "tested": 1, "segments": 1.0, "country": 1.0, "unanswered": 0}]


def test_without_support_nothing_was_reproduced_and_nothing_missed():
    assert agreement([], FREQUENT) == {"support": 0, "segments": None, "country": None}
    assert backtest([], FREQUENT) == []
    assert backtest([Given(on=None)], FREQUENT) == []


def test_a_segment_without_earlier_assignments_answers_nothing():
    rows = [Given(on=date(2018, 6, 30), orders=3), Given(on=date(2018, 7, 1), orders=9), Given(on=date(2018, 7, 2))]

    assert backtest(rows, FREQUENT) == [
        {"month": "2018-07", "tested": 2, "segments": 0.5, "country": 1.0, "unanswered": 1}
    ]


def test_a_month_whose_rows_are_in_no_segment_is_listed_without_shares():
    recency = segmentation(Measure.DAYS_SINCE_LAST_ORDER, None, lower=0)
    rows = [Given(on=date(2018, 6, 30)), Given(on=date(2018, 7, 1), last_order=None)]

    assert backtest(rows, recency) == [
        {"month": "2018-07", "tested": 0, "segments": None, "country": None, "unanswered": 0}
    ]


def test_rows_are_in_the_segments_of_the_months_first_day_and_not_of_cur_date():
    recency = segmentation(Measure.DAYS_SINCE_LAST_ORDER, 30, lower=0)
    # 26 days before 1 June, 56 days before 1 July: the earlier row is out of the segment when July is tested.
    rows = [
        Given(on=date(2018, 5, 31), last_order=date(2018, 5, 6)),
        Given(on=date(2018, 6, 1), last_order=date(2018, 5, 6)),
        Given(on=date(2018, 7, 1), last_order=date(2018, 6, 6)),
    ]

    june, july = backtest(rows, recency)

    assert june == {"month": "2018-06", "tested": 1, "segments": 1.0, "country": 1.0, "unanswered": 0}
    assert july == {"month": "2018-07", "tested": 1, "segments": 0.0, "country": 1.0, "unanswered": 1}


def test_of_many_months_the_last_ones_are_shown_and_trained_on_all_before(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coded_counts, "MOST_MONTHS", 2)
    rows = [Given(on=date(2018, month, 1), amount=float(month)) for month in (1, 1, 1, 2, 2, 3, 4)]

    found = backtest([*rows, Given(on=date(2018, 4, 2), amount=1.0)], FREQUENT)

    assert [(month["month"], month["segments"]) for month in found] == [("2018-03", 0.0), ("2018-04", 0.5)]


def test_days_that_no_calendar_has_are_in_no_month():
    counts = counts_of([Given(on=date(2018, 6, 1)), Given(on=date(2018, 7, 1))])
    day = counts.table["assigned_on"].combine_chunks().view("int32")
    in_year_15659 = pc.if_else(pc.equal(day, (date(2018, 7, 1) - date(1970, 1, 1)).days), 5_000_000, day)
    table = counts.table.set_column(1, "assigned_on", in_year_15659.cast("int32").cast("date32"))

    assert Axes.of(Counts(table), ["Peru"]).months == (date(2018, 6, 1),)

"""The daily refresh for a year without new history: what the gate of prod does, what is served, what does not age."""

from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.year_of_refreshes import AGEING, FOUR, GATE, LAST_DELIVERY, NIGHTS, changes, history, modes_on, nights
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.segments import shipped_definitions

STRICT = GATE.model_copy(update={"most_lost_segments": 0})


def test_with_four_countries_the_model_is_held_back_from_one_night_on_and_the_served_one_stays():
    year = nights(FOUR)

    assert [bool(night.held_back) for night in year] == [False] * 27 + [True] * (NIGHTS - 27)
    assert {night.served_day for night in year[27:]} == {date(2018, 9, 11)}
    assert {night.served_empty for night in year} == {0}


def test_first_a_segment_would_change_for_its_last_rows_and_then_segments_lose_all_support():
    _, first, second, *_ = changes(nights(FOUR))

    assert first.startswith(" 28  2018-09-12  empty  0, served 2018-09-11: held back: Peru recency_segment 30-60 would")
    assert "with a support of 4 (least_support_of_change 10)" in first
    assert second.startswith(
        " 29  2018-09-13  empty  3, served 2018-09-11: held back: segments that lost support: Peru"
    )


def test_what_is_held_back_has_ever_more_empty_segments_of_twenty():
    empty = {night.day: night.empty for night in nights(FOUR)}

    assert (empty[date(2018, 12, 15)], empty[date(2019, 2, 15)], [*empty.values()][-1]) == (12, 16, 16)


def test_with_one_country_so_few_segments_are_lost_in_a_night_that_the_gate_lets_the_model_empty_itself():
    year = nights(("Peru",))

    held_back = [number for number, night in enumerate(year, start=1) if night.held_back]
    assert held_back == [28, 58, 88, 148], "while a segment's last rows leave it"
    assert year[-1].served_day == LAST_DELIVERY + timedelta(days=1 + NIGHTS)
    assert year[-1].served_empty == 4, "of five"


def test_where_no_segment_may_be_lost_the_served_model_keeps_all_of_them():
    year = nights(("Peru",), STRICT)

    assert [number for number, night in enumerate(year, start=1) if night.held_back] == [*range(28, NIGHTS + 1)]
    assert year[-1].served_empty == 0


@pytest.mark.parametrize("segmentation", ["lapse_segment", "frequent_segment"])
def test_a_segmentation_that_does_not_count_up_to_cur_date_is_the_same_every_night(segmentation: str):
    counts, first = Counts.of(history(FOUR)), LAST_DELIVERY + timedelta(days=1)
    served = modes_on(counts, segmentation, first, FOUR)

    for number in range(1, NIGHTS + 1, 28):
        assert modes_on(counts, segmentation, first + timedelta(days=number), FOUR) == served
    assert sum(mode.support for mode in served) > 3_000


def test_lapse_segment_has_the_support_of_the_campaigns_where_recency_has_lost_it():
    counts, later = Counts.of(history(FOUR)), LAST_DELIVERY + timedelta(days=NIGHTS)

    support = {
        segmentation: {mode.segment: mode.support for mode in modes_on(counts, segmentation, later, ("Peru",))}
        for segmentation in (AGEING, "lapse_segment")
    }
    assert support[AGEING] == {"30-60": 0, "61-90": 0, "91-120": 0, "121-180": 0, "180+": 908}
    assert (support["lapse_segment"]["30-60"], support["lapse_segment"]["91-120"]) == (530, 372)


def test_while_the_served_date_stands_still_customers_who_ordered_since_are_in_no_segment_of_either():
    year = nights(FOUR)
    customer = SimpleNamespace(last_order_ts=datetime(2018, 12, 1, 18))
    asked = {night.day: night for night in year}[date(2019, 1, 1)]

    for segmentation in map(shipped_definitions().__getitem__, ("recency_segment", "lapse_segment")):
        value, measured = (segmentation.measure.of_customer(customer, day) for day in (asked.day, asked.served_day))
        assert (segmentation.segment_for(value), segmentation.segment_for(measured)) == ("30-60", None)

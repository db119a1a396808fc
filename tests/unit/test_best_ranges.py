"""Best ranges: no other ranges of a measure reproduce more assignments."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.given_vouchers import COUNTRIES, HISTORIES, Given, counts_of, measured, month_of, segment_of, winner
from voucher_selection.domain import best_ranges as best
from voucher_selection.domain.best_ranges import best_ranges
from voucher_selection.domain.errors import TooFine, TooLittleSupport
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.range_search import Cut, best_cuts
from voucher_selection.domain.ranges_found import BestRanges, RangesFound
from voucher_selection.domain.segments import SegmentDefinitions

CUR_DATE = date(2018, 9, 15)
JUNE, JULY = date(2018, 6, 11), date(2018, 7, 11)
EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True)
FEW = settings(max_examples=80, deadline=None, derandomize=True)

# The rows of each country by amount and value: few of each, so that cuts often tie.
_TABLES = st.integers(1, 6).flatmap(
    lambda values: st.lists(
        st.lists(st.lists(st.integers(0, 3), min_size=values, max_size=values), min_size=1, max_size=3),
        min_size=1,
        max_size=3,
    )
)


def found_in(rows: Iterable[Given], measure: Measure = Measure.TOTAL_ORDERS, **options: Any) -> BestRanges:
    return best_ranges(counts_of(rows), measure, CUR_DATE, options.pop("countries", ["Peru"]), **options)


def bounds(found: RangesFound) -> list[tuple[int, int | None]]:
    return [(segment.lower, segment.upper) for segment in found.definition.segments]


def given_by(orders: int, on: date = JUNE, **amounts: int) -> list[Given]:
    """Assignments to customers with a number of orders; `a10=3` are three of the amount 10."""
    return [
        Given(on=on, orders=orders, amount=float(name[1:])) for name, times in amounts.items() for _ in range(times)
    ]


def _all_cuts(tables: Sequence[np.ndarray], most_ranges: int, least_support: int) -> Iterator[tuple[int, Any]]:
    """Every cut whose ranges have the least support: the rows that it reproduces, and its ends."""
    values = tables[0].shape[1]
    for ranges in range(1, most_ranges + 1):
        for inner in combinations(range(1, values), ranges - 1):
            parts = [
                [table[:, start:end].sum(axis=1) for table in tables] for start, end in pairwise((0, *inner, values))
            ]
            if all(sum(amounts.sum() for amounts in part) >= least_support for part in parts):
                yield sum(int(amounts.max()) for part in parts for amounts in part), (*inner, values)


@given(_TABLES, st.integers(1, 6), st.integers(1, 12))
@EXAMPLES
def test_no_cut_of_all_is_better(lists: list[list[list[int]]], most_ranges: int, least_support: int):
    tables = [np.array(of_country) for of_country in lists]
    with_rows = sum(table.sum(axis=0) for table in tables) > 0
    tables = [table[:, with_rows] for table in tables]
    if not with_rows.any():
        return

    found = best_cuts([np.pad(table.cumsum(axis=1), ((0, 0), (1, 0))) for table in tables], most_ranges, least_support)

    expected = []
    for most in range(1, most_ranges + 1):
        cuts = _all_cuts(tables, most, least_support)
        best_cut = min(cuts, key=lambda cut: (-cut[0], len(cut[1]), cut[1]), default=None)
        expected += [] if best_cut is None else [Cut(best_cut[1], best_cut[0])]
    assert found == expected


@given(HISTORIES, st.sampled_from(Measure), st.integers(1, 3))
@FEW
def test_the_answer_is_what_its_definition_does_with_each_row(rows: list[Given], measure: Measure, least_support: int):
    own = [row for row in rows if row.country in COUNTRIES and measured(row, measure, CUR_DATE) is not None]
    if len(own) < least_support:
        return

    answer = found_in(rows, measure, countries=COUNTRIES, most_ranges=4, least_support=least_support)

    assert answer.support == len(own)
    for found in answer.found:
        by = found.definition
        reproduced = 0
        for segment in found.ranges:
            inside = [row for row in own if segment_of(row, by, CUR_DATE) == segment.segment]
            assert segment.support == len(inside) >= least_support
            for mode in segment.modes:
                amounts = [row.amount for row in inside if row.country == mode.country_code]
                assert (mode.voucher_amount, mode.support) == (winner(amounts), len(amounts))
                assert mode.share == (amounts.count(winner(amounts) or 0) / len(amounts) if amounts else None)
                reproduced += amounts.count(mode.voucher_amount or 0)
        assert found.reproduced == reproduced
        assert found.agreement == reproduced / len(own)


@given(HISTORIES, st.sampled_from(Measure))
@FEW
def test_the_last_month_is_looked_up_in_the_ranges_of_the_days_before(rows: list[Given], measure: Measure):
    own = [row for row in rows if row.country == "Peru"]
    dated = [row for row in own if row.on is not None]
    if not any(measured(row, measure, CUR_DATE) is not None for row in own):
        return
    last = max((str(month_of(row)) for row in dated), default="")

    answer = found_in(rows, measure, most_ranges=3)

    for found in answer.found:
        if found.last_month is None:
            first_day = date.fromisoformat(f"{last}-01") if last else CUR_DATE
            assert not any(month_of(row) != last and measured(row, measure, first_day) is not None for row in dated)
            continue
        assert found.last_month.month == last
        first_day, by = date.fromisoformat(f"{last}-01"), found.last_month.definition
        earlier = [(row, segment_of(row, by, first_day)) for row in dated if month_of(row) != last]
        tested = [(row, segment_of(row, by, first_day)) for row in dated if month_of(row) == last]
        tested = [(row, segment) for row, segment in tested if segment is not None]
        right = sum(row.amount == winner(o.amount for o, of in earlier if of == segment) for row, segment in tested)
        of_earlier = best_ranges(counts_of([row for row, _ in earlier]), measure, first_day, ["Peru"], most_ranges=3)
        assert by == of_earlier.found[found.most_ranges - 1].definition
        assert found.last_month.tested == len(tested)
        assert found.last_month.agreement == (right / len(tested) if tested else None)


def test_the_ranges_split_where_the_amount_changes():
    rows = given_by(2, a10=5) + given_by(4, a10=5) + given_by(7, a20=9) + given_by(9, a20=1, a30=3)

    one, two, three, four = found_in(rows, most_ranges=4).found

    assert (one.reproduced, bounds(one)) == (10, [(2, None)])
    assert (two.reproduced, bounds(two)) == (20, [(2, 4), (5, None)])
    assert (three.reproduced, bounds(three)) == (22, [(2, 4), (5, 7), (8, None)])
    assert (four.reproduced, bounds(four)) == (22, bounds(three))
    assert [segment.name for segment in three.definition.segments] == ["2-4", "5-7", "8+"]
    assert three.agreement == 22 / 23


def test_of_equally_good_ranges_those_with_fewer_and_then_smaller_bounds_are_found():
    # 10 or 20 wins in the middle, alike: it can go to either side.
    rows = given_by(1, a10=3) + given_by(2, a10=1, a20=1) + given_by(3, a20=3)

    assert [bounds(found) for found in found_in(rows, most_ranges=3).found] == [
        [(1, None)],
        [(1, 1), (2, None)],
        [(1, 1), (2, None)],
    ]


def test_each_country_has_its_own_amount_in_the_ranges_of_all():
    rows = given_by(1, a10=3) + given_by(2, a20=3)
    rows += [row._replace(country="Latvia", amount=row.amount + 100) for row in given_by(1, a10=2)]

    found = found_in(rows, countries=["Peru", "Latvia"], most_ranges=2).found[1]

    assert [[(mode.country_code, mode.voucher_amount, mode.support) for mode in r.modes] for r in found.ranges] == [
        [("Peru", 10.0, 3), ("Latvia", 110.0, 2)],
        [("Peru", 20.0, 3), ("Latvia", None, 0)],
    ]


def test_no_range_has_less_than_the_least_support_in_all_countries_together():
    rows = given_by(1, a10=1) + given_by(2, a20=4) + given_by(3, a10=5)
    rows += [row._replace(country="Latvia") for row in given_by(1, a10=2)]

    assert bounds(found_in(rows, most_ranges=3, least_support=4).found[2]) == [(1, 2), (3, None)]
    both = found_in(rows, countries=["Peru", "Latvia"], most_ranges=3, least_support=3)
    assert bounds(both.found[2]) == [(1, 1), (2, 2), (3, None)]


def test_days_are_those_of_cur_date():
    rows = [Given(last_order=CUR_DATE - timedelta(days=days), amount=amount) for days, amount in ((40, 10.0), (95, 20))]

    found = found_in(rows, Measure.DAYS_SINCE_LAST_ORDER, most_ranges=2).found[1]

    assert bounds(found) == [(40, 40), (41, None)]


def test_the_definition_makes_a_model_as_it_is():
    rows = given_by(1, a10=3) + given_by(5, a20=3)

    found = found_in(rows, most_ranges=2).found[1]
    definitions = SegmentDefinitions.model_validate_json(f'{{"segmentations": [{found.definition.model_dump_json()}]}}')
    modes = segment_modes(counts_of(rows), definitions, CUR_DATE, ["Peru"])

    assert [(mode.segment_name, mode.segment, mode.voucher_amount) for mode in modes] == [
        ("best_total_orders", "1", 10.0),
        ("best_total_orders", "2+", 20.0),
    ]
    assert found_in(rows, name="mine").found[0].definition.name == "mine"


def test_the_last_month_is_null_without_days_before_it():
    assert found_in(given_by(1, JUNE, a10=3)).found[0].last_month is None
    assert found_in([*given_by(1, JULY, a10=3), Given(on=None)]).found[0].last_month is None


def test_the_last_month_is_null_where_the_days_before_have_less_than_the_least_support():
    rows = given_by(1, JUNE, a10=3) + given_by(1, JULY, a10=4)

    assert found_in(rows, least_support=4).found[0].last_month is None
    assert found_in(rows, least_support=3).found[0].last_month is not None


def test_more_values_than_can_be_searched_are_refused_with_a_number_that_would_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(best, "_MOST_STEPS", 4**2 * 3)  # 1 amount, and 2 ranges
    rows = [Given(orders=orders) for orders in range(1, 6)]

    assert found_in(rows[:4], most_ranges=2).support == 4
    with pytest.raises(TooFine, match="at most 4 different values of total_orders with 1 amounts, got 5"):
        found_in(rows, most_ranges=2)


def test_5000_values_of_20_amounts_are_not_too_fine():
    best._check_values(Measure.TOTAL_ORDERS, 5_000, 20, 10)


def test_a_least_support_that_no_range_can_have_is_refused_with_the_largest_that_would_do():
    rows = given_by(1, a10=3) + given_by(2, a20=3)

    with pytest.raises(TooLittleSupport, match="least support of at most 6, .* Peru with total_orders; got 7"):
        found_in(rows, least_support=7)


def test_a_measure_that_no_assignment_has_is_refused():
    with pytest.raises(TooLittleSupport, match="assignments with months_since_first_order in Peru, got none"):
        found_in([Given(first_order=None)], Measure.MONTHS_SINCE_FIRST_ORDER)

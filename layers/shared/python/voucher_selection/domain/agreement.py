"""Agreement: the share of past assignments that a way of choosing reproduces. A backtest takes it month by month.

Two ways are compared: the amount used most in the customer's segment, and the amount used most in the country. All of
it describes what was given: what is used most need not work best.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from voucher_selection.domain.amount_sums import Codes, most_used, sum_by
from voucher_selection.domain.coded_counts import NO_SEGMENT, UNDATED, Axes, CodedCounts
from voucher_selection.domain.quality_document import Agreement, BacktestMonth
from voucher_selection.domain.segments import Segmentation

_NO_AMOUNT = -1


class _Cells(NamedTuple):
    """Counted assignments: the codes of country, part (of values) and amount at each place, and the number of rows."""

    country: Codes
    part: Codes
    amount: Codes
    rows: Codes


class _Trial(NamedTuple):
    """What was tested of each country, and how many of these rows each way of choosing reproduced or left out."""

    tested: Codes
    segments: Codes
    country: Codes
    unanswered: Codes


@dataclass(frozen=True)
class OneAmounts:
    """The amount used most in each country, as a code; -1 where the country has no assignments.

    `of_all` has one for each country, from all its kept assignments; `before` has one for each country and month code,
    from the assignments of earlier months. `rows` is the number of assignments of each country and month code.
    """

    of_all: Codes
    before: Codes
    rows: Codes

    @classmethod
    def of(cls, kept: CodedCounts, axes: Axes) -> Self:
        """Find the amounts from the counts of a measure that every kept assignment has."""
        countries, undivided = len(axes.countries), np.zeros_like(kept.values)
        before = np.full((countries, len(axes.months) + 1), _NO_AMOUNT)
        for month, earlier, _ in _by_month(kept, undivided, axes):
            before[:, month] = _modes(earlier, countries, 1)[:, 0]
        rows = np.zeros_like(before)
        np.add.at(rows, (kept.country, kept.month), kept.rows)
        return cls(_modes(_cells(kept, undivided), countries, 1)[:, 0], before, rows)

    def countries_tested(self, month: int) -> list[int]:
        """Return the countries that have assignments in a month, and in a month before it."""
        dated = self.rows[:, UNDATED + 1 :]
        before, now = dated[:, : month - 1].any(axis=1), dated[:, month - 1] > 0
        tested: list[int] = np.flatnonzero(before & now).tolist()
        return tested


def agreements(
    history: CodedCounts, segmentation: Segmentation, cur_date: date, one_amounts: OneAmounts
) -> list[Agreement]:
    """Return the agreement of a segmentation for each country, in the order of the axes."""
    cells = _in_segments(_cells(history, history.segments(segmentation, cur_date)))
    trial = _try(cells, cells, one_amounts.of_all, len(segmentation.bounds))
    return [
        {
            "support": int(support),
            "segments": _share(trial.segments[country], support),
            "country": _share(trial.country[country], support),
        }
        for country, support in enumerate(trial.tested)
    ]


def backtests(
    history: CodedCounts, segmentation: Segmentation, axes: Axes, one_amounts: OneAmounts
) -> list[list[BacktestMonth]]:
    """Return the months of each country, in the order of the axes: those with assignments, after the first.

    A segment without assignments before the month answers nothing: its tested rows are unanswered, and not reproduced.
    """
    # Values that are in one segment on the first day of every month are one part: few are left to be added up.
    shown = axes.shown_months
    in_segment = [history.segments(segmentation, axes.months[month - 1]) for month in shown]
    segments, part = np.unique(np.reshape(in_segment, (len(shown), len(history.values))), axis=1, return_inverse=True)
    backtest: list[list[BacktestMonth]] = [[] for _ in axes.countries]
    for (month, earlier, now), segment in zip(_by_month(history, part, axes), segments, strict=True):
        trained, tested = (_in_segments(cells._replace(part=segment[cells.part])) for cells in (earlier, now))
        trial = _try(trained, tested, one_amounts.before[:, month], len(segmentation.bounds))
        for country in one_amounts.countries_tested(month):
            backtest[country].append(_backtest_month(axes.month(month), trial, country))
    return backtest


def tested_on(
    later: CodedCounts, segmentation: Segmentation, cur_date: date, earlier: CodedCounts, countries: int
) -> tuple[int, int]:
    """Test the modes of earlier assignments on later ones, in all countries together.

    Return how many of the later assignments are in a segment at `cur_date`, and how many of these are reproduced.
    """
    trained, tested = (
        _in_segments(_cells(history, history.segments(segmentation, cur_date))) for history in (earlier, later)
    )
    trial = _try(trained, tested, np.full(countries, _NO_AMOUNT), len(segmentation.bounds))
    return int(trial.tested.sum()), int(trial.segments.sum())


def _backtest_month(month: str, trial: _Trial, country: int) -> BacktestMonth:
    tested = trial.tested[country]
    return {
        "month": month,
        "tested": int(tested),
        "segments": _share(trial.segments[country], tested),
        "country": _share(trial.country[country], tested),
        "unanswered": int(trial.unanswered[country]),
    }


def _share(rows: np.int64, of: np.int64) -> float | None:
    return float(rows / of) if of else None


def _cells(history: CodedCounts, part: Codes) -> _Cells:
    """Add up the counts over the days; `part` is the part of each of `history.values`."""
    (country, part, amount), rows = sum_by([history.country, part[history.value], history.amount], history.rows)
    return _Cells(country, part, amount, rows)


def _by_month(history: CodedCounts, part: Codes, axes: Axes) -> Iterator[tuple[int, _Cells, _Cells]]:
    """Yield the code of each month that is shown, the counts of the months before it, and its own."""
    keys = [history.month, history.country, part[history.value], history.amount]
    (months, country, part, amount), rows = sum_by(keys, history.rows)
    cells = _Cells(country, part, amount, rows)
    first, *starts = np.searchsorted(months, [UNDATED + 1, *axes.shown_months, len(axes.months) + 1]).tolist()
    earlier = _added(_part_of(cells, first, starts[0]))
    for month, (start, end) in zip(axes.shown_months, pairwise(starts), strict=True):
        now = _part_of(cells, start, end)
        yield month, earlier, now
        earlier = _added(earlier, now)


def _part_of(cells: _Cells, start: int, end: int) -> _Cells:
    return _Cells(*(column[start:end] for column in cells))


def _added(*counts: _Cells) -> _Cells:
    *keys, rows = map(np.concatenate, zip(*counts, strict=True))
    (country, part, amount), rows = sum_by(keys, rows)
    return _Cells(country, part, amount, rows)


def _in_segments(cells: _Cells) -> _Cells:
    return _Cells(*(column[cells.part != NO_SEGMENT] for column in cells))


def _modes(cells: _Cells, countries: int, parts: int) -> Codes:
    """Return the code of the amount used most in each country and part; -1 where there is none."""
    modes = np.full(countries * parts, _NO_AMOUNT)
    (group, amount), rows = sum_by([cells.country * parts + cells.part, cells.amount], cells.rows)
    winners = most_used(group, amount, rows)
    modes[winners.group] = winners.amount
    return modes.reshape(countries, parts)


def _try(trained: _Cells, tested: _Cells, one_amount: Codes, segments: int) -> _Trial:
    """Test the modes of trained segments, and the one amount of each country, on other assignments in segments."""
    countries = len(one_amount)
    answered = _modes(trained, countries, segments + 1)[tested.country, tested.part]
    counted = (
        True,
        answered == tested.amount,
        one_amount[tested.country] == tested.amount,
        answered == _NO_AMOUNT,
    )
    return _Trial(*(np.bincount(tested.country, tested.rows * which, countries).astype(np.int64) for which in counted))

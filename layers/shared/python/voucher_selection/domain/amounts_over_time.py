"""Amounts over time: how often each amount was used, by month, and why the amount used most changes.

A change is a segment's own if the amounts changed within its parts. It is a shift if only the sizes of the parts
changed: each part keeps its amounts, and another one has become the largest (Simpson's paradox). The parts of a segment
are the values that its measure had on the day of the assignment; for days since the last order, the days from the order
to the assignment. The parts of a country are the segments of a segmentation, and all assignments that are in none.

To tell them apart, the sizes are standardised: take the later month's amounts within each part, and the earlier month's
sizes of the parts. If the earlier month's amount still wins, the change is a shift. Two rules are for sparse parts:

- Parts with fewer than `LOW_SUPPORT` assignments in both months are one part: they are too small to be told apart.
- A part that is nearly gone keeps its earlier amounts, because its last few assignments do not stand for the others. It
  has fewer than `LOW_SUPPORT` assignments in the later month, and less than a tenth of its earlier share of the month.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from voucher_selection.domain.amount_sums import Codes, by_use, distinct, most_used, sum_by
from voucher_selection.domain.changes import Cause
from voucher_selection.domain.coded_counts import NO_SEGMENT, UNDATED, Axes, CodedCounts
from voucher_selection.domain.evidence import LOW_SUPPORT
from voucher_selection.domain.quality_document import (
    MOST_AMOUNTS,
    AmountsOfCountryMonth,
    AmountsOfMonth,
    SegmentOverTime,
)
from voucher_selection.domain.segments import Segmentation

_NEARLY_GONE = 0.1  # of its earlier share of the month
_DECIMALS = 12  # shares that differ by less are equal: sums of floats are not exact


class _Rows(NamedTuple):
    """Dated assignments: codes of the series (a segment, or a country) and month, of part and amount, and the rows."""

    group: Codes
    part: Codes
    amount: Codes
    rows: Codes


class _Amounts(NamedTuple):
    """How many rows each amount has in each group; sorted by group, the amount used most first."""

    group: Codes
    amount: Codes
    rows: Codes

    @property
    def firsts(self) -> Codes:
        """The places at which the groups start."""
        return np.flatnonzero(np.diff(self.group, prepend=-1))


class _Changes(NamedTuple):
    """Changes of the amount used most: the groups of the earlier and the later month, and the earlier amount."""

    earlier: Codes
    later: Codes
    amount: Codes


def segments_over_time(
    history: CodedCounts, segmentation: Segmentation, cur_date: date, axes: Axes
) -> list[list[SegmentOverTime]]:
    """Return the segments of each country, in the order of the axes. Assignments are in segments as on CUR_DATE."""
    names, width = list(segmentation.bounds), len(segmentation.bounds) + 1
    segment = history.segments(segmentation, cur_date)[history.value]
    shown = np.flatnonzero((segment != NO_SEGMENT) & _is_shown(history, axes))
    group = _groups(history.country[shown] * width + segment[shown], history.month[shown], axes)
    amounts = _amounts(group, history.amount[shown], history.rows[shown])
    changes = _changes(amounts, axes)
    of_changes = np.isin(group, np.concatenate([changes.earlier, changes.later]))
    rows = shown[of_changes]
    parts = _Rows(group[of_changes], history.when_given(rows), history.amount[rows], history.rows[rows])
    causes = {
        later: Cause.SHIFT if is_shift else Cause.OWN
        for later, is_shift in zip(changes.later.tolist(), _are_shifts(changes, parts).tolist(), strict=True)
    }
    months: dict[int, list[AmountsOfMonth]] = defaultdict(list)
    for place, month in _months(amounts, causes, axes):
        months[place // _stride(axes)].append(month)
    return [
        [{"segment": name, "months": months[country * width + code]} for code, name in enumerate(names, 1)]
        for country in range(len(axes.countries))
    ]


def countries_over_time(
    kept: CodedCounts, histories: Mapping[Segmentation, CodedCounts], cur_date: date, axes: Axes
) -> list[list[AmountsOfCountryMonth]]:
    """Return the months of each country, in the order of the axes.

    Parameters
    ----------
    kept
        The counts of a measure that every kept assignment has.
    histories
        The segmentations, each with the counts of its measure.
    cur_date
        CUR_DATE, which puts assignments into segments.
    axes
        The axes of all counts.
    """
    shown = np.flatnonzero(_is_shown(kept, axes))
    amounts = _amounts(_groups(kept.country[shown], kept.month[shown], axes), kept.amount[shown], kept.rows[shown])
    changes = _changes(amounts, axes)
    shift_between: dict[int, list[str]] = {later: [] for later in changes.later.tolist()}
    for segmentation, history in histories.items():
        are_shifts = _are_shifts(changes, _split_into_segments(amounts, history, segmentation, cur_date, axes))
        for later in changes.later[are_shifts].tolist():
            shift_between[later].append(segmentation.name)
    causes = {later: Cause.SHIFT if names else Cause.OWN for later, names in shift_between.items()}
    months: list[list[AmountsOfCountryMonth]] = [[] for _ in axes.countries]
    for place, month in _months(amounts, causes, axes):
        months[place // _stride(axes)].append({**month, "shift_between": shift_between.get(place, [])})
    return months


def _split_into_segments(
    amounts: _Amounts, history: CodedCounts, segmentation: Segmentation, cur_date: date, axes: Axes
) -> _Rows:
    """Return the rows of countries' months by segment, and as one more part those that are in none."""
    segment = history.segments(segmentation, cur_date)[history.value]
    shown = np.flatnonzero((segment != NO_SEGMENT) & _is_shown(history, axes))
    group = _groups(history.country[shown], history.month[shown], axes)
    (group, segment, amount), rows = sum_by([group, segment[shown], history.amount[shown]], history.rows[shown])
    # What is in no segment is all without what is in one: assignments that lack the measure are not counted for it.
    return _Rows(
        np.concatenate([amounts.group, group, group]),
        np.concatenate([np.full(len(amounts.group), NO_SEGMENT), np.full(len(group), NO_SEGMENT), segment]),
        np.concatenate([amounts.amount, amount, amount]),
        np.concatenate([amounts.rows, -rows, rows]),
    )


def _is_shown(history: CodedCounts, axes: Axes) -> npt.NDArray[np.bool_]:
    return history.month >= max(axes.shown_months.start, UNDATED + 1)


def _groups(series: Codes, month: Codes, axes: Axes) -> Codes:
    return series * _stride(axes) + month


def _stride(axes: Axes) -> int:
    return len(axes.months) + 1


def _amounts(group: Codes, amount: Codes, rows: Codes) -> _Amounts:
    (group, amount), rows = sum_by([group, amount], rows)
    order = by_use(group, amount, rows)
    return _Amounts(group[order], amount[order], rows[order])


def _changes(amounts: _Amounts, axes: Axes) -> _Changes:
    group, amount = amounts.group[amounts.firsts], amounts.amount[amounts.firsts]
    series = group // _stride(axes)
    later = 1 + np.flatnonzero((np.diff(series) == 0) & (np.diff(amount) != 0))
    return _Changes(group[later - 1], group[later], amount[later - 1])


def _are_shifts(changes: _Changes, rows: _Rows) -> npt.NDArray[np.bool_]:
    """Return for each change whether the earlier amount still wins with the earlier month's sizes of the parts."""
    earlier, later = _side(changes.earlier, rows), _side(changes.later, rows)
    change, part, amount, _ = map(np.concatenate, zip(earlier, later, strict=True))
    before = np.concatenate([earlier.rows, np.zeros_like(later.rows)])
    after = np.concatenate([np.zeros_like(earlier.rows), later.rows])

    cell, change_of_cell = _cells_of(change, part, before, after, len(changes.later))
    size_before, size_after = (np.bincount(cell, rows, len(change_of_cell)) for rows in (before, after))
    total_before, total_after = (np.bincount(change, rows)[change_of_cell] for rows in (before, after))
    is_gone = (size_after < LOW_SUPPORT) & (size_after / total_after < _NEARLY_GONE * size_before / total_before)
    factor = size_before / np.maximum(size_after, 1)
    standardised = np.where(is_gone[cell], before, after * factor[cell])

    first, used = distinct([change, amount])
    shares = np.bincount(used, standardised) / np.bincount(change, before)[change[first]]
    winners = most_used(change[first], amount[first], shares.round(_DECIMALS))
    return np.equal(winners.amount, changes.amount)


def _cells_of(change: Codes, part: Codes, before: Codes, after: Codes, changes: int) -> tuple[Codes, Codes]:
    """Return the cell of each row, which is a part of a change or all its small parts; and the change of each cell."""
    first, cell = distinct([change, part - part.min(initial=0)])
    is_small = np.maximum(np.bincount(cell, before), np.bincount(cell, after)) < LOW_SUPPORT
    return (
        np.where(is_small[cell], len(first) + change, cell),
        np.concatenate([change[first], np.arange(changes)]),
    )


def _side(groups: Codes, rows: _Rows) -> _Rows:
    """Return the rows of some groups, which are in order, each with the place of its group among them as its group."""
    place = np.searchsorted(groups, rows.group)
    chosen = np.isin(rows.group, groups)
    return _Rows(place[chosen], rows.part[chosen], rows.amount[chosen], rows.rows[chosen])


def _months(amounts: _Amounts, causes: Mapping[int, Cause], axes: Axes) -> Iterator[tuple[int, AmountsOfMonth]]:
    """Yield each group with its amounts, in order."""
    group, rows = amounts.group.tolist(), amounts.rows.tolist()
    amount = axes.amounts[amounts.amount].tolist()
    for start, end in pairwise([*amounts.firsts.tolist(), len(group)]):
        listed = range(start, min(end, start + MOST_AMOUNTS))
        month: AmountsOfMonth = {
            "month": axes.month(group[start] % _stride(axes)),
            "support": sum(rows[start:end]),
            "voucher_amount": amount[start],
            "amounts": [{"voucher_amount": amount[place], "count": rows[place]} for place in listed],
            "others": sum(rows[listed.stop : end]),
            "change": causes.get(group[start]),
        }
        yield group[start], month

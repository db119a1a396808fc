"""Best ranges: the ranges of a measure that no other ranges of that number can beat in agreement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isqrt
from typing import Self

import numpy as np

from voucher_selection.contract.limits import MOST_RANGES
from voucher_selection.domain.agreement import tested_on
from voucher_selection.domain.coded_counts import UNDATED, Axes, CodedCounts
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import TooFine, TooLittleSupport
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.range_search import Cut, Rows, best_cuts
from voucher_selection.domain.ranges import range_text
from voucher_selection.domain.ranges_found import BestRange, BestRanges, LastMonth, RangeMode, RangesFound
from voucher_selection.domain.segments import Segment, Segmentation
from voucher_selection.domain.validation import listed

# The square of the number of values, times the number of amounts and ranges. A search of so many takes half a second.
_MOST_STEPS = 1_000_000_000


def best_ranges(
    counts: Counts,
    measure: Measure,
    cur_date: date,
    countries: Sequence[str],
    *,
    most_ranges: int = MOST_RANGES,
    least_support: int = 1,
    name: str | None = None,
) -> BestRanges:
    """Return the ranges of a measure that reproduce the most assignments of some countries.

    A range reproduces the assignments that have the amount used most in it, in each country on its own. Every value is
    in a range: the first begins at the smallest value, each ends at a value, the next begins right after it, and the
    last is open upwards.

    Parameters
    ----------
    counts
        The counts of a model, cut to its window.
    measure
        What the ranges split.
    cur_date
        CUR_DATE, for measures that need it.
    countries
        The countries whose assignments count, all together.
    most_ranges
        The largest number of ranges; all numbers from 1 are tried.
    least_support
        The least number of assignments of a range, in all countries together.
    name
        The name of the segmentation; by default `best_` and the measure.

    Raises
    ------
    TooFine
        There are so many different values that finding the ranges would take too long.
    TooLittleSupport
        No range can have the least support, because all assignments are fewer.
    """
    axes = Axes.of(counts, countries)
    history = CodedCounts.of(counts, measure, axes)
    tally = _Tally.of(history.of_months(range(UNDATED, len(axes.months) + 1)), cur_date, axes, most_ranges)
    if not tally.support:
        raise TooLittleSupport(f"expected assignments with {measure} in {listed(axes.countries)}, got none")
    cuts = tally.cuts(most_ranges, least_support)
    if not cuts:
        raise TooLittleSupport(
            f"expected a least support of at most {tally.support:,}, the assignments of {listed(axes.countries)}"
            f" with {measure}; got {least_support:,}"
        )
    name = name or f"best_{measure}"
    last_month = _last_month(history, axes, most_ranges, least_support, name)
    return BestRanges(
        measure=measure,
        countries=list(countries),
        cur_date=cur_date,
        least_support=least_support,
        support=tally.support,
        found=[
            RangesFound(
                most_ranges=most,
                ranges=tally.ranges(cut),
                reproduced=cut.reproduced,
                agreement=cut.reproduced / tally.support,
                last_month=last_month.get(most),
                definition=tally.definition(cut, name),
            )
            for most, cut in enumerate(cuts, 1)
        ],
    )


@dataclass(frozen=True)
class _Tally:
    """The rows of each country by amount and by measured value.

    `values` are the distinct measured values, in order. `amounts` has those of each country, in order, and `cumulative`
    their rows, as `best_cuts` takes them.
    """

    measure: Measure
    countries: tuple[str, ...]
    values: list[int]
    amounts: list[list[float]]
    cumulative: list[Rows]

    @classmethod
    def of(cls, history: CodedCounts, cur_date: date, axes: Axes, most_ranges: int) -> Self:
        measured = history.measure.measured(history.values[history.value], cur_date)
        values, place = np.unique(measured, return_inverse=True)
        of_country = [history.country == country for country in range(len(axes.countries))]
        amounts = [np.unique(history.amount[chosen], return_inverse=True) for chosen in of_country]
        _check_values(history.measure, len(values), sum(len(codes) for codes, _ in amounts), most_ranges)
        cumulative = []
        for chosen, (codes, amount) in zip(of_country, amounts, strict=True):
            rows = np.zeros((len(codes), len(values) + 1), np.int64)
            np.add.at(rows, (amount, 1 + place[chosen]), history.rows[chosen])
            cumulative.append(rows.cumsum(axis=1))
        return cls(
            history.measure,
            axes.countries,
            values.tolist(),
            [axes.amounts[codes].tolist() for codes, _ in amounts],
            cumulative,
        )

    @property
    def support(self) -> int:
        """The number of all rows."""
        return sum(int(rows[:, -1].sum()) for rows in self.cumulative)

    def cuts(self, most_ranges: int, least_support: int) -> list[Cut]:
        """Return the best cuts, as `best_cuts` does."""
        return best_cuts([rows for rows in self.cumulative if len(rows)], most_ranges, least_support)

    def ranges(self, cut: Cut) -> list[BestRange]:
        """Return the ranges of a cut with the modes of each country."""
        ranges = []
        starts = (0, *cut.ends[:-1])
        for segment, start, end in zip(self.definition(cut, "ranges").segments, starts, cut.ends, strict=True):
            modes = [self._mode(country, start, end) for country in range(len(self.countries))]
            ranges.append(
                BestRange(
                    segment=segment.name,
                    lower=segment.lower,
                    upper=segment.upper,
                    support=sum(mode.support for mode in modes),
                    modes=modes,
                )
            )
        return ranges

    def _mode(self, country: int, start: int, end: int) -> RangeMode:
        rows = self.cumulative[country][:, end] - self.cumulative[country][:, start]
        support = int(rows.sum())
        most = int(rows.argmax()) if support else None  # of equal ones, the first: the smaller amount
        return RangeMode(
            country_code=self.countries[country],
            voucher_amount=None if most is None else self.amounts[country][most],
            support=support,
            share=None if most is None else float(rows[most] / support),
        )

    def definition(self, cut: Cut, name: str) -> Segmentation:
        """Return the ranges of a cut as a segmentation; values below the first range are in no segment."""
        uppers = [self.values[end - 1] for end in cut.ends[:-1]]
        bounds = zip([self.values[0], *(upper + 1 for upper in uppers)], [*uppers, None], strict=True)
        segments = tuple(Segment(name=range_text(lower, upper), lower=lower, upper=upper) for lower, upper in bounds)
        return Segmentation(name=name, measure=self.measure, segments=segments, outside=None)


def _check_values(measure: Measure, values: int, amounts: int, most_ranges: int) -> None:
    most = isqrt(_MOST_STEPS // (amounts + most_ranges))
    if values > most:
        raise TooFine(
            f"expected at most {most:,} different values of {measure} with {amounts:,} amounts, got {values:,};"
            " choose a shorter window, or fewer countries"
        )


def _last_month(
    history: CodedCounts, axes: Axes, most_ranges: int, least_support: int, name: str
) -> dict[int, LastMonth]:
    """Test the last month with the best ranges of the days before it, for each number of ranges."""
    if len(axes.months) < 2:  # noqa: PLR2004 - the month, and one before it
        return {}
    first_day, code = axes.months[-1], len(axes.months)
    earlier, later = history.of_months(range(UNDATED + 1, code)), history.of_months(range(code, code + 1))
    tally = _Tally.of(earlier, first_day, axes, most_ranges)
    cuts = tally.cuts(most_ranges, least_support) if tally.support else []
    tests: dict[int, LastMonth] = {}
    for most, cut in enumerate(cuts, 1):
        definition = tally.definition(cut, name)
        tested, reproduced = tested_on(later, definition, first_day, earlier, len(axes.countries))
        tests[most] = LastMonth(
            month=axes.month(code),
            tested=tested,
            agreement=reproduced / tested if tested else None,
            definition=definition,
        )
    return tests

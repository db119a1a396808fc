"""The counts of a measure as arrays of codes, from which agreement, amounts over time and best ranges are found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from voucher_selection.domain.amount_sums import Codes, sum_by
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.segments import Segmentation

UNDATED = 0
"""The code of the month of assignments without a day."""
NO_SEGMENT = 0
"""The code of the segment of values that are in no segment."""
MOST_MONTHS = 120
"""So many months are shown, the last ones; models of a backtest are trained on earlier months too."""
_EPOCH = date(1970, 1, 1)
_NO_DAY = np.iinfo(np.int32).min
# Days that `date` does not have are taken as no days.
_FIRST_DAY, _LAST_DAY = ((day - _EPOCH).days for day in (date.min, date.max))


@dataclass(frozen=True)
class Axes:
    """What codes stand for.

    The code of a country or an amount is its place in `countries` or `amounts`; `amounts` are in order. `months` are
    the first days of all months in which a voucher was given, in order; the code of a month is its place, plus 1.
    """

    countries: tuple[str, ...]
    months: tuple[date, ...]
    amounts: npt.NDArray[np.float64]

    @classmethod
    def of(cls, counts: Counts, countries: Sequence[str]) -> Self:
        """Return the axes of all kept assignments of some countries."""
        kept = _of_countries(counts.of_measure(Measure.TOTAL_ORDERS), countries)
        days, _ = _coded(_day_numbers(kept["assigned_on"]))
        amounts, _ = _coded(kept["voucher_amount"])
        months = (divmod(month, 12) for month in np.unique(_months(days)).tolist() if month != UNDATED)
        return cls(tuple(countries), tuple(date(year, month + 1, 1) for year, month in months), amounts)

    @property
    def shown_months(self) -> range:
        """The codes of the months that are shown."""
        return range(1 + max(len(self.months) - MOST_MONTHS, 0), 1 + len(self.months))

    def month(self, code: int) -> str:
        """Return the month that a code stands for, as people write it: `2018-06`."""
        return self.months[code - 1].isoformat()[: len("2018-06")]

    def amount(self, code: int) -> float:
        """Return the amount that a code stands for."""
        return float(self.amounts[code])


@dataclass(frozen=True)
class CodedCounts:
    """The counts of a measure: at each place of the arrays, the codes of one row of counts, and its number of `rows`.

    `values` are the distinct counted values, in order, and `value` is the place of a row's value among them. `days` and
    `day` are the same for days of assignment, since 1970-01-01; they mean nothing where `month` is `UNDATED`.
    """

    measure: Measure
    values: Codes
    days: Codes
    country: Codes
    month: Codes
    day: Codes
    value: Codes
    amount: Codes
    rows: Codes

    @classmethod
    def of(cls, counts: Counts, measure: Measure, axes: Axes) -> Self:
        """Return the counts of a measure, of the countries that the axes have."""
        table = _of_countries(counts.of_measure(measure), axes.countries)
        days, day = _coded(_day_numbers(table["assigned_on"]))
        values, value = _coded(table["value"])
        amounts, amount = _coded(table["voucher_amount"])
        months = np.array([12 * month.year + month.month - 1 for month in axes.months], np.int64)
        numbers = _months(days)
        month = np.where(numbers == UNDATED, UNDATED, 1 + np.searchsorted(months, numbers))
        return cls(
            measure=measure,
            values=values,
            days=days,
            country=_places(table["country_code"], axes.countries),
            month=month[day],
            day=day,
            value=value,
            amount=np.searchsorted(axes.amounts, amounts)[amount],
            rows=table["rows"].to_numpy(),
        )

    def segments(self, segmentation: Segmentation, cur_date: date) -> Codes:
        """Return the code of the segment of each of `values`: 1 for the first of `Segmentation.bounds`, and so on."""
        measured = self.measure.measured(self.values, cur_date)
        ranges = segmentation.segments
        place: Codes = np.searchsorted(
            np.array([segment.lower for segment in ranges], np.int64), measured, side="right"
        )
        is_outside = place == 0
        if (last := ranges[-1].upper) is not None:  # without gap, only what is below the first or above the last range
            is_outside |= measured > last
        place[is_outside] = NO_SEGMENT if segmentation.outside is None else len(ranges) + 1
        return place

    def of_months(self, codes: range) -> Self:
        """Return the counts of some months, added up: all are undated then."""
        chosen = (self.month >= codes.start) & (self.month < codes.stop)
        keys = [column[chosen] for column in (self.country, self.value, self.amount)]
        (country, value, amount), rows = sum_by(keys, self.rows[chosen])
        undated = np.full(len(rows), UNDATED)
        return replace(self, country=country, month=undated, day=undated, value=value, amount=amount, rows=rows)

    def when_given(self, rows: Codes) -> Codes:
        """Return the measured values that the customers of some dated rows had on the day of their assignment."""
        found = np.empty(len(rows), np.int64)
        place = np.argsort(self.day[rows])
        value, day = self.values[self.value[rows[place]]], self.day[rows[place]]
        starts = np.flatnonzero(np.diff(day, prepend=-1)).tolist()
        for start, end in pairwise([*starts, len(rows)]):
            assigned_on = _EPOCH + timedelta(days=int(self.days[day[start]]))
            found[place[start:end]] = self.measure.measured(value[start:end], assigned_on)
        return found


def _of_countries(table: pa.Table, countries: Sequence[str]) -> pa.Table:
    known = _places(table["country_code"], countries) >= 0
    return table if known.all() else table.filter(pa.array(known))


def _places(column: pa.ChunkedArray, names: Sequence[str]) -> Codes:
    """Return the place of each text among `names`, or -1."""
    encoded = column.combine_chunks().dictionary_encode()
    place = {name: place for place, name in enumerate(names)}
    places = np.array([place.get(name, -1) for name in encoded.dictionary.to_pylist()], np.int64)
    found: Codes = places[encoded.indices.to_numpy()]
    return found


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], Codes]:
    """Return the distinct values of a column, in order, and the place of each value among them."""
    encoded = column.combine_chunks().dictionary_encode()
    found = encoded.dictionary.to_numpy(zero_copy_only=False)
    order = np.argsort(found)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return found[order], place[encoded.indices.to_numpy()]


def _day_numbers(days: pa.ChunkedArray) -> pa.ChunkedArray:
    return days.cast(pa.int32()).fill_null(_NO_DAY)


def _months(days: npt.NDArray[np.int32]) -> Codes:
    """Return the months of days since 1970-01-01, as 12 times the year plus 0 to 11; 0 where `date` has no such day."""
    months = 12 * 1970 + days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.where((days >= _FIRST_DAY) & (days <= _LAST_DAY), months, 0)

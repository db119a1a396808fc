"""Count how often each day is the date of a last or first order, in fixed memory, while the rows are cleaned."""

from collections import Counter
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from voucher_selection.domain.striking_dates import LEAST_SHARE, DateRows, frequent_dates

_COLUMNS = ("last_order_ts", "first_order_ts")
_EPOCH = date(1970, 1, 1)
# Nearly all dates are within these 50 years: each of their days has its place. Other days are few.
_FIRST = (date(1990, 1, 1) - _EPOCH).days
_PLACES = (date(2040, 1, 1) - _EPOCH).days - _FIRST
# The counts keep at most this many other days, those with the most rows. Days that are dropped are rare.
_MOST_OTHERS = 10_000


class OrderDates:
    """Running counts of a shard's rows by their order dates, for the run's countries."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns = {column: _Days() for column in _COLUMNS}

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows with the columns of `rules.CLEANED_SCHEMA`, whether they are kept or not."""
        self._rows += rows.num_rows
        for column, days in self._columns.items():
            days.add(rows[column])

    def frequent(self, last_day: date | None) -> tuple[DateRows, ...]:
        """Return the dates that may prove striking. `last_day` is the last possible day of an order (None: any)."""
        return tuple(
            found
            for column, days in self._columns.items()
            for found in frequent_dates(column, days.of_at_least(self._rows * LEAST_SHARE), self._rows, last_day)
        )


class _Days:
    def __init__(self) -> None:
        self._places = np.zeros(_PLACES, np.int64)
        self._others: Counter[int] = Counter()

    def add(self, times: pa.Array) -> None:
        days = times.cast(pa.date32(), safe=False).drop_null().view(pa.int32()).to_numpy() - _FIRST
        # One extra place at each end counts the other days.
        counted = np.bincount(np.clip(days, -1, _PLACES) + 1, minlength=_PLACES + 2)
        self._places += counted[1:-1]
        if counted[0] or counted[-1]:
            self._add_others(days[(days < 0) | (days >= _PLACES)])

    def _add_others(self, days: npt.NDArray[np.int32]) -> None:
        found, rows = np.unique(days, return_counts=True)
        self._others.update(dict(zip(found.tolist(), rows.tolist(), strict=True)))
        if len(self._others) > 2 * _MOST_OTHERS:
            self._others = Counter(dict(self._others.most_common(_MOST_OTHERS)))

    def of_at_least(self, rows: float) -> dict[date, int]:
        """Return the days with at least this many rows, each with its number of rows."""
        frequent = np.flatnonzero(self._places >= max(rows, 1))
        counted = dict(zip(frequent.tolist(), self._places[frequent].tolist(), strict=True))
        counted |= {place: count for place, count in self._others.items() if count >= rows}
        return {_date_at(place): count for place, count in counted.items()}


def _date_at(place: int) -> date:
    return _EPOCH + timedelta(days=_FIRST + place)

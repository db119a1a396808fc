"""Striking dates: dates that a striking share of a history's rows has as its last or first order.

Most of them are placeholders, which mean "no order". Clean reports for each shard the dates that may be striking. Model
adds them up, and reports those that are. No Arrow, so that the API's pages can show them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.striking_sentences import striking_date

# An earlier date is probably a placeholder: 1970-01-01, 1900-01-01, 0001-01-01.
FIRST_PLAUSIBLE_DAY = date(1990, 1, 1)
# From these shares on, Clean reports a date of a shard, and a date of a run is striking: for a plausible date, and for
# an implausible one.
LEAST_SHARE = 0.001
_OF_A_SHARD, _OF_A_RUN = (0.05, LEAST_SHARE), (0.2, 0.01)
# A plausible date with fewer rows is never striking: in a small file, many rows may have the same date.
_LEAST_ROWS = 100
# Clean reports at most this many dates of one column of one shard.
_MOST_OF_A_SHARD = 20


class DateRows(BaseModel):
    """The number of rows that have a date in a column of a history."""

    model_config = ConfigDict(frozen=True)

    column: str
    date: date
    rows: int


class StrikingDate(DateRows):
    """A striking date; `share` is the share of the rows of the run's countries that have it, from 0 to 1."""

    share: float

    @property
    def sentence(self) -> str:
        """The date in words for people, with what to do about it."""
        return striking_date(self.model_dump(mode="json"))


def frequent_dates(column: str, rows_of: Mapping[date, int], rows: int, last_day: date | None) -> Iterator[DateRows]:
    """Yield the dates of one column of a shard that may prove striking, the most frequent first; at most 20.

    Parameters
    ----------
    rows_of
        The number of rows that have each date, for the dates of at least `LEAST_SHARE` of the rows.
    last_day
        As in `Reading`.
    """
    yielded = 0
    for day, count in sorted(rows_of.items(), key=lambda item: (-item[1], item[0])):
        if yielded < _MOST_OF_A_SHARD and count >= rows * _least_share(_OF_A_SHARD, day, last_day):
            yielded += 1
            yield DateRows(column=column, date=day, rows=count)


def summed(of_shards: Iterable[DateRows]) -> tuple[DateRows, ...]:
    """Add up the rows of each date, in the order of columns and dates."""
    rows: Counter[tuple[str, date]] = Counter()
    for found in of_shards:
        rows[found.column, found.date] += found.rows
    return tuple(DateRows(column=column, date=day, rows=rows[column, day]) for column, day in sorted(rows))


def striking_dates(of_shards: Iterable[DateRows], rows: int, last_day: date | None) -> tuple[StrikingDate, ...]:
    """Return the striking dates of a run, the one with the most rows first.

    `of_shards` are the dates that `frequent_dates` yielded for each shard, or sums of them. `rows` are those of the
    run's countries.
    """
    striking = (
        StrikingDate(**found.model_dump(), share=found.rows / rows)
        for found in summed(of_shards)
        if found.rows >= rows * _least_share(_OF_A_RUN, found.date, last_day)
        and (found.rows >= _LEAST_ROWS or not _is_plausible(found.date, last_day))
    )
    return tuple(sorted(striking, key=lambda found: (-found.rows, found.column, found.date)))


def _least_share(shares: tuple[float, float], day: date, last_day: date | None) -> float:
    plausible, implausible = shares
    return plausible if _is_plausible(day, last_day) else implausible


def _is_plausible(day: date, last_day: date | None) -> bool:
    return day >= FIRST_PLAUSIBLE_DAY and (last_day is None or day <= last_day)

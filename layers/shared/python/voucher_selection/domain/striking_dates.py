"""Dates that make up a striking part of a column of orders: most are placeholders, which mean that there was no order.

Clean tells of each shard which dates could be; Model sums them, and tells those that are. Without Arrow, so that pages
can have them in words.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict

# An order before it is more likely a placeholder: 1970-01-01, 1900-01-01, 0001-01-01.
FIRST_PLAUSIBLE_DAY = date(1990, 1, 1)
# The part of a shard's rows from which on Clean tells a date, and of a run's rows from which on it is striking: a
# plausible one, and another.
LEAST_SHARE = 0.001
_OF_A_SHARD, _OF_A_RUN = (0.05, LEAST_SHARE), (0.2, 0.01)
# Of a plausible date, so many rows at least are striking: in a small file many have the same.
_LEAST_ROWS = 100
# Of one column of one shard, so many are told at most.
_MOST_OF_A_SHARD = 20


class DateRows(BaseModel):
    """How many rows have a date in a column of a history."""

    model_config = ConfigDict(frozen=True)

    column: str
    date: date
    rows: int


class StrikingDate(DateRows):
    """A date of a striking part of the rows of a run's countries; `share` is that part, from 0 to 1."""

    share: float

    @property
    def told(self) -> str:
        """What it is and what to do, for people."""
        return (
            f"{self.date} is the {self.column} of {self.rows:,} rows ({self.share:.1%} of the countries' rows)."
            " If it means that there is none, name it in null_dates and run the whole history again."
        )


def frequent_dates(column: str, rows_of: Mapping[date, int], rows: int, last_day: date | None) -> Iterator[DateRows]:
    """Yield the dates of one shard's column that may prove striking, the most frequent first.

    Parameters
    ----------
    rows_of, rows
        How many rows have each date, of at least `LEAST_SHARE` of them, and how many there are.
    last_day
        The last day that an order can be of; None: any.
    """
    told = 0
    for day, count in sorted(rows_of.items(), key=lambda item: (-item[1], item[0])):
        if told < _MOST_OF_A_SHARD and count >= rows * _least_share(_OF_A_SHARD, day, last_day):
            told += 1
            yield DateRows(column=column, date=day, rows=count)


def striking_dates(of_shards: Iterable[DateRows], rows: int, last_day: date | None) -> tuple[StrikingDate, ...]:
    """Return the dates that make up a striking part of a run's rows, those of the most rows first.

    Parameters
    ----------
    of_shards
        What `frequent_dates` gave of each shard.
    rows
        How many rows the run's countries have.
    """
    summed: Counter[tuple[str, date]] = Counter()
    for found in of_shards:
        summed[found.column, found.date] += found.rows
    striking = (
        StrikingDate(column=column, date=day, rows=count, share=count / rows)
        for (column, day), count in summed.items()
        if count >= rows * _least_share(_OF_A_RUN, day, last_day)
        and (count >= _LEAST_ROWS or not _is_plausible(day, last_day))
    )
    return tuple(sorted(striking, key=lambda found: (-found.rows, found.column, found.date)))


def _least_share(shares: tuple[float, float], day: date, last_day: date | None) -> float:
    plausible, implausible = shares
    return plausible if _is_plausible(day, last_day) else implausible


def _is_plausible(day: date, last_day: date | None) -> bool:
    return day >= FIRST_PLAUSIBLE_DAY and (last_day is None or day <= last_day)

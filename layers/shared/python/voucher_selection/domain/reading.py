"""How to read the rows of a history: Ingest decides it once for a run, and Clean applies it to every row."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read the rows of a history.

    Attributes
    ----------
    countries
        Names of the countries to keep.
    time_zone
        The IANA name of the zone that defines when a day begins. Times with an offset are converted to it.
    null_dates
        Placeholder dates of the history: a date or time on one of these days is read as null.
    last_day
        The last possible day of an order: the day after the run's start. A later date may be a placeholder. None: any
        day is possible.
    """

    countries: tuple[str, ...]
    time_zone: str = "UTC"
    null_dates: tuple[date, ...] = ()
    last_day: date | None = None

"""How a history is read: what Ingest settles for a run, and every row is read with."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of a history are read; one value, from the plan to the rules.

    Attributes
    ----------
    countries
        Names of the countries to keep, exactly as in `country_code`.
    time_zone
        What a day is: a zone of the IANA database. Times with an offset are read as its clocks showed them.
    null_dates
        Placeholders of the history: a date or time of one of these days is none.
    last_day
        The last day that an order can be of, the one after the run's start; a date after it may prove a placeholder.
        None: any.
    """

    countries: tuple[str, ...]
    time_zone: str = "UTC"
    null_dates: tuple[date, ...] = ()
    last_day: date | None = None

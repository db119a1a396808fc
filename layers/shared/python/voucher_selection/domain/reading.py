"""How a history is read: what Ingest settles for a run, and every row is read with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of a history are read; one value, from the plan to the rules.

    Attributes
    ----------
    countries
        Names of the countries to keep, exactly as in `country_code`.
    """

    countries: tuple[str, ...]

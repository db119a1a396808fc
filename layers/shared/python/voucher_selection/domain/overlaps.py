"""Overlaps: days of a delivery whose assignments are counted already, and what an append does about them."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.errors import DeliveryOverlaps
from voucher_selection.domain.validation import listed


class CountryDay(NamedTuple):
    """A country, and a day of assignment."""

    country_code: str
    assigned_on: date


class CountedAgain(BaseModel):
    """The overlap of a delivery: how many (country, day) it has that are counted already, and their assignments.

    `counted_rows` are the assignments that were counted for them, `delivered_rows` those of the delivery.
    """

    model_config = ConfigDict(frozen=True)

    days: int = 0
    counted_rows: int = 0
    delivered_rows: int = 0

    @classmethod
    def of(cls, counted: Mapping[CountryDay, int], delivered: Mapping[CountryDay, int]) -> Self:
        """Return the overlap of a delivery with counts, given the assignments of each by country and day."""
        both = counted.keys() & delivered.keys()
        return cls(
            days=len(both),
            counted_rows=sum(counted[day] for day in both),
            delivered_rows=sum(delivered[day] for day in both),
        )


def check_refused(counted: Mapping[CountryDay, int], delivered: Mapping[CountryDay, int]) -> None:
    """Raise `DeliveryOverlaps` if a delivery has a country's day that is counted already."""
    days = sorted(counted.keys() & delivered.keys())
    if not days:
        return
    of_days = [
        f"{day.country_code} {day.assigned_on} ({delivered[day]:,} new, {counted[day]:,} counted)" for day in days
    ]
    found = CountedAgain.of(counted, delivered)
    raise DeliveryOverlaps(
        f"expected days that are not counted yet, got {found.delivered_rows:,} assignments of"
        f" {found.days:,} days that are counted already with {found.counted_rows:,} assignments:"
        f" {listed(of_days)}. Nothing was published: approve the run with `overlap` set to `replace`, so that the new"
        " assignments take the place of these days' old ones, or to `add`"
    )

"""A year of the daily refresh without new history: what the gate does each night, and what is served.

`./quickstart test tests/unit/test_refreshes.py` asserts it. This prints the nights on which something changes:

    PYTHONPATH=lambdas:layers/shared/python .venv/bin/python -m tests.year_of_refreshes Peru Latvia China Mexico
"""

import random
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa

from infra_cdk.stages import stage
from tests.models import model_of
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import HeldBack
from voucher_selection.domain.gate import Thresholds, check
from voucher_selection.domain.model import SegmentMode
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.domain.segments import SegmentDefinitions, shipped_definitions

FOUR = ("Peru", "Latvia", "China", "Mexico")
FIRST_DELIVERY, LAST_DELIVERY = date(2018, 5, 17), date(2018, 8, 14)
GATE = Thresholds.model_validate(stage("prod").gate)
AGEING = "recency_segment"
NIGHTS = 365

# A campaign gives vouchers on these days after the last order, and an amount for each of its two occasions.
_CAMPAIGN_DAYS = (31, 31, 31, 91, 92)
_AMOUNTS = (1760.0, 2640.0, 3520.0, 4400.0, 13200.0)
_ROWS_A_DAY = 10
_USUAL = 0.6
_DAYS_BETWEEN_STRAGGLERS = 12


class Night(NamedTuple):
    """A night: its CUR_DATE, why the gate held the refresh back (empty: it did not), and what is served after it.

    `empty` is the number of segments without support in the model that was made, `served_empty` in the served one.
    """

    day: date
    held_back: str
    empty: int
    served_day: date
    served_empty: int


def history(countries: Sequence[str]) -> pa.RecordBatch:
    """Return cleaned rows of daily deliveries: campaigns on day 31 and 91 or 92, and few stragglers on other days."""
    rows = [row for country in countries for row in _of_a_country(country)]
    return pa.RecordBatch.from_pylist(rows, schema=CLEANED_SCHEMA)


def _of_a_country(country: str) -> Iterator[dict[str, Any]]:
    choose = random.Random(country)
    early, late, *others = choose.sample(_AMOUNTS, len(_AMOUNTS))
    for number in range((LAST_DELIVERY - FIRST_DELIVERY).days + 1):
        given = FIRST_DELIVERY + timedelta(days=number)
        for _ in range(_ROWS_A_DAY):
            days = choose.choice(_CAMPAIGN_DAYS)
            usual = early if days == _CAMPAIGN_DAYS[0] else late
            yield _row(country, given, days, usual if choose.random() < _USUAL else choose.choice(others))
        if number % _DAYS_BETWEEN_STRAGGLERS == 0:
            yield _row(country, given, choose.randrange(180), choose.choice(others))


def _row(country: str, given: date, days: int, amount: float) -> dict[str, Any]:
    return {
        "timestamp": datetime.combine(given, time(9)),
        "country_code": country,
        "last_order_ts": datetime.combine(given - timedelta(days=days), time(18)),
        "total_orders": 3,
        "voucher_amount": amount,
    }


def modes_on(counts: Counts, segmentation: str, day: date, countries: Sequence[str]) -> tuple[SegmentMode, ...]:
    """Return the segments of one shipped segmentation at a CUR_DATE."""
    named = tuple(each for each in shipped_definitions().segmentations if each.name == segmentation)
    return segment_modes(counts, SegmentDefinitions(segmentations=named), day, countries)


@cache
def nights(countries: tuple[str, ...], thresholds: Thresholds = GATE) -> list[Night]:
    """Refresh the model of a history every night, as `remodel` does, and return the nights.

    The first model is of the day after the last delivery. Models have only the segmentation that ages: the segments of
    the others are the same every night, so the gate has nothing to say about them.
    """
    counts, first = Counts.of(history(countries)), LAST_DELIVERY + timedelta(days=1)
    served, served_day, found = modes_on(counts, AGEING, first, countries), first, []
    for number in range(1, NIGHTS + 1):
        day, why = first + timedelta(days=number), ""
        made = modes_on(counts, AGEING, day, countries)
        try:
            check(made, None, model_of(*served), thresholds)
            served, served_day = made, day
        except HeldBack as error:
            why = str(error).partition("stays: ")[2]
        found.append(Night(day, why, _empty(made), served_day, _empty(served)))
    return found


def _empty(modes: Sequence[SegmentMode]) -> int:
    return sum(not mode.support for mode in modes)


def changes(year: Sequence[Night]) -> Iterator[str]:
    """Yield a line for each night that differs from the one before in what it did, or in its empty segments."""
    before: tuple[bool, int] | None = None
    for number, night in enumerate(year, start=1):
        now = bool(night.held_back), night.empty
        if now != before:
            did = f"held back: {night.held_back}" if night.held_back else "published"
            yield f"{number:>3}  {night.day}  empty {night.empty:>2}, served {night.served_day}: {did}"
        before = now


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in changes(nights(tuple(sys.argv[1:]) or FOUR)))

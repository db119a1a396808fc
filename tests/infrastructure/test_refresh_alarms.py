"""What a year of nightly refreshes without new history sends: each alarm once, for as long as its reason lasts."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from tests.infrastructure.cloudwatch import mails
from tests.infrastructure.test_observability import alarms
from tests.year_of_refreshes import FOUR, Night, nights

# The default `refresh_schedule`, and how often somebody asks the API, which then tells the model's age.
AT = time(0, 30, tzinfo=UTC)
BETWEEN_LOOKUPS = timedelta(hours=1)


@pytest.fixture(scope="module")
def year() -> list[Night]:
    return nights(FOUR)


def at(night: Night) -> datetime:
    return datetime.combine(night.day, AT)


def emitted(year: list[Night]) -> dict[str, dict[datetime, float]]:
    """The values of the metrics by the heading of their alarm. Watch tells the same age as the API, but more often."""
    begin, end = span(year)
    published = [at(night) for night in year if not night.held_back]
    lookups = [begin + number * BETWEEN_LOOKUPS for number in range(1, (end - begin) // BETWEEN_LOOKUPS)]
    ages = {
        asked: (asked - max((when for when in published if when <= asked), default=begin)).total_seconds()
        for asked in lookups
    }
    return {
        "A model was held back": {at(night): float(bool(night.held_back)) for night in year},
        "Nothing was published": ages,
        "The model is old": ages,
    }


def span(year: list[Night]) -> tuple[datetime, datetime]:
    return at(year[0]) - timedelta(minutes=30), at(year[-1]) + timedelta(days=1)


def sent(alarm: Any, heading: str, year: list[Night]) -> list[tuple[str, int]]:
    """The states that an alarm has told, each with the night of it."""
    return [
        (mail.state, (mail.at.date() - year[0].day).days + 1)
        for mail in mails(alarm, emitted(year)[heading], *span(year))
    ]


def test_each_alarm_of_a_year_of_held_back_refreshes_comes_once(prod, year: list[Night]):
    found = alarms(prod)
    first = next(number for number, night in enumerate(year, start=1) if night.held_back)

    assert {heading: sent(found[heading], heading, year) for heading in emitted(year)} == {
        "A model was held back": [("ALARM", first)],
        "Nothing was published": [("ALARM", first)],
        "The model is old": [("ALARM", first)],
    }


def test_an_alarm_for_which_no_data_is_fine_would_come_every_night(prod, year: list[Night]):
    heading = "A model was held back"
    nightly = alarms(prod)[heading] | {"TreatMissingData": "notBreaching"}

    held_back = sum(bool(night.held_back) for night in year)
    assert len(sent(nightly, heading, year)) == 2 * held_back > 600


def test_a_publication_ends_the_alarm_and_the_next_hold_back_raises_it_again(prod, year: list[Night]):
    heading = "A model was held back"
    alarm = alarms(prod)[heading]
    some = [night._replace(held_back=why) for night, why in zip(year, ["", "a", "a", "", "", "b"], strict=False)]

    assert sent(alarm, heading, some) == [("ALARM", 2), ("OK", 4), ("ALARM", 6)]

"""A dead API raises an alarm, however few requests it gets; a stage that has never published raises none."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.infrastructure.cloudwatch import mails
from tests.infrastructure.test_observability import alarms

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
DEAD_FROM, DEAD_TO = timedelta(hours=6), timedelta(hours=9)
END = timedelta(days=1)


def times(every: timedelta, end: timedelta = END) -> Iterator[datetime]:
    return (BEGIN + number * every + timedelta(seconds=7) for number in range(end // every))


def is_dead(at: datetime) -> bool:
    return DEAD_FROM <= at - BEGIN < DEAD_TO


def sent(alarm: object, values: dict[datetime, float], end: timedelta = END) -> list[tuple[str, timedelta]]:
    return [(mail.state, mail.at - BEGIN) for mail in mails(alarm, values, BEGIN, BEGIN + end)]


@pytest.mark.parametrize("minutes", [1, 5, 10, 20])
def test_faults_raise_an_alarm_within_an_hour_even_with_one_request_in_twenty_minutes(prod, minutes: int):
    faults = {at: float(is_dead(at)) for at in times(timedelta(minutes=minutes))}

    (alarm, began), (ok, ended) = sent(alarms(prod)["The API keeps failing"], faults)

    assert (alarm, ok) == ("ALARM", "OK")
    assert DEAD_FROM < began <= DEAD_FROM + timedelta(hours=1)
    assert DEAD_TO < ended <= DEAD_TO + timedelta(hours=1)


def test_two_faults_in_an_hour_raise_no_alarm(prod):
    faults = {at: float(at - BEGIN < timedelta(minutes=10)) for at in times(FIVE_MINUTES)}

    assert sent(alarms(prod)["The API keeps failing"], faults) == []


@pytest.mark.parametrize("silent", [False, True], ids=["the API does not answer", "Watch does not ask"])
def test_a_dead_api_that_nobody_calls_raises_an_alarm_after_a_quarter_of_an_hour(prod, silent: bool):  # noqa: FBT001
    failed = {at: float(is_dead(at)) for at in times(FIVE_MINUTES) if not (silent and is_dead(at))}

    quarter = timedelta(minutes=15)
    assert sent(alarms(prod)["The API does not answer"], failed) == [
        ("ALARM", DEAD_FROM + quarter),
        ("OK", DEAD_TO + FIVE_MINUTES),
    ]


def test_a_check_that_fails_twice_raises_no_alarm(prod):
    failed = {at: float(number in {10, 11}) for number, at in enumerate(times(FIVE_MINUTES))}

    assert sent(alarms(prod)["The API does not answer"], failed) == []


def test_a_stage_that_never_published_raises_no_alarm_for_a_week(prod):
    # What its functions emit: `tests/integration/test_watch.py` and `test_emitted_metrics.py`.
    week, found = timedelta(days=7), alarms(prod)
    asked = dict.fromkeys(times(FIVE_MINUTES, week), 0.0)
    silent = ("Nothing was published", "The model is old", "A model was held back", "A run failed")

    assert sent(found["The API does not answer"], asked, week) == []
    assert [heading for heading in silent if sent(found[heading], {}, week)] == []


def test_a_stage_that_published_once_and_never_again_raises_one_alarm(prod):
    first, end = BEGIN + timedelta(hours=2), timedelta(days=7)
    ages = {at: (at - first).total_seconds() for at in times(FIVE_MINUTES, end) if at >= first}

    ((state, at),) = sent(alarms(prod)["Nothing was published"], ages, end)

    assert state == "ALARM"
    assert timedelta(hours=28) < at <= timedelta(hours=28, minutes=10)

"""What a day is: times as the clocks of a zone show them, in a history and in a request."""

import random
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from voucher_selection.domain import time_zones
from voucher_selection.domain.errors import UnknownTimeZone
from voucher_selection.domain.formats import timestamp_from_text
from voucher_selection.domain.parsing import parse_timestamp
from voucher_selection.domain.time_zones import day_in, zone_of

ZONES = [
    "UTC",
    "Europe/Riga",
    "America/Lima",
    "Africa/Cairo",  # a rule of its own after the listed years
    "Africa/Casablanca",  # the other way round in Ramadan
    "Asia/Kathmandu",  # 5:45
    "Pacific/Apia",  # has left a day out
    "America/Santiago",  # where midnight may not exist
]
# An instant, the zone, and what its clocks showed.
SHOWN = [
    # A local midnight, written as an instant: in UTC, Riga's is on the day before.
    ("2018-04-19T21:00:00Z", "Europe/Riga", datetime(2018, 4, 20)),
    ("2018-01-19T22:00:00Z", "Europe/Riga", datetime(2018, 1, 20)),
    ("2018-04-20T05:00:00Z", "America/Lima", datetime(2018, 4, 20)),
    ("2018-04-20T04:59:59.999999Z", "America/Lima", datetime(2018, 4, 19, 23, 59, 59, 999999)),
    # The offset that a time has does not matter, but the instant.
    ("2018-04-20T00:00:00-05:00", "Europe/Riga", datetime(2018, 4, 20, 8)),
    # Clocks went from 3 to 4, and from 4 back to 3.
    ("2018-03-25T00:59:59Z", "Europe/Riga", datetime(2018, 3, 25, 2, 59, 59)),
    ("2018-03-25T01:00:00Z", "Europe/Riga", datetime(2018, 3, 25, 4)),
    ("2018-10-28T00:30:00Z", "Europe/Riga", datetime(2018, 10, 28, 3, 30)),
    ("2018-10-28T01:30:00Z", "Europe/Riga", datetime(2018, 10, 28, 3, 30)),
    # In Santiago midnight was left out on 12 August 2018, and was there twice on 13 May.
    ("2018-08-12T03:59:59Z", "America/Santiago", datetime(2018, 8, 11, 23, 59, 59)),
    ("2018-08-12T04:00:00Z", "America/Santiago", datetime(2018, 8, 12, 1)),
    ("2018-05-13T02:59:59Z", "America/Santiago", datetime(2018, 5, 12, 23, 59, 59)),
    ("2018-05-13T03:00:00Z", "America/Santiago", datetime(2018, 5, 12, 23)),
    # After the years that the database lists there are rules.
    ("2040-07-01T21:00:00Z", "Europe/Riga", datetime(2040, 7, 2)),
    ("2040-01-01T22:00:00Z", "Europe/Riga", datetime(2040, 1, 2)),
    # What has no offset is of the zone already, also a time that its clocks left out.
    ("2018-04-20", "Europe/Riga", datetime(2018, 4, 20)),
    ("2018-03-25 03:30:00", "Europe/Riga", datetime(2018, 3, 25, 3, 30)),
]
OUTSIDE = [
    ("9999-12-31T23:00:00Z", "Europe/Riga"),
    ("0001-01-01T00:00:00Z", "America/Lima"),
    ("0001-01-01T00:00:00+02:00", "Europe/Riga"),
]


@pytest.mark.parametrize(("text", "zone", "shown"), SHOWN)
def test_a_time_is_what_the_clocks_of_the_zone_showed(text: str, zone: str, shown: datetime):
    parsed = parse_timestamp(pa.array([text]), zone)

    assert parsed.values.to_pylist() == [shown]
    assert timestamp_from_text(text, zone) == shown


@pytest.mark.parametrize(("text", "zone", "shown"), [case for case in SHOWN if case[0].endswith("Z")])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("written_in", ["UTC", "Asia/Tokyo"])
def test_a_column_of_instants_is_read_as_their_text(text: str, zone: str, shown: datetime, unit: str, written_in: str):
    instants = pa.array([datetime.fromisoformat(text), None]).cast(pa.timestamp(unit, written_in), safe=False)

    for column in (instants, instants.dictionary_encode()):
        (found, null) = parse_timestamp(column, zone).values.to_pylist()
        assert (found.replace(microsecond=0), null) == (shown.replace(microsecond=0), None)


@pytest.mark.parametrize("column", [pa.array([datetime(2018, 4, 20)]), pa.array([date(2018, 4, 20)])], ids=str)
def test_a_column_without_a_zone_is_of_the_zone_already(column: pa.Array):
    assert parse_timestamp(column, "America/Lima").values.to_pylist() == [datetime(2018, 4, 20)]


@pytest.mark.parametrize(("text", "zone"), OUTSIDE)
def test_what_lies_outside_the_calendar_is_refused_in_both(text: str, zone: str):
    assert parse_timestamp(pa.array([text]), zone).malformed.to_pylist() == [True]
    with pytest.raises(ValueError, match="expected a date or time"):
        timestamp_from_text(text, zone)


@pytest.mark.parametrize("zone", ZONES)
def test_a_request_and_a_history_agree_on_instants_of_all_years(zone: str):
    texts = list(_times(random.Random(zone), 3_000))

    parsed = parse_timestamp(pa.array(texts), zone)

    assert parsed.values.to_pylist() == [_asked(text, zone) for text in texts]
    assert pc.equal(parsed.malformed, parsed.values.is_null()).to_pylist() == [True] * len(texts)


def _times(chance: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        year = chance.choice([1, 9999, chance.randint(1, 9999), chance.randint(1900, 2050), 2037])
        day = date(year, 1, 1) + timedelta(days=chance.choice([0, 364, chance.randint(0, 364)]))
        time = f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}"
        yield f"{day.isoformat()}T{time}{chance.choice(['Z', '+02:00', '-0500', '+14:00', ''])}"


def _asked(text: str, zone: str) -> datetime | None:
    try:
        return timestamp_from_text(text, zone)
    except ValueError:
        return None


def test_a_moment_is_on_the_day_that_the_zone_has():
    moment = datetime(2018, 9, 15, 22, 30, tzinfo=UTC)

    assert [day_in(moment, zone).day for zone in ("UTC", "Europe/Riga", "America/Lima")] == [15, 16, 15]


@pytest.mark.parametrize("name", ["Riga", "", "Europe", "../etc/passwd", "/etc/localtime", "right/UTC", "Europe/Rīga"])
def test_what_is_no_zone_of_the_database_is_named(name: str):
    with pytest.raises(UnknownTimeZone, match="expected a time zone of the IANA database like Europe/Riga or UTC, got"):
        zone_of(name)


def test_a_machine_without_the_database_is_told_to_install_it_and_knows_utc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zoneinfo, "ZoneInfo", _missing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    time_zones.zone_of.cache_clear()

    with pytest.raises(UnknownTimeZone, match="'Europe/Riga' needs the IANA time zone database.* install tzdata"):
        zone_of("Europe/Riga")
    assert timestamp_from_text("2018-04-20T22:00:00Z") == datetime(2018, 4, 20, 22)


def _missing(name: str) -> None:
    raise zoneinfo.ZoneInfoNotFoundError(name)

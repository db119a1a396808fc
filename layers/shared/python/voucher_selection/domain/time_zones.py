"""Time zones: when a day begins. No Arrow, so that the API can start without it.

A time with an offset is an instant: it is converted to the wall-clock time of a zone. A date, and a time without an
offset, already is a wall-clock time.
"""

import re
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

from voucher_selection.contract.limits import NO_ZONES
from voucher_selection.domain.errors import UnknownTimeZone

# The zones in `right/` count leap seconds.
_NAME = re.compile(rf"(?!({'|'.join(NO_ZONES)})$|(posix|right)/)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")


@cache
def zone_of(name: str) -> tzinfo:
    """Return a zone of the IANA time zone database by its name; UTC needs no database.

    Raises
    ------
    UnknownTimeZone
        The database does not have this name, or the machine has no database.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 - a lookup's cold start does without

    if _NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # a folder of zones is an OSError
            pass
    if not available_timezones():
        raise UnknownTimeZone(
            f"time zone {name!r} needs the IANA time zone database, which is not on this machine: install tzdata,"
            " or use UTC"
        )
    raise UnknownTimeZone(f"expected a time zone of the IANA database like Europe/Riga or UTC, got {name[:80]!r}")


def wall_clock(moment: datetime, time_zone: str) -> datetime:
    """Return the wall-clock time of a zone at a moment, without an offset; a time without an offset stays unchanged.

    Raise `OverflowError` if the time in UTC or in the zone is outside the years 1 to 9999. Otherwise as `zone_of`.
    """
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).astimezone(zone_of(time_zone)).replace(tzinfo=None)


def day_in(moment: datetime, time_zone: str) -> date:
    """Return the date of a moment in a zone."""
    return wall_clock(moment, time_zone).date()


def _known(name: str) -> str:
    try:
        zone_of(name)
    except UnknownTimeZone as error:
        raise ValueError(str(error)) from error
    return name


TimeZone = Annotated[str, AfterValidator(_known)]

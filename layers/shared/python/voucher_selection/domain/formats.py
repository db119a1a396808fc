"""How values are written, in history files and requests alike; without Arrow, so that the API can start without it."""

import re
from datetime import datetime

from voucher_selection.domain.time_zones import wall_clock

# A date, a date and time, or one with an offset from UTC.
TIMESTAMP_PATTERN = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_timestamp = re.compile(TIMESTAMP_PATTERN, re.ASCII)
# Digits as everyone writes them: Python's `float` takes underscores and the digits of all scripts.
NUMBER_PATTERN = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_number = re.compile(NUMBER_PATTERN)
# Above it a float cannot tell whole numbers apart, so whoever sends such a number has lost it already.
LARGEST_WHOLE = 2**53


def timestamp_from_text(text: str, time_zone: str = "UTC") -> datetime:
    """Return a date or time, as `parsing.parse_timestamp` reads it: what the clocks of the zone showed, without one.

    Raises
    ------
    ValueError
        The text is none, or names a day or an hour that does not exist.
    """
    if _timestamp.fullmatch(text):
        try:
            return wall_clock(datetime.fromisoformat(text), time_zone)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"expected a date or time like 2018-05-03 or 2018-05-03 18:00:00, got {text[:80]!r}")


def whole_number(value: object) -> int:
    """Return a whole number >= 0, as `parsing.parse_total_orders` reads it: 15, 15.0 and their texts are all 15.

    Raises
    ------
    ValueError
        The value is no number, has a fraction, or is out of range.
    """
    number = value
    if isinstance(value, str):
        number = float(value) if _number.fullmatch(value) else None
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or not 0 <= number <= LARGEST_WHOLE
        or number % 1
    ):
        raise ValueError(f"expected a whole number of at least 0, got {str(value)[:80]!r}")
    return int(number)

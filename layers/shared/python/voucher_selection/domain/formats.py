"""How values are written, in history files and requests alike; without Arrow, so that the API can start without it.

White space around a value is ignored, and a null word means null. The patterns are of what is left. They match any text
in one pass: no part of a text can be matched in two ways, and every part has a bounded length.
"""

import re
from datetime import date, datetime

from voucher_selection.domain.time_zones import wall_clock

# What programs write for null in text: pandas, NumPy, Spark, databases' exports, spreadsheets. In any case.
NULL_WORDS = ("null", "none", "nan", "+nan", "-nan", "nat", "na", "n/a", "<na>", r"\n")
_null_words = frozenset(NULL_WORDS)

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR, _SIXTY = "([01][0-9]|2[0-3])", "[0-5][0-9]"
_date = re.compile(_DATE)
# A date, a date and time, or one with an offset from UTC.
TIMESTAMP_PATTERN = rf"{_DATE}([ T]{_HOUR}:{_SIXTY}(:{_SIXTY}(\.[0-9]{{1,6}})?)?(Z|[+-]{_HOUR}:?{_SIXTY})?)?"
_timestamp = re.compile(TIMESTAMP_PATTERN)
# More digits than the widest decimal of a file has; more would say no more.
MOST_DIGITS = 80
# Digits as everyone writes them: Python's `float` takes underscores and the digits of all scripts.
_DIGITS = f"[0-9]{{1,{MOST_DIGITS}}}"
NUMBER_PATTERN = rf"[+-]?({_DIGITS}(\.({_DIGITS})?)?|\.{_DIGITS})([eE][+-]?{_DIGITS})?"
_number = re.compile(NUMBER_PATTERN)
# Above it a float cannot tell whole numbers apart, so whoever sends such a number has lost it already.
LARGEST_WHOLE = 2**53
_EXPECTED = (
    f"expected a whole number of at least 0, in text with at most {MOST_DIGITS} digits before and after the point"
)


def is_null(text: str) -> bool:
    """Tell whether a text of a date or a number means null: a blank one, or a null word."""
    stripped = text.strip()
    return not stripped or (len(stripped) <= max(map(len, NULL_WORDS)) and stripped.lower() in _null_words)


def timestamp_from_text(text: str, time_zone: str = "UTC") -> datetime:
    """Return a date or time, as `parsing.parse_timestamp` reads it: what the clocks of the zone showed, without one.

    Raises
    ------
    ValueError
        The text is none, or names a day or an hour that does not exist.
    """
    stripped = text.strip()
    if _timestamp.fullmatch(stripped):
        try:
            return wall_clock(datetime.fromisoformat(stripped), time_zone)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"expected a date or time like 2018-05-03 or 2018-05-03 18:00:00, got {text[:80]!r}")


def date_from_text(text: str) -> date:
    """Return a date like 2018-09-15.

    Raises
    ------
    ValueError
        The text is none, or names a day that does not exist.
    """
    if _date.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(f"expected a date like 2018-09-15, got {text[:80]!r}")


def whole_number(value: object) -> int:
    """Return a whole number >= 0, as `parsing.parse_total_orders` reads it: 15, 15.0 and their texts are all 15.

    Raises
    ------
    ValueError
        The value is no number, has a fraction, or is out of range.
    """
    number = _number_from_text(value) if isinstance(value, str) else value
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or not 0 <= number <= LARGEST_WHOLE
        or number % 1
    ):
        raise ValueError(f"{_EXPECTED}, got {str(value)[:80]!r}")
    return int(number)


def _number_from_text(text: str) -> float | None:
    stripped = text.strip()
    return float(stripped) if _number.fullmatch(stripped) else None

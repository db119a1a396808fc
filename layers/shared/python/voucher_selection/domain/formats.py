"""How values are written as text, in history files and in requests. No Arrow, so that the API can start without it.

White space around a value is ignored, and a null word means null. The patterns describe all other values. They match
any text in one pass: each part of a text matches in one way only, and has a bounded length.
"""

import re
from datetime import date, datetime

from voucher_selection.domain.time_zones import wall_clock

# Programs write these for null in text: pandas, NumPy, Spark, database exports, spreadsheets. Case does not matter.
NULL_WORDS = ("null", "none", "nan", "+nan", "-nan", "nat", "na", "n/a", "<na>", r"\n")
_null_words = frozenset(NULL_WORDS)


def _in_any_case(word: str) -> str:
    # `re.escape` also escapes characters that JavaScript's patterns must not escape.
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else f"\\{c}" if c in "+\\" else c for c in word)


# What `is_null` accepts, but for white space.
NULL_PATTERN = "|".join(["", *map(_in_any_case, NULL_WORDS)])

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR, _SIXTY = "([01][0-9]|2[0-3])", "[0-5][0-9]"
_date = re.compile(_DATE)
# A date, a date and time, or one with an offset from UTC.
TIMESTAMP_PATTERN = rf"{_DATE}([ T]{_HOUR}:{_SIXTY}(:{_SIXTY}(\.[0-9]{{1,6}})?)?(Z|[+-]{_HOUR}:?{_SIXTY})?)?"
_timestamp = re.compile(TIMESTAMP_PATTERN)
# More digits than the widest decimal in a file; further digits would change nothing.
MOST_DIGITS = 80
# Plain digits: Python's `float` also accepts underscores and the digits of all scripts.
_DIGITS = f"[0-9]{{1,{MOST_DIGITS}}}"
NUMBER_PATTERN = rf"[+-]?({_DIGITS}(\.({_DIGITS})?)?|\.{_DIGITS})([eE][+-]?{_DIGITS})?"
_number = re.compile(NUMBER_PATTERN)
# Above it, two whole numbers may be the same float: the sender of a larger number may have lost it already.
LARGEST_WHOLE = 2**53
_EXPECTED = (
    f"expected a whole number of at least 0, in text with at most {MOST_DIGITS} digits before and after the point"
)


def is_null(text: str) -> bool:
    """Return whether the text of a date or a number means null: it is blank or a null word."""
    stripped = text.strip()
    return not stripped or (len(stripped) <= max(map(len, NULL_WORDS)) and stripped.lower() in _null_words)


def timestamp_from_text(text: str, time_zone: str = "UTC") -> datetime:
    """Read a date or time as `parsing.parse_timestamp` does: return the wall-clock time in the zone, without a zone.

    Raises
    ------
    ValueError
        The text is not a date or time, or names a day or an hour that does not exist.

    Examples
    --------
    >>> timestamp_from_text("2018-05-03T18:00:00Z", "Europe/Riga")
    datetime.datetime(2018, 5, 3, 21, 0)
    """
    stripped = text.strip()
    if _timestamp.fullmatch(stripped):
        try:  # in each lookup, `suppress` would take longer than the date
            return wall_clock(datetime.fromisoformat(stripped), time_zone)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"expected a date or time like 2018-05-03 or 2018-05-03 18:00:00, got {text[:80]!r}")


def date_from_text(text: str) -> date:
    """Read a date like 2018-09-15.

    Raises
    ------
    ValueError
        The text is not a date like this, or names a day that does not exist.
    """
    if _date.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(f"expected a date like 2018-09-15, got {text[:80]!r}")


def whole_number(value: object) -> int:
    """Read a whole number >= 0, as `parsing.parse_total_orders` does.

    Raises
    ------
    ValueError
        The value is not a number, has a fraction, or is out of range.

    Examples
    --------
    >>> whole_number(15), whole_number(15.0), whole_number(" 15.0 ")
    (15, 15, 15)
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

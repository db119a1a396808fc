"""The right answer, computed row by row from the words of the design, without any of the product's code."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

type Ranges = dict[str, tuple[int, int | None]]
# How often each amount was used, by the segmentation and the segment of it.
type Amounts = dict[tuple[str, str], dict[float, int]]
# The first and the last day of assignment.
type Window = tuple[date, date]


class Segmentation(NamedTuple):
    """What customers are split by, the ranges of that, and the name of what lies outside them (None: no segment)."""

    measure: str
    ranges: Ranges
    outside: str | None = None


FREQUENT: Ranges = {"1-4": (1, 4), "5-13": (5, 13), "14-37": (14, 37)}
RECENCY: Ranges = {
    "30-60": (30, 60),
    "61-90": (61, 90),
    "91-120": (91, 120),
    "121-180": (121, 180),
    "180+": (181, None),
}
_SHIPPED = json.loads(files("voucher_selection.domain").joinpath("segments.json").read_text())["segmentations"]
# Those of the design stand here in its words; a segmentation that joins them is taken from what ships.
SEGMENTATIONS = {
    shipped["name"]: Segmentation(
        shipped["measure"], {s["name"]: (s["lower"], s["upper"]) for s in shipped["segments"]}, shipped["outside"]
    )
    for shipped in _SHIPPED
} | {
    "frequent_segment": Segmentation("total_orders", FREQUENT, "out_of_range"),
    "recency_segment": Segmentation("days_since_last_order", RECENCY),
    "lapse_segment": Segmentation("days_since_last_order_when_given", RECENCY),
}
# A value that means nothing.
MALFORMED = "malformed"
# The columns that are read.
READ = ("timestamp", "last_order_ts", "first_order_ts", "total_orders", "voucher_amount")
NULLS = {"", "null", "none", "nan", "+nan", "-nan", "nat", "na", "n/a", "<na>", "\\n"}

_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(?:(Z)|([+-])(\d{2}):?(\d{2}))?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)


def moment(text: str | None) -> Any:
    """Return what a text of a time means: a datetime in UTC, None, or MALFORMED."""
    text = (text or "").strip()
    if text.lower() in NULLS:
        return None
    found = _TIME.fullmatch(text)
    if not found:
        return MALFORMED
    *calendar, fraction, _, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in calendar)
    try:
        local = datetime(year, month, day, hour, minute, second, int((fraction or "").ljust(6, "0")))
        if sign and not (int(hours) < 24 and int(minutes) < 60):
            return MALFORMED
        offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
        return local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError):
        return MALFORMED


def number(value: Any) -> Any:
    """Return what a number, or a text of one, means: a float, None, or MALFORMED."""
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in NULLS:
            return None
        if not _NUMBER.fullmatch(text):
            return MALFORMED
        value = text
    return None if value is None or math.isnan(float(value)) else float(value)


def orders(value: Any) -> Any:
    """Return what a number of orders means: an int, None, or MALFORMED."""
    found = number(value)
    if found is None or found == MALFORMED:
        return found
    # Above 2**53 a float cannot tell whole numbers apart.
    return int(found) if 0 <= found <= 2**53 and found == int(found) else MALFORMED


def country(value: str | None) -> str | None:
    """Return what a country is called in the reference: Peru is the only one that is asked for."""
    return "Peru" if value is not None and value.strip().lower() == "peru" else value


def amount(value: float | Decimal | None) -> Any:
    """Return what an amount means: a float, None, or MALFORMED."""
    found = number(value)
    if found is None or found == MALFORMED:
        return found
    if found and not 1e-10 <= found <= 1e15:
        return MALFORMED
    read = float(f"{found:.15g}") + 0.0
    narrow = np.float32(read)
    widened = float(f"{float(narrow):.15g}") == read and read != int(read)
    return float(str(narrow)) if widened and digits(read) - digits(float(str(narrow))) >= 4 else read


def digits(value: float) -> int:
    """Return how many digits a float is written with."""
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


class BrokenRule(NamedTuple):
    """Which rows break a rule, given what their values mean, and the values that make a good row break it."""

    breaks: Callable[[dict[str, Any]], bool]
    example: dict[str, Any]


def _has_order_date(row: dict[str, Any]) -> bool:
    return row["last_order_ts"] is not None or row["first_order_ts"] is not None


def _last_before_first(row: dict[str, Any]) -> bool:
    last, first = row["last_order_ts"], row["first_order_ts"]
    return last is not None and first is not None and last < first


# The rules in the order that they are tried.
RULES = {
    "malformed": BrokenRule(lambda row: MALFORMED in (row[name] for name in READ), {"total_orders": "2.5"}),
    "zero_orders_with_dates": BrokenRule(
        lambda row: row["total_orders"] == 0 and _has_order_date(row), {"total_orders": "0.0"}
    ),
    "last_before_first": BrokenRule(_last_before_first, {"first_order_ts": datetime(2018, 6, 1)}),
    "null_total_orders": BrokenRule(lambda row: row["total_orders"] is None, {"total_orders": " "}),
    "null_voucher_amount": BrokenRule(lambda row: row["voucher_amount"] is None, {"voucher_amount": None}),
}


def broken_rule(row: dict[str, Any]) -> str | None:
    """Return the first rule that a row breaks, given what its values mean."""
    return next((name for name, rule in RULES.items() if rule.breaks(row)), None)


def answer_of(
    rows: Iterable[dict[str, Any]], country: str, cur_date: date, window: Window | None = None
) -> tuple[Counter[str], Amounts]:
    """Return what became of rows, given what their values mean, and how often each amount was used by segment.

    Only rows that were assigned on a day of the window count for a segment; None: all rows.
    """
    fate: Counter[str] = Counter()
    amounts: dict[tuple[str, str], Counter[float]] = {
        (name, segment): Counter()
        for name, (_, ranges, outside) in SEGMENTATIONS.items()
        for segment in (*ranges, *([outside] if outside else []))
    }
    for row in rows:
        rule = "other_country" if row["country_code"] != country else broken_rule(row) or "kept"
        fate[rule] += 1
        if rule == "kept" and is_within(row, window):
            for key in segments_of(row, cur_date):
                amounts[key][row["voucher_amount"]] += 1
    return fate, {key: dict(found) for key, found in amounts.items()}


def is_within(row: dict[str, Any], window: Window | None) -> bool:
    """Tell whether a row was assigned on a day of the window; a row without a day is in none."""
    given = row["timestamp"]
    return window is None or (given is not None and window[0] <= given.date() <= window[1])


def measured(row: dict[str, Any], cur_date: date) -> dict[str, int | None]:
    """Return what each measure says of a row, given what its values mean; None where the row lacks a value."""
    given, last, first = row["timestamp"], row["last_order_ts"], row["first_order_ts"]
    return {
        "total_orders": row["total_orders"],
        "days_since_last_order": last and (cur_date - last.date()).days,
        "days_since_last_order_when_given": last and given and (given.date() - last.date()).days,
        "months_since_first_order": first and month_number(cur_date) - month_number(first),
    }


def month_number(day: date) -> int:
    """Return the number of calendar months from the beginning of the calendar to a day's."""
    return 12 * day.year + day.month


def segments_of(row: dict[str, Any], cur_date: date) -> Iterator[tuple[str, str]]:
    """Yield the segments of a row that counts, each with its segmentation."""
    values = measured(row, cur_date)
    for name, (measure, ranges, outside) in SEGMENTATIONS.items():
        value = values[measure]
        if value is not None and (segment := _range_of(value, ranges) or outside):
            yield name, segment


def answer(
    history: pa.Table, country: str, cur_date: date, window: Window | None = None
) -> tuple[Counter[str], Amounts]:
    """Answer for a history with times as text or as timestamps, orders as text and amounts as floats."""
    return answer_of(meant(history), country, cur_date, window)


def meant(history: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a history as what their values mean."""
    for batch in history.to_batches(max_chunksize=10_000):
        yield from map(_meant, batch.to_pylist())


def _meant(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: row[name] for name in ("timestamp", "last_order_ts", "first_order_ts")}
    read = {name: value if isinstance(value, datetime) else moment(value) for name, value in times.items()}
    numbers = {"total_orders": orders(row["total_orders"]), "voucher_amount": amount(row["voucher_amount"])}
    return row | read | numbers


def _range_of(value: int, ranges: Ranges) -> str | None:
    return next(
        (name for name, (lower, upper) in ranges.items() if lower <= value and (upper is None or value <= upper)), None
    )

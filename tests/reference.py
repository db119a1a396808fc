"""The right answer, computed row by row from the words of the design, without any of the product's code."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

FREQUENT = {"1-4": (1, 4), "5-13": (5, 13), "14-37": (14, 37)}
RECENCY = {"30-60": (30, 60), "61-90": (61, 90), "91-120": (91, 120), "121-180": (121, 180), "180+": (181, 10**9)}
# A value that means nothing.
MALFORMED = "malformed"
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


def broken_rule(row: dict[str, Any]) -> str | None:
    """Return the first rule that a row breaks, given what its values mean."""
    last, first, total = row["last_order_ts"], row["first_order_ts"], row["total_orders"]
    if MALFORMED in (row["timestamp"], last, first, total, row["voucher_amount"]):
        return "malformed"
    if total == 0 and (last is not None or first is not None):
        return "zero_orders_with_dates"
    if last is not None and first is not None and last < first:
        return "last_before_first"
    if total is None:
        return "null_total_orders"
    return "null_voucher_amount" if row["voucher_amount"] is None else None


def answer_of(rows: Iterable[dict[str, Any]], country: str, cur_date: date) -> tuple[Counter[str], dict[str, Any]]:
    """Return what became of rows, given what their values mean, and how often each amount was used by segment."""
    fate: Counter[str] = Counter()
    amounts: dict[str, Counter[float]] = {name: Counter() for name in (*FREQUENT, "out_of_range", *RECENCY)}
    for row in rows:
        rule = "other_country" if row["country_code"] != country else broken_rule(row) or "kept"
        fate[rule] += 1
        if rule == "kept":
            amounts[_range_of(row["total_orders"], FREQUENT) or "out_of_range"][row["voucher_amount"]] += 1
            if row["last_order_ts"] is not None:
                days = (cur_date - row["last_order_ts"].date()).days
                if segment := _range_of(days, RECENCY):
                    amounts[segment][row["voucher_amount"]] += 1
    return fate, {segment: dict(found) for segment, found in amounts.items()}


def answer(history: pa.Table, country: str, cur_date: date) -> tuple[Counter[str], dict[str, dict[float, int]]]:
    """Answer for a history with times as text or as timestamps, orders as text and amounts as floats."""
    return answer_of(map(_meant, history.to_pylist()), country, cur_date)


def _meant(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: row[name] for name in ("timestamp", "last_order_ts", "first_order_ts")}
    read = {name: value if isinstance(value, datetime) else moment(value) for name, value in times.items()}
    numbers = {"total_orders": orders(row["total_orders"]), "voucher_amount": amount(row["voucher_amount"])}
    return row | read | numbers


def _range_of(value: int, ranges: dict[str, tuple[int, int]]) -> str | None:
    return next((name for name, (lower, upper) in ranges.items() if lower <= value <= upper), None)

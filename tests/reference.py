"""The right answer, computed row by row from the words of the design, without any of the product's code."""

from collections import Counter
from datetime import date, datetime
from typing import Any

import pyarrow as pa

FREQUENT = {"1-4": (1, 4), "5-13": (5, 13), "14-37": (14, 37)}
RECENCY = {"30-60": (30, 60), "61-90": (61, 90), "91-120": (91, 120), "121-180": (121, 180), "180+": (181, 10**9)}


def broken_rule(row: dict[str, Any]) -> str | None:
    last = datetime.fromisoformat(row["last_order_ts"]) if row["last_order_ts"] else None
    first = row["first_order_ts"]
    orders = float(row["total_orders"]) if row["total_orders"] else None
    if orders is not None and orders != int(orders):
        return "malformed"
    if orders == 0 and (last or first):
        return "zero_orders_with_dates"
    if last and first and last < first:
        return "last_before_first"
    if orders is None:
        return "null_total_orders"
    return "null_voucher_amount" if row["voucher_amount"] is None else None


def answer(history: pa.Table, country: str, cur_date: date) -> tuple[Counter[str], dict[str, dict[float, int]]]:
    """Return the rows by what became of them, and how often each amount was used by segment."""
    fate: Counter[str] = Counter()
    amounts: dict[str, Counter[float]] = {name: Counter() for name in (*FREQUENT, "out_of_range", *RECENCY)}
    for row in history.to_pylist():
        rule = "other_country" if row["country_code"] != country else broken_rule(row) or "kept"
        fate[rule] += 1
        if rule == "kept":
            orders = int(float(row["total_orders"]))
            amounts[_range_of(orders, FREQUENT) or "out_of_range"][row["voucher_amount"]] += 1
            if row["last_order_ts"]:
                days = (cur_date - date.fromisoformat(row["last_order_ts"])).days
                if segment := _range_of(days, RECENCY):
                    amounts[segment][row["voucher_amount"]] += 1
    return fate, {segment: dict(found) for segment, found in amounts.items()}


def _range_of(value: int, ranges: dict[str, tuple[int, int]]) -> str | None:
    return next((name for name, (lower, upper) in ranges.items() if lower <= value <= upper), None)

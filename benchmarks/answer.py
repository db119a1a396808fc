"""What every contender has to find, in a form that can be compared."""

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

RULES = ("malformed", "zero_orders_with_dates", "last_before_first", "null_total_orders", "null_voucher_amount")
MEASURES = (
    "total_orders",
    "days_since_last_order",
    "days_since_last_order_when_given",
    "months_since_first_order",
)


class Answer(NamedTuple):
    """The counts of a history: rows kept, rejected by rule, and kept ones by day of assignment and measure.

    `counts` has (day of assignment, measure, value, amount, rows), in any order. Days are days since 1970-01-01, or
    None; so are the values of `days_since_last_order` (the day of the last order) and `months_since_first_order` (the
    first day of the month of the first order).
    """

    kept: int
    rejected: dict[str, int]
    counts: Iterable[tuple[int | None, str, int, float, int]]

    def digest(self) -> str:
        """Return a text that equal answers share."""
        counts = sorted(
            (measure, -1 if day is None else int(day), int(value), float(amount), int(rows))
            for day, measure, value, amount, rows in self.counts
        )
        rejected = {rule: int(self.rejected.get(rule, 0)) for rule in RULES}
        content = json.dumps([int(self.kept), rejected, counts])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

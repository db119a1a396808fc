"""What every contender has to find, in a form that can be compared."""

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

RULES = ("malformed", "zero_orders_with_dates", "last_before_first", "null_total_orders", "null_voucher_amount")


class Answer(NamedTuple):
    """The counts of a history: rows kept, rejected by rule, and kept ones by orders and by date of the last order.

    `frequency` has (orders, amount, rows), `recency` (ISO date, amount, rows), in any order.
    """

    kept: int
    rejected: dict[str, int]
    frequency: Iterable[tuple[float, float, int]]
    recency: Iterable[tuple[str, float, int]]

    def digest(self) -> str:
        """Return a text that equal answers share."""
        frequency = sorted((int(orders), float(amount), int(rows)) for orders, amount, rows in self.frequency)
        recency = sorted((str(date)[:10], float(amount), int(rows)) for date, amount, rows in self.recency)
        rejected = {rule: int(self.rejected.get(rule, 0)) for rule in RULES}
        content = json.dumps([int(self.kept), rejected, frequency, recency])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

"""The rules about several columns of a row: in words of what is sent, which only the product reads as it does.

Cleaned rows have plain types, so for them the same rules are also in SQL.
"""

from collections.abc import Mapping
from typing import NamedTuple

from voucher_selection.contract.rule_names import Rule


class RowRule(NamedTuple):
    """A rule in words, and the condition in SQL of the cleaned rows that would break it."""

    said: str
    wrong: str


RULES: Mapping[Rule, RowRule] = {
    Rule.ZERO_ORDERS_WITH_DATES: RowRule(
        "A customer without orders has no date of an order.",
        "total_orders = 0 AND coalesce(last_order_ts, first_order_ts) IS NOT NULL",
    ),
    Rule.LAST_BEFORE_FIRST: RowRule("The last order is not before the first.", "last_order_ts < first_order_ts"),
}

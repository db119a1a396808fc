"""The names and labels of the cleaning rules. They are not in `rules`, so that code without Arrow can use them."""

from enum import StrEnum
from typing import Self


class Rule(StrEnum):
    """The reasons to reject a row, in the order of checking: a row counts for the first rule that it breaks.

    Totals and the quarantine use a rule's name; people read its `label`.
    """

    label: str

    def __new__(cls, name: str, label: str) -> Self:
        """Make a rule with a label."""
        rule = str.__new__(cls, name)
        rule._value_, rule.label = name, label
        return rule

    MALFORMED = "malformed", "cannot be read"
    ZERO_ORDERS_WITH_DATES = "zero_orders_with_dates", "order dates without orders"
    LAST_BEFORE_FIRST = "last_before_first", "last order before the first"
    NULL_TOTAL_ORDERS = "null_total_orders", "number of orders missing"
    NULL_VOUCHER_AMOUNT = "null_voucher_amount", "voucher amount missing"


def label(rule: str) -> str:
    """Return the label of a rule; for a rule that no longer exists, its name."""
    return next((known.label for known in Rule if known == rule), rule)

"""Why a voucher assignment does not count; kept apart from the rules, so that naming them needs no Arrow."""

from enum import StrEnum
from typing import Self


class Rule(StrEnum):
    """Why a row is rejected, in the order the rules are tried: a row is charged to the first one it breaks.

    A rule has its name, which counts and the quarantine know it by, and in `label` what people read.
    """

    label: str

    def __new__(cls, name: str, label: str) -> Self:
        """Make a rule of its name."""
        rule = str.__new__(cls, name)
        rule._value_, rule.label = name, label
        return rule

    MALFORMED = "malformed", "cannot be read"
    ZERO_ORDERS_WITH_DATES = "zero_orders_with_dates", "no orders, and yet dates of orders"
    LAST_BEFORE_FIRST = "last_before_first", "last order before the first"
    NULL_TOTAL_ORDERS = "null_total_orders", "number of orders missing"
    NULL_VOUCHER_AMOUNT = "null_voucher_amount", "voucher amount missing"


def label(rule: str) -> str:
    """Return what people read of a rule; of one that is no more, its name."""
    return next((known.label for known in Rule if known == rule), rule)

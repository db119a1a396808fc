"""Why a voucher assignment does not count; kept apart from the rules, so that naming them needs no Arrow."""

from enum import StrEnum


class Rule(StrEnum):
    """Why a row is rejected, in the order the rules are tried: a row is charged to the first one it breaks."""

    MALFORMED = "malformed"
    ZERO_ORDERS_WITH_DATES = "zero_orders_with_dates"
    LAST_BEFORE_FIRST = "last_before_first"
    NULL_TOTAL_ORDERS = "null_total_orders"
    NULL_VOUCHER_AMOUNT = "null_voucher_amount"

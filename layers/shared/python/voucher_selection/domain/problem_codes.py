"""Codes for the problems of a lookup: the same in the API's answers and in a file of amounts."""

from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry, VoucherSelectionError
from voucher_selection.domain.lookups import InvalidLookup

CODES: dict[type[VoucherSelectionError], str] = {
    InvalidLookup: "invalid_request",
    UnknownCountry: "unknown_country",
    NoSegment: "no_segment",
    NoSupport: "no_support",
}

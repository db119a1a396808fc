"""Can a model be served? The limits of DynamoDB's items, checked before any write."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, takewhile

from voucher_selection.adapters.catalog_items import amount_text, amounts_item, version_item
from voucher_selection.adapters.item_sizes import LARGEST_ITEM, LARGEST_NUMBER, SMALLEST_NUMBER, item_size
from voucher_selection.domain.errors import AmountOutOfRange, ModelTooLarge, TooManyAmounts
from voucher_selection.domain.model import Mode, Model, SegmentMode
from voucher_selection.domain.segments import SegmentDefinitions

# Countries x segments. Each is an item, and the API reads all of them before it serves the model.
MOST_SEGMENTS = 5_000
_MAYBE_NO_AMOUNTS = "check that the column voucher_amount holds amounts of vouchers"


def check_segments(countries: Sequence[str], definitions: SegmentDefinitions) -> None:
    """Raise `ModelTooLarge` if a model, not yet made, would have more countries x segments than the API reads."""
    segments = definitions.segment_count
    if len(countries) * segments > MOST_SEGMENTS:
        raise ModelTooLarge(
            f"expected at most {MOST_SEGMENTS:,} segments, got {len(countries):,} countries x {segments:,} segments ="
            f" {len(countries) * segments:,}: name fewer countries, or segments"
        )


def check_servable(model: Model) -> None:
    """Check that the catalog can hold a model, with all its amounts.

    Raises
    ------
    AmountOutOfRange, TooManyAmounts
        One segment or country, which the message names, is beyond the limits.
    ModelTooLarge
        The model as a whole is beyond the limits.
    """
    check_segments(model.countries, model.definitions)
    for place, mode in enumerate(model.entries):
        _check_range(mode)
        _check_size(mode, item_size(amounts_item(model.version, place, mode, "")))
    version = version_item(model)
    if item_size(version) > LARGEST_ITEM:
        raise ModelTooLarge(
            f"expected at most {LARGEST_ITEM:,} bytes in the catalog for the names of countries and the definitions of"
            f" segments, got {item_size(version):,} for {len(model.countries):,} countries: name fewer countries, or"
            " segments"
        )


def _check_range(mode: Mode) -> None:
    for amount in mode.assignments:
        number = Decimal(repr(amount.voucher_amount))
        if not number.is_finite() or (number and not SMALLEST_NUMBER <= abs(number) <= LARGEST_NUMBER):
            raise AmountOutOfRange(
                f"{_named(mode)} has a voucher amount of {amount.voucher_amount!r}, expected 0 or"
                f" {SMALLEST_NUMBER:e} to {LARGEST_NUMBER:.1e}: {_MAYBE_NO_AMOUNTS}"
            )


def _check_size(mode: Mode, rest: int) -> None:
    sizes = accumulate((len(amount_text(amount)) + 1 for amount in mode.assignments), initial=rest)
    fitting = sum(1 for _ in takewhile(lambda size: size <= LARGEST_ITEM, sizes)) - 1
    if fitting < len(mode.assignments):
        raise TooManyAmounts(
            f"{_named(mode)} has {len(mode.assignments):,} different voucher amounts, and the catalog holds at most"
            f" {fitting:,}: {_MAYBE_NO_AMOUNTS}, or round them"
        )


def _named(mode: Mode) -> str:
    if not isinstance(mode, SegmentMode):
        return f"country {mode.country_code}"
    return f"segment {mode.segment} of {mode.segment_name} in {mode.country_code}"

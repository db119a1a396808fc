"""Can a model be served? The limits of DynamoDB's items and Lambda's answers, checked before any write."""

import json
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, takewhile

from voucher_selection.adapters.catalog_items import items_of
from voucher_selection.adapters.item_sizes import (
    LARGEST_ITEM,
    LARGEST_NUMBER,
    SMALLEST_NUMBER,
    item_size,
    value_size,
)
from voucher_selection.domain.errors import AmountOutOfRange, ModelTooLarge, TooManyAmounts
from voucher_selection.domain.model import AmountCount, Mode, Model, SegmentMode
from voucher_selection.domain.model_document import selection_criteria
from voucher_selection.domain.quality_document import Quality, last_months
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.what_if import WhatIf

# Countries x segments. Each is an item, and the API reads all of them before it serves the model.
MOST_SEGMENTS = 5_000
# Lambda answers with at most 6 MiB, and puts an answer of the API into JSON once more. A what-if has changes, too.
LARGEST_ANSWER = 5_000_000
LARGEST_WHAT_IF = 6_000_000
# `{"voucher_amount": 1.0, "count": 1}, ` in an answer: so many amounts are too many, whatever their values.
_LEAST_OF_AMOUNT = 40
# `"runner_up": …, "lead": …, "evidence": …` of a segment in `GET /model`.
_STANDING = 130
# How many months of a model's quality are tried: as many as fit.
_MONTHS = (120, 60, 36, 24, 12, 6, 3, 1, 0)
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
    """Check that the catalog can hold a model, and that the API can answer with it.

    Raises
    ------
    AmountOutOfRange, TooManyAmounts
        One segment or country, which the message names, is beyond the limits.
    ModelTooLarge
        The model as a whole is beyond the limits.
    """
    check_segments(model.countries, model.definitions)
    *amounts, version = items_of(model)
    for mode, item in zip([*model.modes, *model.country_modes], amounts, strict=True):
        _check_range(mode)
        _check_size(mode, item_size(item | {"assignments": []}))
    if item_size(version) > LARGEST_ITEM:
        raise ModelTooLarge(
            f"expected at most {LARGEST_ITEM:,} bytes in the catalog for the names of countries and the definitions of"
            f" segments, got {item_size(version):,} for {len(model.countries):,} countries: name fewer countries, or"
            " segments"
        )
    _check_answer(model)


def check_what_if(what_if: WhatIf) -> None:
    """Raise `ModelTooLarge` if a what-if has too many bytes for an answer of the API."""
    size = _answered(what_if.model_dump(mode="json"))
    if size > LARGEST_WHAT_IF:
        raise ModelTooLarge(
            f"expected a what-if of at most {LARGEST_WHAT_IF:,} bytes, got {size:,} with {len(what_if.segments):,}"
            f" segments and {len(what_if.changes):,} changes: ask for fewer segments, or start a remodel with"
            ' "publish": false, which writes its what-if to the lake'
        )


def fitting_quality(quality: Quality, model: Model) -> Quality:
    """Return how good a model is, with as many months as `GET /model` can answer beside the model's segments."""
    room = LARGEST_WHAT_IF - _answered(selection_criteria(model)) - len(model.modes) * _STANDING
    for months in _MONTHS:
        fitting = last_months(quality, months)
        if _answered(fitting) <= room:
            break
    return fitting


def _check_range(mode: Mode) -> None:
    for amount in mode.assignments:
        number = Decimal(repr(amount.voucher_amount))
        if not number.is_finite() or (number and not SMALLEST_NUMBER <= abs(number) <= LARGEST_NUMBER):
            raise AmountOutOfRange(
                f"{_named(mode)} has a voucher amount of {amount.voucher_amount!r}, expected 0 or"
                f" {SMALLEST_NUMBER:e} to {LARGEST_NUMBER:.1e}: {_MAYBE_NO_AMOUNTS}"
            )


def _check_size(mode: Mode, rest: int) -> None:
    sizes = accumulate(map(_amount_size, mode.assignments), initial=rest)
    fitting = sum(1 for _ in takewhile(lambda size: size <= LARGEST_ITEM, sizes)) - 1
    if fitting < len(mode.assignments):
        raise TooManyAmounts(
            f"{_named(mode)} has {len(mode.assignments):,} different voucher amounts, and the catalog holds at most"
            f" {fitting:,}: {_MAYBE_NO_AMOUNTS}, or round them"
        )


def _amount_size(amount: AmountCount) -> int:
    stored = {"voucher_amount": Decimal(repr(amount.voucher_amount)), "count": amount.count}
    return 1 + value_size(stored)


def _named(mode: Mode) -> str:
    if not isinstance(mode, SegmentMode):
        return f"country {mode.country_code}"
    return f"segment {mode.segment} of {mode.segment_name} in {mode.country_code}"


def _check_answer(model: Model) -> None:
    amounts = sum(len(mode.assignments) for mode in (*model.modes, *model.country_modes))
    too_many = amounts * _LEAST_OF_AMOUNT > LARGEST_ANSWER
    size = amounts * _LEAST_OF_AMOUNT if too_many else _answered(selection_criteria(model))
    if size > LARGEST_ANSWER:
        segments = len(model.modes) // len(model.countries)
        raise ModelTooLarge(
            f"expected at most {LARGEST_ANSWER:,} bytes as the API's answer, got {'more than ' if too_many else ''}"
            f"{size:,} for {len(model.countries):,} countries x {segments:,} segments with {amounts:,} amounts:"
            f" name fewer countries, or segments, and {_MAYBE_NO_AMOUNTS}"
        )


def _answered(content: object) -> int:
    """Return the size in bytes of an answer: JSON that Lambda puts, as text, into JSON."""
    return len(json.dumps(json.dumps(content)))

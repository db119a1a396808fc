"""An amount is what its decimal writing says, whatever type of column it comes in."""

import math
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.histories import history
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.parsing import parse_amount, parse_total_orders
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.totals import ShardTotals, Totals

EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MOST_DIGITS = {pa.decimal32: 9, pa.decimal64: 18, pa.decimal128: 38, pa.decimal256: 76}


def batch_of(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def amounts(column: pa.Array) -> list[Any]:
    parsed = parse_amount(column)
    found = zip(parsed.values.to_pylist(), parsed.malformed.to_pylist(), strict=True)
    return ["malformed" if malformed else value for value, malformed in found]


def rounded(column: pa.Array) -> list[bool]:
    return parse_amount(column).rounded.to_pylist()


def columns_of(values: list[Decimal], scale: int) -> Iterable[pa.Array]:
    """Yield the values in every type that can hold all of them, plain and dictionary-encoded where Arrow can."""
    texts = [f"{value:f}" for value in values]
    yield pa.array(texts)
    yield pa.array(texts).dictionary_encode()
    yield pa.array([f"{float(value)!r}" for value in values])
    yield pa.array([float(value) for value in values])
    yield pa.array([float(value) for value in values]).dictionary_encode()
    digits = max(len(value.as_tuple().digits) for value in values)
    for decimal, most in MOST_DIGITS.items():
        if max(digits, scale) <= most:
            yield pa.array(values, decimal(max(digits, scale), scale))
            yield pa.array(values, decimal(most, scale))
    yield pa.array(values, pa.decimal128(38, scale)).dictionary_encode()
    if scale == 0:
        yield pa.array(map(int, values), pa.int64())
    if digits <= 7:
        yield pa.array([np.float32(text) for text in texts], pa.float32())


@st.composite
def decimals(draw: st.DrawFn) -> tuple[list[Decimal], int]:
    """Draw amounts of one scale: of usual sizes, and of up to 15 digits."""
    scale = draw(st.integers(0, 10))
    unscaled = st.integers(1, 10**5) | st.integers(1, 10**9) | st.integers(1, 10**15 - 1)
    drawn = draw(st.lists(unscaled, min_size=1, max_size=8))
    return [Decimal(value).scaleb(-scale) for value in drawn], scale


def was_written_with_32_bits(value: Decimal) -> bool:
    """Tell the one exception: a number that is a float of 32 bits, which is written with at least four digits fewer."""
    narrow = np.float32(float(value))
    written = Decimal(str(narrow)).normalize()
    fewer = len(value.normalize().as_tuple().digits) - len(written.as_tuple().digits)
    return float(f"{float(narrow):.15g}") == float(value) and not float(value).is_integer() and fewer >= 4


@EXAMPLES
@given(decimals())
def test_the_same_writing_is_the_same_amount_in_every_type(drawn: tuple[list[Decimal], int]):
    values, scale = drawn
    values = [value for value in values if not was_written_with_32_bits(value)] or [Decimal(1).scaleb(-scale)]

    for column in columns_of(values, scale):
        assert amounts(column) == [float(value) for value in values], column.type
        assert not any(rounded(column)), column.type


@pytest.mark.parametrize("scale", range(5))
def test_amounts_of_up_to_four_decimals_stay_distinct(scale: int):
    # Multiples of 1/16 are what floats of 32 bits hold exactly: those next to them are what could be mistaken.
    unscaled = {n * 625 + k for n in range(1, 40_000, 7) for k in (-1, 0, 1)} | set(range(1, 20_000))
    values = [Decimal(n).scaleb(-scale) for n in sorted(unscaled)]

    assert amounts(pa.array(map(float, values))) == amounts(pa.array(values)) == list(map(float, values))


@EXAMPLES
@given(st.integers(1, 32_767_99).map(lambda cents: cents / 100))
def test_a_float_of_32_bits_that_was_widened_is_what_it_was(amount: float):
    narrow = np.float32(amount)

    assert amounts(pa.array([float(narrow)])) == amounts(pa.array([narrow], pa.float32())) == [float(str(narrow))]


@EXAMPLES
@given(st.integers(1, 10**15 - 1), st.integers(0, 10), st.sampled_from([0.0, math.inf]))
def test_differences_in_a_floats_last_digit_are_one_amount(unscaled: int, scale: int, towards: float):
    written = unscaled / 10**scale
    noisy = math.nextafter(written, towards)

    once = amounts(pa.array([noisy]))

    assert once == amounts(pa.array([written]))
    assert amounts(pa.array(once)) == once
    assert rounded(pa.array([noisy])) == [True]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0.1 + 0.2, 0.3),
        (9.950000000000001, 9.95),
        (9.949999809265137, 9.95),
        (2640.10009765625, 2640.1),
        (13200.099609375, 13200.1),
        (1998.9999999999998, 1999.0),
        (19.99 * 100, 1999.0),
        (2640.0000001, 2640.0000001),
        (12345.03125, 12345.03125),
        (2_000_000.125, 2_000_000.125),
        (0.0009765625, 0.0009765625),
        (0.0, 0.0),
    ],
)
def test_examples_of_the_rule(written: float, meant: float):
    column = pa.array([written, None])

    assert amounts(column) == [meant, None]
    assert rounded(column) == [written != meant, False]


def test_decimals_with_a_negative_scale_are_read():
    column = pa.array([Decimal("1200"), None], pa.decimal128(5, -2))

    assert amounts(column) == [1200.0, None]
    assert parse_total_orders(column).values.to_pylist() == [1200, None]


@pytest.mark.parametrize("kind", [pa.decimal32(9, 2), pa.decimal64(18, 9), pa.decimal128(38, 9), pa.decimal256(76, 30)])
def test_orders_in_decimals_of_every_width_are_whole_numbers(kind: pa.DataType):
    parsed = parse_total_orders(pa.array([Decimal(n) for n in range(2_000)] + [Decimal("1.5"), None], kind))

    assert parsed.values.to_pylist() == [*range(2_000), None, None]
    assert parsed.malformed.to_pylist() == [False] * 2_000 + [True, False]


@pytest.mark.parametrize("amount", [1e308, 1e-300, 1.1e15, 9e-11, 5e-324, math.inf, -math.inf, -0.01, -1e-300])
def test_an_amount_that_no_catalog_can_hold_is_malformed(amount: float):
    assert amounts(pa.array([amount, 2640.0])) == ["malformed", 2640.0]
    assert amounts(pa.array([repr(amount), "2640"])) == ["malformed", 2640.0]
    assert rounded(pa.array([amount, 2640.0])) == [False, False]


@pytest.mark.parametrize("amount", [0.0, -0.0, 1e-10, 1e15, 123456789012345.0])
def test_the_bounds_are_amounts(amount: float):
    assert amounts(pa.array([amount])) == amounts(pa.array([repr(amount)])) == [amount]


def test_two_deliveries_in_different_types_have_one_mode():
    may = history(*[{"voucher_amount": 9.95}] * 3, *[{"voucher_amount": 12.5}] * 4)
    june = history(*[{"voucher_amount": 9.95}] * 3)
    place = june.schema.get_field_index("voucher_amount")
    june = june.set_column(place, "voucher_amount", pa.array([Decimal("9.95")] * 3, pa.decimal128(10, 2)))

    counts = Counts.sum(Counts.of(clean(batch_of(table), Reading(("Peru",))).kept) for table in (may, june))
    modes = segment_modes(counts, shipped_definitions(), date(2018, 9, 15), ["Peru"])

    assert {mode.voucher_amount for mode in modes if mode.assignments} == {9.95}


def test_rows_whose_amount_was_rounded_are_counted_if_they_are_kept():
    rows = [{"voucher_amount": amount} for amount in (0.1 + 0.2, 9.949999809265137, 2640.0)]
    rejected = {"voucher_amount": 0.1 + 0.2, "total_orders": "x"}

    assert clean(batch_of(history(*rows, rejected)), Reading(("Peru",))).amounts_rounded == 2
    assert clean(batch_of(history({"voucher_amount": 2640.0})), Reading(("Peru",))).amounts_rounded == 0


def test_totals_sum_the_rounded_amounts_and_older_ones_have_none():
    no_rows = dict.fromkeys(Measure, 0)
    nothing = {"measurable": no_rows, "counts": {"object": {"size": 1, "sha256": "x"}, "rows": no_rows}}
    older = Totals.model_validate_json('{"rows_read": 1, "kept": 1}')

    assert Totals.sum([older, Totals(kept=2, rows_read=2, amounts_rounded=2)]).amounts_rounded == 2
    assert ShardTotals(shard=0, **Totals(amounts_rounded=3).model_dump(), **nothing).amounts_rounded == 3

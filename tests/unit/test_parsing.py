"""How values of every accepted type are read, and that requests are read the same way."""

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from voucher_selection.domain.formats import is_null, timestamp_from_text, whole_number
from voucher_selection.domain.parsing import parse_amount, parse_timestamp, parse_total_orders

MALFORMED = object()

TIMESTAMPS: dict[str, Any] = {
    "2018-04-20": datetime(2018, 4, 20),
    "2018-04-20 18:00:00": datetime(2018, 4, 20, 18),
    "2018-04-20T18:00:00": datetime(2018, 4, 20, 18),
    "2018-04-20 18:30": datetime(2018, 4, 20, 18, 30),
    "2018-04-20 18:00:00.123456": datetime(2018, 4, 20, 18, 0, 0, 123456),
    "2018-04-20T18:00:00.5": datetime(2018, 4, 20, 18, 0, 0, 500000),
    "2018-04-20T18:00:00Z": datetime(2018, 4, 20, 18),
    "2018-04-20T18:00:00+02:00": datetime(2018, 4, 20, 16),
    "2018-04-20 00:30:00+0100": datetime(2018, 4, 19, 23, 30),
    "0001-01-01": datetime(1, 1, 1),
    "9999-12-31 23:59:59": datetime(9999, 12, 31, 23, 59, 59),
    "2016-02-29": datetime(2016, 2, 29),
    "2018-02-29": MALFORMED,
    "2018-13-01": MALFORMED,
    "2018-00-10": MALFORMED,
    "2018-04-20 24:00:00": MALFORMED,
    "2018-04-20 18": MALFORMED,
    "2018-04-20 18:61": MALFORMED,
    "2018-04-20Z": MALFORMED,
    "2018-4-20": MALFORMED,
    "20180420": MALFORMED,
    "2018-W16-5": MALFORMED,
    "20/04/2018": MALFORMED,
    "0000-01-01": MALFORMED,
    "yesterday": MALFORMED,
    "nan": None,
    "٢٠١٨-٠٤-٢٠": MALFORMED,
}
ORDERS: dict[str, Any] = {
    "0": 0,
    "2": 2,
    "2.0": 2,
    "007": 7,
    "1e3": 1000,
    "9007199254740992": 2**53,
    "-0.0": 0,
    "2.5": MALFORMED,
    "-1": MALFORMED,
    "1e300": MALFORMED,
    "9007199254740994": MALFORMED,
    "inf": MALFORMED,
    "two": MALFORMED,
    "2 000": MALFORMED,
    "2,0": MALFORMED,
}


def values(parsed: tuple[pa.Array, pa.Array]) -> list[Any]:
    """Return the parsed values, MALFORMED where marked; a marked row never has a value."""
    found, malformed = parsed[0].to_pylist(), parsed[1].to_pylist()
    assert all(value is None for value, mark in zip(found, malformed, strict=True) if mark)
    return [MALFORMED if mark else value for value, mark in zip(found, malformed, strict=True)]


TEXT_LAYOUTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


@pytest.mark.parametrize("layout", TEXT_LAYOUTS, ids=str)
def test_times_in_text_are_read_in_every_layout(layout: pa.DataType):
    column = pa.array([*TIMESTAMPS, "", "  ", None, " 2018-04-20\t"]).cast(layout)

    assert values(parse_timestamp(column)) == [*TIMESTAMPS.values(), None, None, None, datetime(2018, 4, 20)]


@pytest.mark.parametrize("layout", TEXT_LAYOUTS, ids=str)
def test_orders_in_text_are_read_in_every_layout(layout: pa.DataType):
    column = pa.array([*ORDERS, "", "  ", None, "NaN", " 2.0 "]).cast(layout)

    assert values(parse_total_orders(column)) == [*ORDERS.values(), None, None, None, None, 2]


@pytest.mark.parametrize("text", TIMESTAMPS)
def test_a_request_reads_times_as_the_pipeline_does(text: str):
    if TIMESTAMPS[text] is None:
        assert is_null(text)
    elif TIMESTAMPS[text] is MALFORMED:
        with pytest.raises(ValueError, match="expected a date or time"):
            timestamp_from_text(text)
    else:
        assert timestamp_from_text(text) == TIMESTAMPS[text]


@pytest.mark.parametrize("text", ORDERS)
def test_a_request_reads_orders_as_the_pipeline_does(text: str):
    if ORDERS[text] is MALFORMED:
        with pytest.raises(ValueError, match="expected a whole number of at least 0"):
            whole_number(text)
    else:
        assert whole_number(text) == ORDERS[text]


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 2.5, True, None, [], 10**400])
def test_a_request_refuses_what_is_no_whole_number(value: object):
    with pytest.raises(ValueError, match="expected a whole number of at least 0"):
        whole_number(value)


TYPED_ORDERS = [
    (pa.array([0, 5, -1, None], pa.int8()), [0, 5, MALFORMED, None]),
    (pa.array([2**63], pa.uint64()), [MALFORMED]),
    (pa.array([2.0, 2.5, math.nan, math.inf, None]), [2, MALFORMED, None, MALFORMED, None]),
    (pa.array([2.0, math.nan], pa.float32()), [2, None]),
    (pa.array([Decimal("2.00"), Decimal("2.50"), None]), [2, MALFORMED, None]),
    (pa.array([3, None]).dictionary_encode(), [3, None]),
    (pa.nulls(2), [None, None]),
    (pa.array([], pa.string()), []),
]
AMOUNTS = [
    (pa.array([2640.0, 0.0, -0.5, math.inf, -math.inf, math.nan, None]),
     [2640.0, 0.0, MALFORMED, MALFORMED, MALFORMED, None, None]),
    (pa.array([2640.1], pa.float32()), [2640.1]),
    (pa.array([2640, -1, None], pa.int64()), [2640.0, MALFORMED, None]),
    (pa.array([Decimal("2640.10"), Decimal("-0.01"), None]), [2640.1, MALFORMED, None]),
    (pa.array([2640.0, None]).dictionary_encode(), [2640.0, None]),
    (pa.nulls(2), [None, None]),
]  # fmt: skip
TIMES = [
    (pa.array([datetime(2018, 4, 20, 18), None], pa.timestamp("ms")), [datetime(2018, 4, 20, 18), None]),
    (pa.array([1, 2**62], pa.timestamp("s")), [datetime(1970, 1, 1, 0, 0, 1), MALFORMED]),
    (pa.array([1_999], pa.timestamp("ns")), [datetime(1970, 1, 1, 0, 0, 0, 1)]),
    (pa.array([0], pa.timestamp("us", "America/Lima")), [datetime(1970, 1, 1)]),
    (pa.array([date(2018, 4, 20), None]), [datetime(2018, 4, 20), None]),
    (pa.nulls(1), [None]),
]


@pytest.mark.parametrize(("column", "expected"), TYPED_ORDERS, ids=lambda c: str(getattr(c, "type", "")))
def test_orders_of_every_type_are_whole_numbers_or_malformed(column: pa.Array, expected: list[Any]):
    assert values(parse_total_orders(column)) == expected


@pytest.mark.parametrize(("column", "expected"), AMOUNTS, ids=lambda c: str(getattr(c, "type", "")))
def test_amounts_of_every_type_are_finite_and_not_negative_or_malformed(column: pa.Array, expected: list[Any]):
    assert values(parse_amount(column)) == expected


@pytest.mark.parametrize(("column", "expected"), TIMES, ids=lambda c: str(getattr(c, "type", "")))
def test_times_of_every_type_are_read_to_microseconds_in_utc(column: pa.Array, expected: list[Any]):
    assert values(parse_timestamp(column)) == expected


@pytest.mark.parametrize("layout", [*TEXT_LAYOUTS, pa.timestamp("ns"), pa.date32()], ids=str)
def test_placeholders_are_null_and_not_malformed(layout: pa.DataType):
    column = pa.array(["1900-01-01", "2018-04-20", None, "1899-12-31"]).cast(layout)
    if pa.types.is_dictionary(layout):
        column = pa.concat_arrays([column, column])  # more rows than values

    parsed = parse_timestamp(column, "UTC", [date(9999, 12, 31), date(1900, 1, 1)])

    assert values(parsed)[:4] == [None, datetime(2018, 4, 20), None, datetime(1899, 12, 31)]


def test_a_placeholder_is_its_whole_day_in_the_time_zone():
    column = pa.array(["1900-01-01 23:59:59", "1900-01-01T02:00:00Z", "1900-01-02T02:00:00Z", "soon"])

    parsed = parse_timestamp(column, "America/Lima", [date(1900, 1, 1)])

    assert values(parsed) == [None, datetime(1899, 12, 31, 20, 51, 24), None, MALFORMED]


def test_zero_has_one_sign():
    (zero,) = parse_amount(pa.array([-0.0])).values.to_pylist()

    assert math.copysign(1, zero) == 1


def test_one_value_that_cannot_be_cast_does_not_cost_the_others_theirs():
    column = pa.array([f"{number}.0" for number in range(5000)] + ["x"])

    parsed = parse_total_orders(column)

    assert parsed.values.to_pylist() == [*range(5000), None]
    assert parsed.malformed.to_pylist() == [False] * 5000 + [True]

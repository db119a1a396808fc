"""Parse the columns of a history: numbers and times of any accepted type, and nulls in any spelling.

A dictionary-encoded column is parsed once per distinct value. A value that cannot be parsed becomes null and is marked.
A column with only usual values takes a short path: slower checks run only for a column with an unusual one.
"""

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from voucher_selection.domain.amounts import LARGEST_AMOUNT, SMALLEST_AMOUNT, amounts_of, are_usual_amounts
from voucher_selection.domain.errors import UnknownTimeZone
from voucher_selection.domain.formats import LARGEST_WHOLE, MOST_DIGITS, NULL_WORDS, NUMBER_PATTERN, TIMESTAMP_PATTERN
from voucher_selection.domain.history import is_text
from voucher_selection.domain.time_zones import wall_clock

TIMESTAMP = pa.timestamp("us")
# Python dates, parquet readers and people accept dates in this range.
_FIRST_DAY, _LAST_DAY = (pa.scalar(day, pa.date32()).cast(TIMESTAMP) for day in (date.min, date.max))
# Arrow ignores the rules for clock changes after the last year that the time zone database lists.
_LAST_LISTED = pa.scalar(date(2037, 1, 1), pa.date32()).cast(TIMESTAMP)
# Lengths of the times without an offset in TIMESTAMP_PATTERN. Arrow reads no other form of text of these lengths.
_LENGTHS_WITHOUT_OFFSET = pa.array([10, 16, 19, *range(21, 27)], pa.int32())
_NULL_TEXTS = pa.array(["", *NULL_WORDS])
_LONGEST_NULL_WORD = max(map(len, NULL_WORDS))
# Arrow cannot dictionary-encode narrower decimals.
_LEAST_ENCODED_BITS = 128


class Parsed(NamedTuple):
    """A column's values (null if missing or malformed), and a mask of the rows whose value could not be parsed."""

    values: pa.Array
    malformed: pa.BooleanArray


class ParsedAmounts(NamedTuple):
    """A column's amounts, as in `Parsed`, and a mask of those that were written with other digits."""

    values: pa.DoubleArray
    malformed: pa.BooleanArray
    rounded: pa.BooleanArray


def parse_text(column: pa.Array) -> pa.Array:
    """Return the column as plain strings, unchanged."""
    return column.cast(pa.string())


def parse_total_orders(column: pa.Array) -> Parsed:
    """Parse whole numbers >= 0 to int64, from numbers of any type or text such as `2` or `2.0`."""
    return _once_per_value(column, _whole_numbers)


def parse_amount(column: pa.Array) -> ParsedAmounts:
    """Parse amounts to float64, in the country's currency, from numbers of any type or their texts.

    An amount is 0, or from `SMALLEST_AMOUNT` to `LARGEST_AMOUNT`. `amounts` defines the amount that a number means.
    """
    return _once_per_value(column, _amounts)


def parse_timestamp(column: pa.Array, time_zone: str = "UTC", null_dates: Collection[date] = ()) -> Parsed:
    """Parse dates and times to timestamp[us], as wall-clock times of a zone. A date alone means its midnight.

    Parameters
    ----------
    time_zone
        The IANA name of the zone. Times with an offset or a zone are converted to it; other times are in it already.
    null_dates
        A time on one of these days, in the zone, is null but not malformed.

    Raises
    ------
    UnknownTimeZone
        Arrow cannot use the zone.
    """
    parsed = _once_per_value(column, partial(_timestamps, time_zone=time_zone))
    return _without_placeholders(parsed, null_dates) if null_dates else parsed


def _once_per_value[Columns: (Parsed, ParsedAmounts)](
    column: pa.Array, parse: Callable[[pa.Array], Columns]
) -> Columns:
    if not types.is_dictionary(column.type):
        return parse(column)
    if len(column.dictionary) > len(column):  # a small selection of rows uses few of the dictionary's values
        return parse(column.dictionary_decode())
    values, *masks = distinct = parse(column.dictionary)
    return type(distinct)(values.take(column.indices), *(_mask_of(column, mask) for mask in masks))


def _mask_of(column: pa.DictionaryArray, mask: pa.BooleanArray) -> pa.BooleanArray:
    if not pc.any(mask).as_py():
        return _none_of(column)
    return pc.fill_null(mask.take(column.indices), False)


def _none_of(column: pa.Array) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), len(column))


def _marked(given: pa.Array, values: pa.Array) -> Parsed:
    """Mark as malformed each row that had a value and has none after parsing."""
    return Parsed(values, pc.and_(given.is_valid(), values.is_null()))


def _where(condition: pa.Array, values: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(condition, False), values, pa.scalar(None, values.type))


def _given(column: pa.Array) -> pa.StringArray:
    """Return strings without the white space around them; blank strings and null words become null."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    short = pc.less_equal(pc.binary_length(text), _LONGEST_NULL_WORD)
    if not pc.any(short).as_py():
        return text
    words = pc.utf8_lower(pc.if_else(short, text, "-"))  # long texts are not null words
    return _where(pc.invert(pc.is_in(words, value_set=_NULL_TEXTS)), text)


def _cast_or_null(column: pa.Array, target: pa.DataType) -> pa.Array:
    """Cast values; those that cannot be cast become null. Arrow stops at the first of these, so halve the column."""
    try:
        return column.cast(target)
    except pa.ArrowInvalid:
        if len(column) == 1:
            return pa.nulls(1, target)
        middle = len(column) // 2
        return pa.concat_arrays([_cast_or_null(column[:middle], target), _cast_or_null(column[middle:], target)])


def _cast_text(text: pa.Array, target: pa.DataType) -> pa.Array:
    """Cast strings, each distinct one once, because a value that cannot be cast costs several tries."""
    try:
        return text.cast(target)
    except pa.ArrowInvalid:
        encoded = text.dictionary_encode()
        return _cast_or_null(encoded.dictionary, target).take(encoded.indices)


def _numbers(column: pa.Array) -> Parsed:
    """Return floats, each the nearest to the written number; NaN becomes null, but is not malformed."""
    if is_text(column.type):
        return _numbers_from_text(_given(column))
    if types.is_decimal(column.type):
        return _decimals(column)
    if types.is_floating(column.type) and column.type != pa.float64():
        column = column.cast(pa.string())  # the number that was written: 2640.1, not 2640.10009765625
    numbers = column.cast(pa.float64(), safe=False)
    return Parsed(_where(pc.invert(pc.is_nan(numbers)), numbers), _none_of(column))


def _numbers_from_text(given: pa.StringArray) -> Parsed:
    usual = _usual_numbers_from_text(given)
    if usual is not None:
        return Parsed(usual, _none_of(given))
    distinct = given.dictionary_encode()
    # Arrow also reads `inf`, `nan(x)` and any number of digits; a lookup's request does not, and both must agree.
    well_formed = _where(pc.match_substring_regex(distinct.dictionary, f"^({NUMBER_PATTERN})$"), distinct.dictionary)
    return _marked(given, well_formed.cast(pa.float64()).take(distinct.indices))


def _usual_numbers_from_text(given: pa.StringArray) -> pa.DoubleArray | None:
    """Cast a column that holds only finite numbers of a usual length; return None for any other column."""
    if (pc.max(pc.binary_length(given)).as_py() or 0) > MOST_DIGITS:
        return None
    try:
        numbers = given.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return numbers if pc.all(pc.is_finite(numbers), min_count=0).as_py() else None


def _decimals(column: pa.Array) -> Parsed:
    """Read decimals from their text, each distinct one once: Arrow's own cast does not give the nearest float."""
    if column.type.bit_width < _LEAST_ENCODED_BITS:
        column = column.cast(pa.decimal128(column.type.precision, column.type.scale))
    distinct = column.dictionary_encode()
    numbers = distinct.dictionary.cast(pa.string()).cast(pa.float64())
    return Parsed(numbers.take(distinct.indices), _none_of(column))


def _whole_numbers(column: pa.Array) -> Parsed:
    if types.is_integer(column.type):
        wrapped = column.cast(pa.int64(), safe=False)  # integers that are too large become negative
        return _marked(column, _where(_between(wrapped, 0, LARGEST_WHOLE), wrapped))
    numbers, malformed = _numbers(column)
    in_range = _between(numbers, 0, LARGEST_WHOLE)
    whole = _where(pc.and_(in_range, pc.equal(numbers, pc.floor(numbers))), numbers)
    return Parsed(whole.cast(pa.int64()), pc.or_(malformed, _marked(numbers, whole).malformed))


def _amounts(column: pa.Array) -> ParsedAmounts:
    numbers, malformed = _numbers(column)
    read = pc.fill_null(numbers, 0.0).to_numpy() + 0.0  # -0.0 becomes 0.0
    if are_usual_amounts(read):
        values = pa.array(read) if not numbers.null_count else pc.if_else(numbers.is_valid(), read, None)
        return ParsedAmounts(values, malformed, _none_of(numbers))
    usable = (read == 0) | ((read >= SMALLEST_AMOUNT) & (read <= LARGEST_AMOUNT))
    amounts = amounts_of(np.where(usable, read, 0.0))
    values = pc.if_else(pc.and_(numbers.is_valid(), pa.array(usable)), amounts, None)
    return ParsedAmounts(values, pc.or_(malformed, pa.array(~usable)), pa.array(usable & (amounts != read)))


def _between(numbers: pa.Array, least: int, most: int) -> pa.BooleanArray:
    return pc.and_(pc.greater_equal(numbers, least), pc.less_equal(numbers, most))


def _without_placeholders(parsed: Parsed, null_dates: Collection[date]) -> Parsed:
    days = parsed.values.cast(pa.date32(), safe=False)
    named = pc.is_in(days, value_set=pa.array(sorted(null_dates), pa.date32()))
    return parsed._replace(values=_where(pc.invert(named), parsed.values))


def _timestamps(column: pa.Array, time_zone: str) -> Parsed:
    if is_text(column.type):
        usual = _usual_times_from_text(column)
        if usual is not None:
            return Parsed(usual, _none_of(column))
        given = _given(column)
        times = _times_from_text(given, time_zone)
    else:
        given = column
        times = _times_in_microseconds(_without_zone(given))
        if _has_zone(given):
            times = _wall_clock(times, time_zone)
    return _marked(given, _within_the_calendar(times))


def _within_the_calendar(times: pa.Array) -> pa.Array:
    return _where(pc.and_(pc.greater_equal(times, _FIRST_DAY), pc.less(times, _end_of(_LAST_DAY))), times)


def _wall_clock(instants: pa.Array, time_zone: str) -> pa.Array:
    """Convert instants in UTC to wall-clock times of a zone: `time_zones.wall_clock` for a column."""
    if time_zone == "UTC":
        return instants
    instants = _within_the_calendar(instants)
    try:
        times = pc.local_timestamp(instants.cast(pa.timestamp("us", time_zone)))
    except pa.ArrowInvalid as error:
        raise UnknownTimeZone(f"Arrow cannot use time zone {time_zone!r} on this machine: {error}") from error
    late = pc.fill_null(pc.greater_equal(instants, _LAST_LISTED), False)
    if not pc.any(late).as_py():
        return times
    encoded = instants.filter(late).dictionary_encode()
    by_rule = pa.array([_shown(instant, time_zone) for instant in encoded.dictionary.to_pylist()], TIMESTAMP)
    return pc.replace_with_mask(times, late, by_rule.take(encoded.indices))


def _shown(instant: datetime, time_zone: str) -> datetime | None:
    try:
        return wall_clock(instant.replace(tzinfo=UTC), time_zone)
    except OverflowError:
        return None


def _times_in_microseconds(times: pa.Array) -> pa.Array:
    if types.is_timestamp(times.type) and times.type.unit == "ns":
        count = times.cast(pa.int64())
        towards_1970 = pc.divide(count, 1000)
        # Cut off nanoseconds towards the past, before 1970 too: rounding up could change the day.
        later = pc.greater(pc.multiply(towards_1970, 1000), count)
        return pc.subtract(towards_1970, later.cast(pa.int64())).cast(TIMESTAMP)
    return _cast_or_null(times, TIMESTAMP)  # coarser units can overflow: these are not dates


def _usual_times_from_text(column: pa.Array) -> pa.Array | None:
    """Cast a column that holds only dates and times without an offset; return None for any other column."""
    text = column.cast(pa.string())
    lengths = pc.unique(pc.binary_length(text)).drop_null()
    if not pc.all(pc.is_in(lengths, value_set=_LENGTHS_WITHOUT_OFFSET), min_count=0).as_py():
        return None
    try:
        times = text.cast(TIMESTAMP)
    except pa.ArrowInvalid:
        return None
    before_the_calendar = pc.any(pc.less(times, _FIRST_DAY)).as_py()  # Arrow has a year 0
    return None if before_the_calendar else times


def _end_of(day: pa.Scalar) -> pa.Scalar:
    return pa.scalar(day.value + 86_400_000_000, TIMESTAMP)


def _has_zone(column: pa.Array) -> bool:
    return types.is_timestamp(column.type) and column.type.tz is not None


def _without_zone(column: pa.Array) -> pa.Array:
    """Drop the zone of times: Arrow stores them in UTC."""
    return column.cast(pa.timestamp(column.type.unit)) if _has_zone(column) else column


def _times_from_text(text: pa.Array, time_zone: str) -> pa.Array:
    # Arrow also reads times without minutes or separators; a lookup's request does not, and both must agree.
    well_formed = _where(pc.match_substring_regex(text, f"^({TIMESTAMP_PATTERN})$"), text)
    try:
        return well_formed.cast(TIMESTAMP)
    except pa.ArrowInvalid:
        local = _cast_text(well_formed, TIMESTAMP)
        zoned = _cast_text(_where(local.is_null(), well_formed), pa.timestamp("us", "UTC"))
        return pc.coalesce(local, _wall_clock(zoned.cast(TIMESTAMP), time_zone))

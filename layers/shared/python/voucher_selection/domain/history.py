"""The history file: the columns of a voucher assignment, and the types that can hold them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from voucher_selection.domain.data_contract import HISTORY, place
from voucher_selection.domain.errors import WrongSchema

# A message quotes at most this many characters of a file: an execution's cause is cut at 32 KiB, and names may be long.
_MOST_QUOTED = 1000


class Column(NamedTuple):
    """A column that a file must have, the types that it accepts, and their names for messages."""

    name: str
    expected: str
    accepts: Callable[[pa.DataType], bool]


def value_type(arrow_type: pa.DataType) -> pa.DataType:
    """Return the type of the values; for a dictionary-encoded column, that of its dictionary."""
    return arrow_type.value_type if types.is_dictionary(arrow_type) else arrow_type


def is_text(arrow_type: pa.DataType) -> bool:
    """Return whether the type is a string type, in any of Arrow's layouts."""
    return any(is_kind(arrow_type) for is_kind in (types.is_string, types.is_large_string, types.is_string_view))


def is_bytes(arrow_type: pa.DataType) -> bool:
    """Return whether the type is a bytes type; some programs write text as bytes."""
    kinds = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(is_kind(arrow_type) for is_kind in kinds)


def holds_text(arrow_type: pa.DataType) -> bool:
    """Return whether the type can hold text: strings, or bytes that are read as UTF-8."""
    return is_text(arrow_type) or is_bytes(arrow_type)


def text_of_bytes(column: pa.Array) -> pa.Array:
    """Read a column of bytes as UTF-8 text.

    Invalid bytes become U+FFFD, which makes a number or date malformed. The zeros that fill bytes of a fixed size are
    removed. A dictionary-encoded column stays dictionary-encoded.
    """
    if types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, text_of_bytes(column.dictionary))
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        values = (None if value is None else value.decode(errors="replace") for value in column.to_pylist())
        text = pa.array(values, pa.string())
    return pc.utf8_rtrim(text, "\0") if types.is_fixed_size_binary(column.type) else text


def _holds_text_or_number(arrow_type: pa.DataType) -> bool:
    return any(is_kind(arrow_type) for is_kind in (holds_text, types.is_integer, types.is_floating, types.is_decimal))


def _is_time(arrow_type: pa.DataType) -> bool:
    return any(is_kind(arrow_type) for is_kind in (holds_text, types.is_timestamp, types.is_date))


COLUMNS = (
    Column("timestamp", "string, timestamp or date", _is_time),
    Column("country_code", "string", holds_text),
    Column("last_order_ts", "string, timestamp or date", _is_time),
    Column("first_order_ts", "string, timestamp or date", _is_time),
    Column("total_orders", "string, integer, float or decimal", _holds_text_or_number),
    Column("voucher_amount", "string, float, integer or decimal", _holds_text_or_number),
)
COLUMN_NAMES = [column.name for column in COLUMNS]


def check_schema(schema: pa.Schema, source: str, in_path: Collection[str] = ()) -> None:
    """Check that a file has the columns of a history; see `check_columns`."""
    check_columns(schema, source, COLUMNS, in_path, HISTORY)


def check_columns(
    schema: pa.Schema, source: str, columns: Iterable[Column], in_path: Collection[str], contract: str
) -> None:
    """Check that a file has these columns, in any order. A column that holds only nulls may have Arrow's null type.

    The file does not need columns that its path has (`in_path`), as text. `contract` is the schema of the data contract
    that describes the columns.

    Raises
    ------
    WrongSchema
        Names `source`, and every column that is missing, occurs twice, or has a type that cannot hold its values, with
        its line in the data contract.
    """
    occurrences = Counter(schema.names)
    problems: list[tuple[Column, str]] = []
    for column in (column for column in columns if column.name not in in_path):
        if occurrences[column.name] != 1:
            found = "is missing" if not occurrences[column.name] else f"occurs {occurrences[column.name]} times"
            problems.append((column, found))
            continue
        found_type = schema.field(column.name).type
        if not types.is_null(found_type) and not column.accepts(value_type(found_type)):
            problems.append((column, f"is of type {_quoted(str(found_type))}"))
    if problems:
        told = "; ".join(
            f"column '{column.name}' {found} (expected {column.expected}; see {place(contract, column.name)})"
            for column, found in problems
        )
        names = _quoted(", ".join(schema.names)) or "none"
        raise WrongSchema(f"{source}: {told}; the file's columns are {names}")


def _quoted(text: str) -> str:
    return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"

"""The customers' file of an assign run: the columns that a lookup of each row needs, and their types."""

from collections.abc import Collection, Iterable
from typing import Literal

import pyarrow as pa
from pyarrow import types

from voucher_selection.domain.data_contract import CUSTOMERS, place
from voucher_selection.domain.errors import InvalidRequest, WrongSchema
from voucher_selection.domain.history import COLUMNS, Column, check_columns, holds_text, value_type
from voucher_selection.domain.segments import SegmentDefinitions


def _is_id(arrow_type: pa.DataType) -> bool:
    # All shards write ids with one type, and parquet readers disagree about integers of 64 bits without a sign.
    return holds_text(arrow_type) or (types.is_integer(arrow_type) and not types.is_uint64(arrow_type))


_OF_HISTORY = {column.name: column for column in COLUMNS}
CUSTOMER_COLUMNS = (
    Column("customer_id", "string or integer of at most 63 bits", _is_id),
    *(_OF_HISTORY[name] for name in ("country_code", "total_orders", "last_order_ts", "first_order_ts")),
    Column("segment_name", "string", holds_text),
)
CUSTOMER_COLUMN_NAMES = [column.name for column in CUSTOMER_COLUMNS]


def check_customers(
    schema: pa.Schema,
    source: str,
    definitions: SegmentDefinitions,
    segment_name: str | None,
    in_path: Collection[str] = (),
) -> None:
    """Check that a file has the columns that a lookup of each of its rows needs.

    These are `customer_id`, `country_code` and the field that the segmentation splits by. If the run names no
    segmentation, a row may use any of the model's: then `segment_name` and the fields of all of them are needed. Other
    columns may be missing. Each column may be in the file's path instead.

    Parameters
    ----------
    source
        The file as the user named it, for the message.
    segment_name
        The segmentation of the run; None: each row names its own.
    in_path
        Columns that the file's path has.

    Raises
    ------
    WrongSchema
        Names `source`, and every column that is missing, occurs twice, or has a type that cannot hold its values, with
        its line in the data contract.
    """
    used = definitions.segmentations if segment_name is None else (definitions[segment_name],)
    required = {"customer_id", "country_code", *(segmentation.measure.field for segmentation in used)}
    if segment_name is None:
        required.add("segment_name")
    columns = [column for column in CUSTOMER_COLUMNS if column.name in required or column.name in schema.names]
    check_columns(schema, source, columns, in_path, CUSTOMERS)


def check_segmentation(definitions: SegmentDefinitions, segment_name: str | None) -> None:
    """Raise an `InvalidRequest` if the model does not have the run's segmentation; None always passes."""
    if segment_name is not None and segment_name not in definitions.names:
        known = ", ".join(definitions.names)
        raise InvalidRequest(f"segment_name: expected one of the served model's ({known}), got {segment_name!r}")


def kind_of_ids(schemas: Iterable[pa.Schema], source: str, *, with_texts: bool = False) -> Literal["integer", "text"]:
    """Return the kind of `customer_id` in all parquet files: the whole output has one type.

    If the source also has CSV files or JSON lines (`with_texts`), which know no types, all ids are text.

    Raises
    ------
    WrongSchema
        The ids are integers in one file and text in another.
    """
    found = [value_type(schema.field("customer_id").type) for schema in schemas]
    kinds = {"text" if holds_text(kind) else "integer" for kind in found if not types.is_null(kind)}
    if len(kinds) > 1:
        raise WrongSchema(
            f"{source}: column 'customer_id' is an integer in some files and text in others (expected one of the two in"
            f" all files; see {place(CUSTOMERS, 'customer_id')})"
        )
    return "integer" if kinds == {"integer"} and not with_texts else "text"

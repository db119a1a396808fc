"""Histories for tests: rows of voucher assignments, written as the parquet files that a run reads."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("timestamp", pa.string()),
        ("country_code", pa.string()),
        ("last_order_ts", pa.string()),
        ("first_order_ts", pa.timestamp("ms")),
        ("total_orders", pa.string()),
        ("voucher_amount", pa.float64()),
    ]
)
GOOD_ROW: dict[str, Any] = {
    "timestamp": "2018-07-21 18:59:21.102761",
    "country_code": "Peru",
    "last_order_ts": "2018-05-03",
    "first_order_ts": None,
    "total_orders": "3.0",
    "voucher_amount": 2640.0,
}


def history(*rows: dict[str, Any], schema: pa.Schema = SCHEMA) -> pa.Table:
    """Return a history of the rows given, each a good row but for the columns it names."""
    return pa.Table.from_pylist([GOOD_ROW | row for row in rows], schema=schema)


def repeated(count: int, **columns: Any) -> list[dict[str, Any]]:
    """Return the same row `count` times."""
    return [columns] * count


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    """Return the table as the bytes of a parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()

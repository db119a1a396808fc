"""Two small additive tables that a model is made from: how often each amount was given, by orders and by last order.

Their sum over any parts of a history equals the counts of the whole, and does not grow with the number of rows.
"""

from collections.abc import Iterable
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc

FREQUENCY_SCHEMA = pa.schema(
    [
        ("country_code", pa.string()),
        ("total_orders", pa.int64()),
        ("voucher_amount", pa.float64()),
        ("rows", pa.int64()),
    ]
)
RECENCY_SCHEMA = pa.schema(
    [
        ("country_code", pa.string()),
        ("last_order_date", pa.date32()),
        ("voucher_amount", pa.float64()),
        ("rows", pa.int64()),
    ]
)


class Counts(NamedTuple):
    """Kept assignments counted two ways.

    `frequency` has one row per (`country_code`, `total_orders`, `voucher_amount`), `recency` one per (`country_code`,
    `last_order_date`, `voucher_amount`) of the assignments that have a last order; `rows` counts the assignments.
    """

    frequency: pa.Table
    recency: pa.Table

    @classmethod
    def of(cls, kept: pa.RecordBatch) -> Self:
        """Count cleaned rows (columns of `rules.CLEANED_SCHEMA`)."""
        country, amount = kept["country_code"], kept["voucher_amount"]
        ones = pa.repeat(pa.scalar(1, pa.int64()), kept.num_rows)
        by_orders = pa.table([country, kept["total_orders"], amount, ones], schema=FREQUENCY_SCHEMA)
        last_order_date = kept["last_order_ts"].cast(pa.date32(), safe=False)
        by_date = pa.table([country, last_order_date, amount, ones], schema=RECENCY_SCHEMA)
        return cls(_sum(by_orders), _sum(by_date.filter(pc.is_valid(pc.field("last_order_date")))))

    @classmethod
    def sum(cls, parts: Iterable[Self]) -> Self:
        """Add up counts; of no parts, the empty tables. Rows are sorted, so that equal counts are equal tables."""
        parts = list(parts)
        frequency = pa.concat_tables([FREQUENCY_SCHEMA.empty_table(), *(part.frequency for part in parts)])
        recency = pa.concat_tables([RECENCY_SCHEMA.empty_table(), *(part.recency for part in parts)])
        return cls(_sum(frequency), _sum(recency))


def _sum(table: pa.Table) -> pa.Table:
    keys = [name for name in table.schema.names if name != "rows"]
    summed = table.group_by(keys).aggregate([("rows", "sum")]).rename_columns({"rows_sum": "rows"})
    return summed.select(table.schema.names).cast(table.schema).sort_by([(key, "ascending") for key in keys])

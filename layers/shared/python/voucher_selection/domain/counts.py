"""Counts: two small tables that a model is made from. They count each amount by orders, and by date of last order.

Counts of the parts of a history add up to the counts of the whole. Their size does not grow with the number of rows.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.domain.segments import Measure

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
    """Kept assignments, counted in two ways.

    `frequency` has one row per (`country_code`, `total_orders`, `voucher_amount`). `recency` has one row per
    (`country_code`, `last_order_date`, `voucher_amount`); it counts only assignments with a last order. In both, the
    column `rows` is the number of assignments.
    """

    frequency: pa.Table
    recency: pa.Table

    @classmethod
    def of(cls, kept: pa.RecordBatch) -> Self:
        """Count cleaned rows (columns of `rules.CLEANED_SCHEMA`)."""
        country, orders, amount = (
            kept[name].dictionary_encode() for name in ("country_code", "total_orders", "voucher_amount")
        )
        last_order_date = kept["last_order_ts"].cast(pa.date32(), safe=False).dictionary_encode()
        dated = pc.indices_nonzero(last_order_date.is_valid())
        recency = [key.take(dated) for key in (country, last_order_date, amount)]
        return cls(_count([country, orders, amount], FREQUENCY_SCHEMA), _count(recency, RECENCY_SCHEMA))

    @classmethod
    def sum(cls, parts: Iterable[Self]) -> Self:
        """Add up counts; without parts, return empty tables. Rows are sorted: equal counts are equal tables."""
        parts = list(parts)
        frequency = pa.concat_tables([FREQUENCY_SCHEMA.empty_table(), *(part.frequency for part in parts)])
        recency = pa.concat_tables([RECENCY_SCHEMA.empty_table(), *(part.recency for part in parts)])
        return cls(_sum(frequency), _sum(recency))

    @property
    def rows(self) -> dict[Measure, int]:
        """The number of assignments that each table counts, by the table's measure."""
        return {
            Measure.TOTAL_ORDERS: _assignments(self.frequency),
            Measure.DAYS_SINCE_LAST_ORDER: _assignments(self.recency),
        }

    def faults(self) -> Iterator[str]:
        """Yield a message for each fault: unexpected columns, missing values, and numbers that are out of range."""
        for table, schema in zip(self, (FREQUENCY_SCHEMA, RECENCY_SCHEMA), strict=True):
            if table.schema.equals(schema):
                yield from _faults(table)
            else:
                yield f"expected the columns {_columns(schema)}, got {_columns(table.schema)}"


class RunningCounts:
    """A running sum of counts. Its memory depends on the number of distinct keys, not on how many counts are added.

    At most `most_waiting_rows` rows of count tables wait before they are summed: by default, these take a few MB.
    """

    def __init__(self, most_waiting_rows: int = 200_000) -> None:
        self._parts: list[Counts] = []
        self._rows = 0
        self._most_waiting_rows = self._most_rows = most_waiting_rows

    def add(self, counts: Counts) -> None:
        """Add counts to the sum."""
        self._parts.append(counts)
        self._rows += _rows_of(counts)
        if self._rows > self._most_rows:  # rare: summing after every batch would take as long as counting it
            summed = self.total()
            self._parts, self._rows = [summed], _rows_of(summed)
            self._most_rows = self._most_waiting_rows + 2 * self._rows

    def total(self) -> Counts:
        """Return the sum of all counts added so far."""
        return Counts.sum(self._parts)


def _rows_of(counts: Counts) -> int:
    return int(counts.frequency.num_rows + counts.recency.num_rows)


def _assignments(table: pa.Table) -> int:
    return int(pc.sum(table["rows"]).as_py() or 0)


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)


def _faults(table: pa.Table) -> Iterator[str]:
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count:
            yield f"{name} is missing in {column.null_count} rows"
    for name, least in (("rows", 1), ("voucher_amount", 0), ("total_orders", 0)):
        if name in table.column_names:
            low = pc.sum(pc.less(table[name], least)).as_py()
            if low:
                yield f"{name} is below {least} in {low} rows"
    if endless := pc.sum(pc.invert(pc.is_finite(table["voucher_amount"]))).as_py():
        yield f"voucher_amount is infinite or not a number in {endless} rows"


def _count(keys: list[pa.DictionaryArray], schema: pa.Schema) -> pa.Table:
    """Count combinations of keys (never null): combine the codes of a row's keys into one number, and count that."""
    combined = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        combined = combined * len(key.dictionary) + key.indices.to_numpy()
    counted = pc.value_counts(pa.array(combined))
    columns = [counted.field("counts")]
    remaining = counted.field("values").to_numpy()
    for key in reversed(keys):
        remaining, code = np.divmod(remaining, max(len(key.dictionary), 1))
        columns.insert(0, key.dictionary.take(pa.array(code)))
    return pa.table(columns, schema=schema)


def _sum(table: pa.Table) -> pa.Table:
    keys = [name for name in table.schema.names if name != "rows"]
    summed = table.group_by(keys).aggregate([("rows", "sum")]).rename_columns({"rows_sum": "rows"})
    return summed.select(table.schema.names).cast(table.schema).sort_by([(key, "ascending") for key in keys])

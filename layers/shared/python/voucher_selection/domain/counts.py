"""Counts: a small table that a model is made from. It counts each amount by day of assignment and by measure.

Counts of the parts of a history add up to the counts of the whole. Their size depends on the days, values and amounts
of the history, not on its number of rows.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.domain.country_keys import by_key, country_key
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.overlaps import CountryDay

COUNTS_SCHEMA = pa.schema(
    [
        ("country_code", pa.string()),
        ("assigned_on", pa.date32()),
        ("measure", pa.string()),
        ("value", pa.int64()),
        ("voucher_amount", pa.float64()),
        ("rows", pa.int64()),
    ]
)
_KEYS = [name for name in COUNTS_SCHEMA.names if name != "rows"]
# Codes of combined keys are numbers of 64 bits.
_MOST_CODES = 2**62
# At most so many kept rows are counted at once: each combination among them is then one row of counts, and a number of
# 64 bits can tell all combinations of their days, values and amounts in 300 countries apart.
_ROWS_AT_ONCE = 262_144
# Numbers that span at most so many values are counted as if each value occurred.
_MOST_CONSECUTIVE = 4096
_MOST_CELLS_PER_ROW = 4


@dataclass(frozen=True)
class Counts:
    """Kept assignments, counted once for each measure that they have a value of.

    `table` has the columns of `COUNTS_SCHEMA`, one row per combination of the others than `rows`, the number of
    assignments. `assigned_on` is the day a voucher was given, in the run's time zone; null if the assignment has no
    `timestamp`. `value` is the measure's counted value. Rows are sorted: equal counts are equal tables.
    """

    table: pa.Table

    @classmethod
    def of(cls, kept: pa.RecordBatch) -> Self:
        """Count cleaned rows (columns of `rules.CLEANED_SCHEMA`)."""
        return cls(_sum(pa.concat_tables([COUNTS_SCHEMA.empty_table(), *_counted(kept)])))

    @classmethod
    def sum(cls, parts: Iterable[Self]) -> Self:
        """Add up counts; without parts, return an empty table."""
        return cls(_sum(pa.concat_tables([COUNTS_SCHEMA.empty_table(), *(part.table for part in parts)])))

    @property
    def assignments(self) -> int:
        """The number of kept assignments: each has a number of orders."""
        return self.rows[Measure.TOTAL_ORDERS]

    @property
    def rows(self) -> dict[Measure, int]:
        """The number of assignments that are counted for each measure."""
        return {measure: int(pc.sum(self.of_measure(measure)["rows"]).as_py() or 0) for measure in Measure}

    def of_measure(self, measure: Measure) -> pa.Table:
        """Return the counts of a measure: the columns of `COUNTS_SCHEMA` without `measure`."""
        return self._by_measure[measure]

    def over_days(self, measure: Measure) -> pa.Table:
        """Return the counts of a measure over all days: columns `country_code`, `value`, `voucher_amount`, `rows`."""
        return _sum(self.of_measure(measure).drop_columns(["assigned_on"]))

    def within(self, first: date, last: date) -> Self:
        """Return the counts of the days from `first` to `last`; assignments without a day are in no window."""
        day = self.table["assigned_on"]
        return type(self)(self.table.filter(pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last))))

    def dated(self) -> Self:
        """Return the counts of the assignments that have a day."""
        return type(self)(self.table.filter(self.table["assigned_on"].is_valid()))

    def days(self) -> dict[CountryDay, int]:
        """Return the number of assignments of each country and day, in order; those without a day are in none."""
        kept = self.of_measure(Measure.TOTAL_ORDERS).select(["country_code", "assigned_on", "rows"])
        found = _sum(kept.filter(kept["assigned_on"].is_valid())).to_pydict()
        days = map(CountryDay, found["country_code"], found["assigned_on"])
        return dict(zip(days, found["rows"], strict=True))

    def without(self, days: Iterable[CountryDay]) -> Self:
        """Return the counts without those of some countries' days."""
        gone = pa.Table.from_pylist([day._asdict() for day in days], _schema_of(["country_code", "assigned_on"]))
        codes, of_gone = _codes(self.table, ["country_code", "assigned_on"], gone)
        return type(self)(self.table.filter(pa.array(~np.isin(codes, of_gone))))

    def of_countries(self, names: Iterable[str]) -> Self:
        """Return the counts with these names of their countries, which the counts may spell differently."""
        known, spelled = by_key(names), self.table["country_code"].combine_chunks().dictionary_encode()
        named = [known.get(country_key(name), name) for name in spelled.dictionary.to_pylist()]
        column = pa.array(named, pa.string()).take(spelled.indices)
        return type(self)(_sum(self.table.set_column(0, COUNTS_SCHEMA.field("country_code"), column)))

    def faults(self) -> Iterator[str]:
        """Yield a message for each fault: unexpected columns, missing values, and numbers that are out of range."""
        if not self.table.schema.equals(COUNTS_SCHEMA):
            yield f"expected the columns {_columns(COUNTS_SCHEMA)}, got {_columns(self.table.schema)}"
            return
        for name, column in zip(self.table.column_names, self.table.columns, strict=True):
            if column.null_count and name != "assigned_on":
                yield f"{name} is missing in {column.null_count} rows"
        for name, least in (("rows", 1), ("voucher_amount", 0)):
            if low := pc.sum(pc.less(self.table[name], least)).as_py():
                yield f"{name} is below {least} in {low} rows"
        for measure in Measure:
            lowest = measure.least_counted
            if lowest is not None and (low := pc.sum(pc.less(self.of_measure(measure)["value"], lowest)).as_py()):
                yield f"the value of {measure} is below {lowest} in {low} rows"
        if endless := pc.sum(pc.invert(pc.is_finite(self.table["voucher_amount"]))).as_py():
            yield f"voucher_amount is infinite or not a number in {endless} rows"

    @cached_property
    def _by_measure(self) -> dict[Measure, pa.Table]:
        """The counts of each measure, split once: every question to counts of years asks for some of them."""
        place = pc.index_in(
            self.table["measure"], value_set=pa.array([measure.value for measure in Measure])
        ).to_numpy()
        counts = self.table.drop_columns(["measure"])
        return {measure: counts.filter(pa.array(place == code)) for code, measure in enumerate(Measure)}


class RunningCounts:
    """The counts of rows that come in batches. Memory depends on the number of distinct keys, not on that of the rows.

    Up to `_ROWS_AT_ONCE` rows, and then up to `most_waiting_rows` rows of counts, wait before they are summed.
    """

    def __init__(self, most_waiting_rows: int = 150_000) -> None:
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._parts: list[pa.Table] = []
        self._rows = 0
        self._most_waiting_rows = self._most_rows = most_waiting_rows

    def add(self, kept: pa.RecordBatch) -> None:
        """Count cleaned rows (columns of `rules.CLEANED_SCHEMA`)."""
        for start in range(0, kept.num_rows, _ROWS_AT_ONCE):
            self._wait(kept.slice(start, _ROWS_AT_ONCE))

    def total(self) -> Counts:
        """Return the counts of all rows added so far."""
        self._count()
        self._parts = [_sum(pa.concat_tables([COUNTS_SCHEMA.empty_table(), *self._parts]))]
        return Counts(self._parts[0])

    def _wait(self, kept: pa.RecordBatch) -> None:
        if self._waiting_rows + kept.num_rows > _ROWS_AT_ONCE:
            self._count()
        self._waiting.append(kept)
        self._waiting_rows += kept.num_rows

    def _count(self) -> None:
        if not self._waiting_rows:
            return
        tables = list(_counted(pa.concat_batches(self._waiting)))
        self._waiting, self._waiting_rows = [], 0
        self._parts += tables
        self._rows += sum(table.num_rows for table in tables)
        if self._rows > self._most_rows:  # rare: summing after every part would take as long as counting it
            self._rows = self.total().table.num_rows
            self._most_rows = self._most_waiting_rows + 2 * self._rows


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)


def _schema_of(names: list[str]) -> pa.Schema:
    return pa.schema([COUNTS_SCHEMA.field(name) for name in names])


class _Key(NamedTuple):
    """A column as codes: each row's code is the place of its value in `values`."""

    values: pa.Array
    codes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, column: pa.Array) -> Self:
        if pa.types.is_date32(column.type) or pa.types.is_int64(column.type):
            numbers = column.view(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
            least, most = pc.min_max(numbers).as_py().values()
            if least is not None and most - least < _MOST_CONSECUTIVE:
                return cls._of_consecutive(numbers, least, most, column.type)
        encoded = column.dictionary_encode(null_encoding="encode")
        return cls(encoded.dictionary, encoded.indices.to_numpy())

    @classmethod
    def _of_consecutive(cls, numbers: pa.Array, least: int, most: int, kind: pa.DataType) -> Self:
        """Code numbers by their distance to the least, which is faster than to look each one up."""
        values = pa.array(np.arange(least, most + 1), numbers.type).view(kind)
        if numbers.null_count:
            numbers, values = pc.fill_null(numbers, most + 1), pa.concat_arrays([values, pa.nulls(1, kind)])
        return cls(values, numbers.to_numpy() - least)


def _counted(kept: pa.RecordBatch) -> Iterator[pa.Table]:
    """Yield the counts of rows for each measure, unsorted."""
    if not kept.num_rows:
        return
    country, day, amount = (
        _Key.of(column)
        for column in (kept["country_code"], kept["timestamp"].cast(pa.date32(), safe=False), kept["voucher_amount"])
    )
    for measure in Measure:
        columns = _count([country, day, _Key.of(measure.of_rows(kept)), amount])
        columns.insert(2, pa.repeat(measure.value, len(columns[0])))
        counted = pa.table(columns, schema=COUNTS_SCHEMA)
        value = counted["value"]
        yield counted.filter(value.is_valid()) if value.null_count else counted


def _count(keys: list[_Key]) -> list[pa.Array]:
    """Count combinations of keys: combine the codes of a row's keys into one number, and count that.

    Return the columns of the keys, then that of the numbers of rows. So few rows are counted at once that the numbers
    have 64 bits.
    """
    combined = keys[0].codes.astype(np.int64)
    for key in keys[1:]:
        combined *= len(key.values)
        combined += key.codes
    remaining, rows = _occurrences(combined, math.prod(len(key.values) for key in keys))
    columns = [rows]
    for key in reversed(keys):
        remaining, code = np.divmod(remaining, len(key.values))
        columns.insert(0, key.values.take(pa.array(code)))
    return columns


def _occurrences(numbers: npt.NDArray[np.int64], end: int) -> tuple[npt.NDArray[np.int64], pa.Int64Array]:
    """Return the distinct ones of numbers from 0 to `end - 1`, and how often each occurs."""
    if end <= _MOST_CELLS_PER_ROW * len(numbers):  # an array of all is small, and faster than to look each one up
        occurrences = np.bincount(numbers)
        distinct = np.flatnonzero(occurrences)
        return distinct, pa.array(occurrences[distinct])
    counted = pc.value_counts(pa.array(numbers))
    return counted.field("values").to_numpy(), counted.field("counts")


def _sum(table: pa.Table) -> pa.Table:
    """Add up the rows of counts that are alike in all other columns, and sort the sums by these, in their order."""
    codes, _ = _codes(table, [name for name in table.column_names if name != "rows"])
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    rows = np.zeros(len(first), np.int64)
    np.add.at(rows, place, table["rows"].to_numpy())
    summed = table.take(pa.array(first)).combine_chunks()
    return summed.set_column(summed.column_names.index("rows"), table.schema.field("rows"), pa.array(rows))


def _codes(
    table: pa.Table, names: list[str], others: pa.Table | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return a number for each row of `table`, and of `others`: equal and sorted as the named columns are.

    Nulls sort last.
    """
    both = pa.concat_tables([table.select(names), *([others.select(names)] if others is not None else [])])
    codes, cells = np.zeros(both.num_rows, np.int64), 1
    for name in names:
        key = both[name].combine_chunks().dictionary_encode(null_encoding="encode")
        order = pc.sort_indices(key.dictionary).to_numpy()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        if cells * max(len(order), 1) > _MOST_CODES:
            distinct, codes = np.unique(codes, return_inverse=True)
            cells = len(distinct)
        codes = codes * len(order) + rank[key.indices.to_numpy()]
        cells *= max(len(order), 1)
    return codes[: table.num_rows], codes[table.num_rows :]

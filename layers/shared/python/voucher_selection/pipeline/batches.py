"""The rows of a history file in batches: read ahead, in fixed memory, without row groups of other countries."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.adapters.parquet.columns import Opener, RowGroups, read_columns
from voucher_selection.adapters.parquet.damage import naming_file
from voucher_selection.adapters.parquet.footers import chunk_indices
from voucher_selection.domain.countries import may_lie_between
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.rules import rows_of

# Every assignment has its own `timestamp`: reading it takes as long as reading the other columns together. So it has a
# thread of its own, and the others share one. These have few distinct values; each text among them is parsed once.
_UNIQUE = ["timestamp"]
_REPEATED = [name for name in COLUMN_NAMES if name not in _UNIQUE]
# A smaller row group is read with its neighbours: looking whether it can be left out costs more than it saves.
_FEW_ROWS = 1000


class Batch(NamedTuple):
    """Rows of a history (columns of `history.COLUMNS`), and the index in the file of the first of them."""

    rows: pa.RecordBatch
    first_row: int


def read_batches(
    open_file: Opener, metadata: pq.FileMetaData, row_groups: RowGroups, batch_rows: int
) -> Iterator[Batch]:
    """Yield the rows of the row groups, in their order.

    The memory needed depends on `batch_rows`, the most of a batch, alone: a column chunk passes through a window,
    however large its row group is. A batch spans several row groups only if they are small. Each thread that reads
    calls `open_file`.
    """
    unique_columns = read_columns(open_file, metadata, row_groups, batch_rows, _UNIQUE)
    repeated_columns = read_columns(open_file, metadata, row_groups, batch_rows, _REPEATED, _REPEATED)
    first_row = row_groups.first_row
    for unique, repeated in _aligned(read_ahead(unique_columns), read_ahead(repeated_columns)):
        rows = pa.record_batch(
            [*unique.columns, *repeated.columns], names=[*unique.schema.names, *repeated.schema.names]
        )
        yield Batch(rows, first_row)
        first_row += rows.num_rows


def read_parts[Item](shard: Shard, read: Callable[[ShardPart], Iterator[Item]]) -> Iterator[tuple[ShardPart, Item]]:
    """Read each part of a shard, and yield every item with its part; `naming_file` names a damaged file's source."""
    for part in shard.parts:
        with naming_file(part.source or part.key):
            for item in read(part):
                yield part, item


def row_groups_of(
    metadata: pq.FileMetaData, row_groups: RowGroups, countries: Collection[str]
) -> tuple[list[RowGroups], int]:
    """Leave out row groups whose statistics show that no row is of the countries.

    Return the remaining row groups, each run of neighbours as one, and how many rows were left out.
    """
    if "country_code" in row_groups.path_values:
        return _of_one_country(metadata, row_groups, countries)
    (country_code,) = chunk_indices(metadata, ["country_code"]).values()
    runs: list[RowGroups] = []
    first_row, left_out = row_groups.first_row, 0
    for index in range(row_groups.first, row_groups.end):
        rows = metadata.row_group(index).num_rows
        if rows >= _FEW_ROWS and not _may_hold(metadata.row_group(index).column(country_code), countries):
            left_out += rows
        elif runs and runs[-1].end == index:
            runs[-1] = runs[-1]._replace(end=index + 1)
        else:
            runs.append(row_groups._replace(first=index, end=index + 1, first_row=first_row))
        first_row += rows
    return runs, left_out


def _of_one_country(
    metadata: pq.FileMetaData, row_groups: RowGroups, countries: Collection[str]
) -> tuple[list[RowGroups], int]:
    country = pa.array([row_groups.path_values["country_code"]], pa.string())
    if len(rows_of(country, countries)[0]):
        return [row_groups], 0
    return [], sum(metadata.row_group(index).num_rows for index in range(row_groups.first, row_groups.end))


def read_ahead[Item](items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; while the caller uses one, a thread makes the next."""
    with ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(next, items, None)
            yield item


def _may_hold(country_code: pq.ColumnChunkMetaData, countries: Collection[str]) -> bool:
    statistics = country_code.statistics
    if statistics is None or not statistics.has_min_max:
        return True
    try:
        least, most = statistics.min, statistics.max
    except UnicodeDecodeError:  # a bound may be cut in the middle of a character
        return True
    return not isinstance(least, str) or may_lie_between(least, most, countries)


def _aligned(
    left: Iterable[pa.RecordBatch], right: Iterable[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the same rows of both sides: a column chunk with a new dictionary ends a batch early, on its side only."""
    lefts, rights = iter(left), iter(right)
    ours, theirs = next(lefts, None), next(rights, None)
    while ours is not None and theirs is not None:
        rows = min(ours.num_rows, theirs.num_rows)
        yield ours.slice(0, rows), theirs.slice(0, rows)
        ours = ours.slice(rows) if rows < ours.num_rows else next(lefts, None)
        theirs = theirs.slice(rows) if rows < theirs.num_rows else next(rights, None)

"""The rows of a history file in batches: read ahead, in fixed memory, and without row groups of no interest."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedIOBase, RawIOBase
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.history import COLUMN_NAMES

# Every assignment has its own `timestamp`: to read it takes as long as to read the other columns, so it has a thread
# and they have one. The others have few distinct values; text among them is parsed once per value.
_UNIQUE = ["timestamp"]
_REPEATED = [name for name in COLUMN_NAMES if name not in _UNIQUE]
# Of a column chunk, this much is in memory at a time, and this much is asked of a remote file in one read.
READ_BYTES = 4 * 1024 * 1024

# Opens a file for reading at any place, or returns its path.
type Opener = Callable[[], str | RawIOBase | BufferedIOBase]


class Batch(NamedTuple):
    """Rows of a history (columns of `history.COLUMNS`), and the index in the file of the first of them."""

    rows: pa.RecordBatch
    first_row: int


class RowGroups(NamedTuple):
    """Consecutive row groups: those from `first` up to, not including, `end`; `first_row` is an index in the file."""

    first: int
    end: int
    first_row: int


def read_batches(
    open_file: Opener, metadata: pq.FileMetaData, row_groups: RowGroups, batch_rows: int
) -> Iterator[Batch]:
    """Yield the rows of the row groups, at most `batch_rows` at a time, in their order.

    No batch spans row groups: they differ in their dictionaries. Memory follows from `batch_rows`: a column chunk
    passes through a window, however large its row group is.

    Parameters
    ----------
    open_file
        Opens the file, or returns its path; called once for each thread that reads.
    metadata
        The file's footer.
    """

    def columns(names: list[str]) -> Iterator[pa.RecordBatch]:
        # Buffered and not pre-buffered: see above.
        file = pq.ParquetFile(open_file(), metadata=metadata, read_dictionary=_REPEATED, buffer_size=READ_BYTES)
        for row_group in range(row_groups.first, row_groups.end):
            yield from file.iter_batches(batch_rows, [row_group], columns=names, use_threads=False)

    first_row = row_groups.first_row
    for unique, repeated in _aligned(read_ahead(columns(_UNIQUE)), read_ahead(columns(_REPEATED))):
        rows = pa.record_batch(
            [*unique.columns, *repeated.columns], names=[*unique.schema.names, *repeated.schema.names]
        )
        yield Batch(rows, first_row)
        first_row += rows.num_rows


def row_groups_of(
    metadata: pq.FileMetaData, row_groups: RowGroups, countries: Collection[str]
) -> tuple[list[RowGroups], int]:
    """Leave out row groups whose statistics say that no row is of the countries.

    Returns
    -------
    Runs of the row groups that are left, and how many rows are left out.
    """
    runs: list[RowGroups] = []
    first_row, left_out = row_groups.first_row, 0
    for index in range(row_groups.first, row_groups.end):
        rows = metadata.row_group(index).num_rows
        if not _may_hold(metadata.row_group(index), countries):
            left_out += rows
        elif runs and runs[-1].end == index:
            runs[-1] = runs[-1]._replace(end=index + 1)
        else:
            runs.append(RowGroups(index, index + 1, first_row))
        first_row += rows
    return runs, left_out


def read_ahead[Item](items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; while one is in use, a thread makes the next."""
    with ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(next, items, None)
            yield item


def _may_hold(row_group: pq.RowGroupMetaData, countries: Collection[str]) -> bool:
    chunks = (row_group.column(index) for index in range(row_group.num_columns))
    statistics = next((chunk.statistics for chunk in chunks if chunk.path_in_schema == "country_code"), None)
    if statistics is None or not statistics.has_min_max or not isinstance(statistics.min, str):
        return True
    return any(statistics.min <= country <= statistics.max for country in countries)


def _aligned(
    left: Iterable[pa.RecordBatch], right: Iterable[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the same rows of both; a new dictionary in a column chunk ends a batch early, on its own side only."""
    lefts, rights = iter(left), iter(right)
    ours, theirs = next(lefts, None), next(rights, None)
    while ours is not None and theirs is not None:
        rows = min(ours.num_rows, theirs.num_rows)
        yield ours.slice(0, rows), theirs.slice(0, rows)
        ours = ours.slice(rows) if rows < ours.num_rows else next(lefts, None)
        theirs = theirs.slice(rows) if rows < theirs.num_rows else next(rights, None)

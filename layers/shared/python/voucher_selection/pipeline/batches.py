"""The rows of a history file in batches: read ahead, in fixed memory, and without row groups of no interest."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedIOBase, RawIOBase
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selection.adapters.damage import named_damage
from voucher_selection.adapters.footers import chunk_indices
from voucher_selection.domain.countries import may_lie_between
from voucher_selection.domain.history import COLUMN_NAMES, is_text
from voucher_selection.domain.runs import Shard, ShardPart

# Every assignment has its own `timestamp`: to read it takes as long as to read the other columns, so it has a thread
# and they have one. The others have few distinct values; text among them is parsed once per value.
_UNIQUE = ["timestamp"]
_REPEATED = [name for name in COLUMN_NAMES if name not in _UNIQUE]
# Of a column chunk, this much is in memory at a time, and this much is asked of a remote file in one read.
READ_BYTES = 4 * 1024 * 1024
# What the values of a batch may take, 1 KiB for each of 131,072 rows: a small file can hold a long text for each.
_MOST_BYTES = 128 * 1024 * 1024

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

    unique_columns = read_columns(open_file, metadata, row_groups, batch_rows, _UNIQUE)
    repeated_columns = read_columns(open_file, metadata, row_groups, batch_rows, _REPEATED, _REPEATED)
    first_row = row_groups.first_row
    for unique, repeated in _aligned(read_ahead(unique_columns), read_ahead(repeated_columns)):
        rows = pa.record_batch(
            [*unique.columns, *repeated.columns], names=[*unique.schema.names, *repeated.schema.names]
        )
        yield Batch(rows, first_row)
        first_row += rows.num_rows


def read_columns(
    open_file: Opener,
    metadata: pq.FileMetaData,
    row_groups: RowGroups,
    batch_rows: int,
    columns: list[str],
    repeated: Collection[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of the row groups, at most `batch_rows` rows at a time; no batch spans row groups.

    Parameters
    ----------
    repeated
        Those of the columns to read dictionary-encoded, if they are text.

    Raises
    ------
    ArrowException, OSError
        A page is damaged, its values are none of its type, or there are other rows than the footer says.
    """
    file = pq.ParquetFile(
        open_file(),
        metadata=metadata,
        read_dictionary=list(repeated),
        buffer_size=READ_BYTES,  # and not pre-buffered: a column chunk passes through a window
        page_checksum_verification=True,
    )
    for row_group in range(row_groups.first, row_groups.end):
        expected, rows = metadata.row_group(row_group).num_rows, 0
        for batch in file.iter_batches(batch_rows, [row_group], columns=columns, use_threads=False):
            rows += batch.num_rows
            if rows > expected:
                break
            _check(batch)
            yield batch
        if rows != expected:
            raise pa.ArrowInvalid(f"row group {row_group} has other rows than the {expected:,} that its footer says")


def read_parts[Item](shard: Shard, read: Callable[[ShardPart], Iterator[Item]]) -> Iterator[tuple[ShardPart, Item]]:
    """Yield what is read of each part of a shard, with the part.

    Raises
    ------
    NotParquet
        A part's file is damaged.
    """
    for part in shard.parts:
        with named_damage(part.key):
            for item in read(part):
                yield part, item


def row_groups_of(
    metadata: pq.FileMetaData, row_groups: RowGroups, countries: Collection[str]
) -> tuple[list[RowGroups], int]:
    """Leave out row groups whose statistics say that no row is of the countries.

    Returns
    -------
    Runs of the row groups that are left, and how many rows are left out.
    """
    (country_code,) = chunk_indices(metadata, ["country_code"]).values()
    runs: list[RowGroups] = []
    first_row, left_out = row_groups.first_row, 0
    for index in range(row_groups.first, row_groups.end):
        rows = metadata.row_group(index).num_rows
        if not _may_hold(metadata.row_group(index).column(country_code), countries):
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


def _may_hold(country_code: pq.ColumnChunkMetaData, countries: Collection[str]) -> bool:
    statistics = country_code.statistics
    if statistics is None or not statistics.has_min_max:
        return True
    try:
        least, most = statistics.min, statistics.max
    except UnicodeDecodeError:  # a bound may be cut in the middle of a character
        return True
    return not isinstance(least, str) or may_lie_between(least, most, countries)


def _check(rows: pa.RecordBatch) -> None:
    """Refuse what the reader leaves unchecked: codes beyond a dictionary, text that is not UTF-8, or far too much."""
    rows.validate(full=True)
    size = sum(map(_size, rows.columns))
    if size > _MOST_BYTES:
        raise pa.ArrowInvalid(f"{rows.num_rows:,} rows have {size:,} bytes of values, expected at most {_MOST_BYTES:,}")


def _size(column: pa.Array) -> int:
    """Return how many bytes the column takes without its dictionary."""
    if not pa.types.is_dictionary(column.type) or not is_text(column.type.value_type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary)
    if len(column) * (pc.max(lengths).as_py() or 0) <= _MOST_BYTES:  # the usual case: no need to look at the rows
        return 0
    return int(pc.sum(pc.cast(lengths, pa.int64()).take(column.indices)).as_py() or 0)


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

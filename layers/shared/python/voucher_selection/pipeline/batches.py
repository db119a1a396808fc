"""The rows of a history file in batches: read ahead, in fixed memory, and without row groups of no interest."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BufferedIOBase, RawIOBase
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selection.adapters.damage import named_damage
from voucher_selection.adapters.footers import chunk_indices
from voucher_selection.domain.countries import may_lie_between
from voucher_selection.domain.history import COLUMN_NAMES, is_bytes, is_text, text_of_bytes, value_type
from voucher_selection.domain.hive_partitions import NO_PATH_VALUES, PathValues
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.rules import rows_of

# Every assignment has its own `timestamp`: to read it takes as long as to read the other columns, so it has a thread
# and they have one. The others have few distinct values; text among them is parsed once per value.
_UNIQUE = ["timestamp"]
_REPEATED = [name for name in COLUMN_NAMES if name not in _UNIQUE]
# Of a column chunk, this much is in memory at a time, and this much is asked of a remote file in one read.
READ_BYTES = 4 * 1024 * 1024
# In nanoseconds, Arrow's default, 9999-12-31 is a day of 1816.
INT96_UNIT = "us"
# What the values of a batch may take, 1 KiB for each of 131,072 rows: a small file can hold a long text for each.
_MOST_BYTES = 128 * 1024 * 1024

# Of row groups that are read together, so many of the last rows are read again and compared.
_COMPARED_ROWS = 16
# A row group of fewer rows is not worth looking whether it can be left out: it is read with those beside it.
_FEW_ROWS = 1000

# Opens a file for reading at any place, or returns its path.
type Opener = Callable[[], str | RawIOBase | BufferedIOBase]


class Batch(NamedTuple):
    """Rows of a history (columns of `history.COLUMNS`), and the index in the file of the first of them."""

    rows: pa.RecordBatch
    first_row: int


class RowGroups(NamedTuple):
    """Consecutive row groups: those from `first` up to, not including, `end`; `first_row` is an index in the file.

    `path_values` are the columns that the file has not and its path has.
    """

    first: int
    end: int
    first_row: int
    path_values: PathValues = NO_PATH_VALUES

    @classmethod
    def of(cls, part: ShardPart) -> Self:
        """Return the row groups of a part of a shard."""
        return cls(part.first_row_group, part.end_row_group, part.first_row, part.path_values)


def read_batches(
    open_file: Opener, metadata: pq.FileMetaData, row_groups: RowGroups, batch_rows: int
) -> Iterator[Batch]:
    """Yield the rows of the row groups, at most `batch_rows` at a time, in their order.

    Memory follows from `batch_rows`: a column chunk passes through a window, however large its row group is. A batch
    spans row groups only where they are small.

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
    """Yield some columns of the row groups, at most `batch_rows` rows at a time; text as strings, however it is stored.

    Large row groups are read one by one, since they differ in their dictionaries; of small ones as many at once as fit
    into a batch: to begin with each takes longer than to read it.

    Parameters
    ----------
    columns
        Those that the file has not and its path has are the same in every row.
    repeated
        Those of the columns to read dictionary-encoded, if they are text.

    Raises
    ------
    ArrowException, OSError
        A page is damaged, its values are none of its type, or there are other rows than the footer says.
    """
    stored = [name for name in columns if name not in row_groups.path_values]
    one_by_one = cache(
        lambda: pq.ParquetFile(
            open_file(),
            metadata=metadata,
            read_dictionary=[name for name in stored if name in repeated],
            buffer_size=READ_BYTES,  # and not pre-buffered: a column chunk passes through a window
            page_checksum_verification=True,
            coerce_int96_timestamp_unit=INT96_UNIT,
        )
    )
    # Pre-buffered, so that a remote file is asked once for what lies side by side.
    together = cache(
        lambda: pq.ParquetFile(
            open_file(),
            metadata=metadata,
            pre_buffer=True,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit=INT96_UNIT,
        )
    )
    for some in _read_at_once(metadata, row_groups, stored, batch_rows):
        found = (
            one_by_one().iter_batches(batch_rows, list(some), columns=stored, use_threads=False)
            if len(some) == 1
            else _of_small(together(), some, stored)
        )
        expected, rows = sum(metadata.row_group(number).num_rows for number in some), 0
        for batch in found:
            rows += batch.num_rows
            yield _with_path_values(_checked(batch), row_groups.path_values, columns)
        if rows != expected:
            numbers = f"row group {some[0]} has" if len(some) == 1 else f"row groups {some[0]} to {some[-1]} have"
            raise pa.ArrowInvalid(f"{numbers} other rows than the {expected:,} that the footer says")


def read_parts[Item](shard: Shard, read: Callable[[ShardPart], Iterator[Item]]) -> Iterator[tuple[ShardPart, Item]]:
    """Yield what is read of each part of a shard, with the part.

    Raises
    ------
    NotParquet
        A part's file is damaged.
    """
    for part in shard.parts:
        with named_damage(part.source or part.key):
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


def _read_at_once(
    metadata: pq.FileMetaData, row_groups: RowGroups, columns: list[str], batch_rows: int
) -> Iterator[range]:
    """Split row groups into those that are read at once: one, or several whose rows and values fit into a batch.

    Without its dictionary a text may take its bytes again in every row, so that is what counts.
    """
    chunks = chunk_indices(metadata, columns).values()
    first, rows, size = row_groups.first, 0, 0
    for number in range(row_groups.first, row_groups.end):
        row_group = metadata.row_group(number)
        stored = (row_group.column(chunk) for chunk in chunks)
        own = row_group.num_rows * sum(max(it.total_uncompressed_size, it.total_compressed_size) for it in stored)
        rows, size = rows + row_group.num_rows, size + own
        if number > first and (rows > batch_rows or size > _MOST_BYTES or not chunks):
            yield range(first, number)
            first, rows, size = number, row_group.num_rows, own
    if first < row_groups.end:
        yield range(first, row_groups.end)


def _of_small(file: pq.ParquetFile, row_groups: range, columns: list[str]) -> list[pa.RecordBatch]:
    """Return the rows of small row groups, in one batch."""
    rows = file.read_row_groups(list(row_groups), columns=columns, use_threads=False)
    _check_last_rows(rows, file, row_groups, columns)
    batches: list[pa.RecordBatch] = rows.unify_dictionaries().combine_chunks().to_batches()
    return batches


def _check_last_rows(rows: pa.Table, file: pq.ParquetFile, row_groups: range, columns: list[str]) -> None:
    """Read the last rows by themselves, too: with a value too many in a chunk, all that follow would be others."""
    last, counted = row_groups.stop, 0
    while last > row_groups.start and counted < _COMPARED_ROWS:
        last -= 1
        counted += file.metadata.row_group(last).num_rows
    alone = [file.read_row_group(number, columns=columns, use_threads=False) for number in range(last, row_groups.stop)]
    found, expected = (
        table.slice(max(0, table.num_rows - _COMPARED_ROWS)).to_pylist()[-counted:]
        for table in (rows, pa.concat_tables(alone))
    )
    if repr(found) != repr(expected):  # NaN is not equal to itself
        raise pa.ArrowInvalid(f"row groups {row_groups.start} to {row_groups.stop - 1} have values too many")


def _with_path_values(rows: pa.RecordBatch, path_values: PathValues, columns: list[str]) -> pa.RecordBatch:
    for name in (name for name in columns if name in path_values):
        value = path_values[name]
        index = pa.scalar(None if value is None else 0, pa.int32())
        values = pa.DictionaryArray.from_arrays(pa.repeat(index, rows.num_rows), pa.array([value], pa.string()))
        rows = rows.append_column(name, values)
    return rows


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


def _checked(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Refuse what the reader leaves unchecked: codes beyond a dictionary, text that is not UTF-8, or far too much."""
    rows.validate(full=True)
    for place, column in enumerate(rows.columns):
        if is_bytes(value_type(column.type)):
            rows = rows.set_column(place, rows.schema.names[place], text_of_bytes(column))
    size = sum(map(_size, rows.columns))
    if size > _MOST_BYTES:
        raise pa.ArrowInvalid(f"{rows.num_rows:,} rows have {size:,} bytes of values, expected at most {_MOST_BYTES:,}")
    return rows


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

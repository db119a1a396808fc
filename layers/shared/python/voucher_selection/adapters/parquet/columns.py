"""Some columns of a parquet file's row groups: read in fixed memory, whatever the size of the file, and checked."""

from collections.abc import Callable, Collection, Iterator
from functools import cache, partial
from io import BufferedIOBase, RawIOBase
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selection.adapters.parquet.footers import chunk_indices
from voucher_selection.domain.history import is_bytes, is_text, text_of_bytes, value_type
from voucher_selection.domain.hive_partitions import NO_PATH_VALUES, PathValues
from voucher_selection.domain.plans import ShardPart

# A column chunk up to this size is in memory whole. A longer one passes through a window of this size.
_READ_BYTES = 4 * 1024 * 1024
# In nanoseconds, Arrow's default, 9999-12-31 is a day of 1816.
_INT96_UNIT = "us"
# The values of a batch may take this much: 1 KiB for each of 131,072 rows. A small file can hold a long text for each.
_MOST_BYTES = 128 * 1024 * 1024
# Of row groups that are read together, so many of the last rows are read again and compared.
_COMPARED_ROWS = 16

# Opens a file for reading at any place, or returns its path.
type Opener = Callable[[], str | RawIOBase | BufferedIOBase]


class RowGroups(NamedTuple):
    """Consecutive row groups of one file, from `first` to the one before `end`.

    `first_row` is the index in the file of their first row; `path_values` are the columns that only its path has.
    """

    first: int
    end: int
    first_row: int
    path_values: PathValues = NO_PATH_VALUES

    @classmethod
    def of(cls, part: ShardPart) -> Self:
        """Return the row groups of a part of a shard."""
        return cls(part.first_row_group, part.end_row_group, part.first_row, part.path_values)


def read_columns(
    open_file: Opener,
    metadata: pq.FileMetaData,
    row_groups: RowGroups,
    batch_rows: int,
    columns: list[str],
    repeated: Collection[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of the row groups; text comes as strings, however the file stores it.

    Large row groups are read one by one, because each has dictionaries of its own. Small ones are read together, as
    many as fit into a batch: to begin a row group takes longer than to read it.

    Parameters
    ----------
    open_file
        It is called at most three times.
    columns
        The columns to read. A column that only the path has is the same in every row.
    repeated
        The columns to read dictionary-encoded, if they are text.

    Raises
    ------
    ArrowException, OSError
        A page is damaged, a value does not fit its column's type, or the number of rows differs from the footer.
    """
    stored = [name for name in columns if name not in row_groups.path_values]
    checked = {"page_checksum_verification": True, "coerce_int96_timestamp_unit": _INT96_UNIT}
    # Not pre-buffered, which is pyarrow's default: every chunk would be in memory whole.
    opened = partial(pq.ParquetFile, metadata=metadata, pre_buffer=False, **checked)
    dictionaries = [name for name in stored if name in repeated]
    one_by_one = cache(lambda window: opened(open_file(), read_dictionary=dictionaries, buffer_size=window))
    together = cache(lambda: opened(open_file()))
    for some in _read_at_once(metadata, row_groups, stored, batch_rows):
        if len(some) == 1:
            file = one_by_one(_window(metadata, some[0], stored))
            found = file.iter_batches(batch_rows, list(some), columns=stored, use_threads=False)
        else:
            found = _of_small(together(), some, stored)
        expected, rows = sum(metadata.row_group(number).num_rows for number in some), 0
        for batch in found:
            rows += batch.num_rows
            yield _with_path_values(_checked(batch), row_groups.path_values, columns)
        if rows != expected:
            numbers = f"row group {some[0]} has" if len(some) == 1 else f"row groups {some[0]} to {some[-1]} have"
            raise pa.ArrowInvalid(f"{numbers} other rows than the {expected:,} that the footer says")


def _window(metadata: pq.FileMetaData, number: int, columns: list[str]) -> int:
    """Return the size in bytes of the window that a row group's chunks pass through; 0: each is read whole."""
    chunks = (metadata.row_group(number).column(chunk) for chunk in chunk_indices(metadata, columns).values())
    longest = max((chunk.total_compressed_size for chunk in chunks), default=0)
    return _READ_BYTES if longest > _READ_BYTES else 0


def _read_at_once(
    metadata: pq.FileMetaData, row_groups: RowGroups, columns: list[str], batch_rows: int
) -> Iterator[range]:
    """Yield the row groups to read together: one, or several whose rows and values fit into a batch.

    The size of a text counts once for every row: without its dictionary, a batch may hold it that often.
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
    """Read the last rows alone, too, and compare: one value too many in a chunk would shift all rows after it."""
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


def _checked(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Refuse what the reader does not check: codes beyond a dictionary, text that is not UTF-8, far too many bytes."""
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

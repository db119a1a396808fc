"""Footers: how a parquet file describes itself. Read without the pages, and trusted only if free of contradictions."""

from collections.abc import Callable, Collection, Iterable, Iterator
from traceback import clear_frames
from typing import NamedTuple, override

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.parquet.damage import naming_file
from voucher_selection.adapters.seekable import SeekableFile
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.domain.errors import EmptySource
from voucher_selection.domain.hive_partitions import PathValues
from voucher_selection.domain.plans import SourceFile
from voucher_selection.domain.shards import RowGroup
from voucher_selection.domain.text_formats import Hint, TextFormat


class Footer(NamedTuple):
    """A landed file as its footer describes it; `schema` also has, as text, the columns that only its path has.

    `text` is what was recognised of a text file, whose rows were written to parquet files with these row groups.
    """

    file: SourceFile
    row_groups: list[RowGroup]
    schema: pa.Schema
    text: TextFormat | None = None
    hints: tuple[Hint, ...] = ()


class FileKind(NamedTuple):
    """A kind of source, a history or customers: which columns to read, and what raises if a schema is wrong.

    `check` gets the schema, the file's source, and the columns that only its path has.
    """

    check: Callable[[pa.Schema, str, Collection[str]], None]
    columns: list[str]

    def in_path(self, landed: LandedFile, of_file: Collection[str]) -> PathValues:
        """Return the columns of the kind that a file's path has and the file itself has not."""
        return {
            name: value for name, value in landed.path_values.items() if name in self.columns and name not in of_file
        }


def read_footer(lake: Lake, landed: LandedFile, kind: FileKind) -> Footer:
    """Read a landed file's footer, and nothing else of it.

    Raises
    ------
    EmptySource
        The file has no bytes.
    NotParquet
        The footer cannot be read, or contradicts itself.
    WrongSchema
        The columns are not those of this kind of source.
    SourceChanged, LakeUnavailable, LakeRefused
        The copy was replaced or removed after landing, or S3 does not deliver it.
    """
    file = lake.open(landed.key, landed.etag, landed.size, landed.source)
    if not file.size:
        raise EmptySource(f"{landed.source} is empty: 0 bytes")
    with naming_file(landed.source):
        metadata = pq.read_metadata(file)
        schema = metadata.schema.to_arrow_schema()
        in_path = kind.in_path(landed, schema.names)
        kind.check(schema, landed.source, in_path)
        columns = [name for name in kind.columns if name in schema.names]
        check_footer(metadata, file.size, columns)
        of_file = RowGroup(landed.key, file.etag, 0, 0, 0, 0, file.size, landed.source, in_path)
        row_groups = list(row_groups_of(of_file, metadata, columns))
    source_file = SourceFile(
        key=landed.key, source=landed.source, identity=landed.identity, size=file.size, rows=metadata.num_rows
    )
    return Footer(source_file, row_groups, with_path_columns(schema, in_path))


def with_path_columns(schema: pa.Schema, in_path: Iterable[str]) -> pa.Schema:
    """Return a schema that also has, as text, the columns that only the file's path has."""
    for name in in_path:
        schema = schema.append(pa.field(name, pa.string()))
    return schema


def check_footer(metadata: pq.FileMetaData, size: int, columns: list[str]) -> None:
    """Check what the footer of a file of `size` bytes says of columns without nesting, before anything else asks.

    Raises
    ------
    ArrowException, OSError
        The numbers of rows contradict each other, or a chunk's description cannot be read.
    """
    chunks = chunk_indices(metadata, columns)
    for index in range(metadata.num_row_groups):
        if (found := metadata.row_group(index).num_columns) != metadata.num_columns:
            raise pa.ArrowInvalid(f"row group {index} has {found} columns, the schema {metadata.num_columns}")
    _check_chunks(metadata, size, columns)
    for index in range(metadata.num_row_groups):
        row_group = metadata.row_group(index)
        rows = {row_group.num_rows, *(row_group.column(chunk).num_values for chunk in chunks.values())}
        if len(rows) > 1 or min(rows) < 0:
            raise pa.ArrowInvalid(f"row group {index} has {row_group.num_rows} rows, its columns {sorted(rows)}")
    summed = sum(metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))
    if summed != metadata.num_rows:
        raise pa.ArrowInvalid(f"the file has {metadata.num_rows} rows, its row groups {summed}")


def chunk_indices(metadata: pq.FileMetaData, columns: list[str]) -> dict[str, int]:
    """Return the index, in every row group, of the chunks of columns without nesting."""
    paths = (metadata.schema.column(index).path for index in range(metadata.num_columns))
    return {path: index for index, path in enumerate(paths) if path in columns}


def _check_chunks(metadata: pq.FileMetaData, size: int, columns: list[str]) -> None:
    """Have a reader locate the columns' chunks in all row groups, and stop it before it reads a page.

    For an impossible description of a chunk, `RowGroupMetaData.column` ends the process; a reader raises an error.
    """
    file = pq.ParquetFile(_FooterOnly(size), metadata=metadata, pre_buffer=True)
    try:
        next(file.iter_batches(1, columns=columns, use_threads=False), None)
    except _FooterEnds as end:
        # Arrow keeps the error, the error its frames, and these the reader: the footer would stay in memory for good.
        clear_frames(end.__traceback__)
    finally:
        del file


class _FooterEnds(Exception):
    """The reader asked for a page: it has read the whole footer."""


class _FooterOnly(SeekableFile):
    """A file whose footer was read, and whose pages cannot be read; chunks must lie within its size."""

    @override
    def fetch(self, start: int, end: int) -> bytes:
        raise _FooterEnds


def row_groups_of(of_file: RowGroup, metadata: pq.FileMetaData, columns: list[str]) -> Iterator[RowGroup]:
    """Yield the row groups of a footer; the first of them begins with the `first_row` of `of_file`."""
    chunks = chunk_indices(metadata, columns).values()
    first_row = of_file.first_row
    for index in range(metadata.num_row_groups):
        row_group = metadata.row_group(index)
        size = sum(row_group.column(chunk).total_compressed_size for chunk in chunks)
        yield of_file._replace(number=index, first_row=first_row, rows=row_group.num_rows, size=size)
        first_row += row_group.num_rows

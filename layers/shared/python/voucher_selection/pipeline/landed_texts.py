"""Landed CSV files and JSON lines: their rows are written to parquet, which all later steps read."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from operator import attrgetter
from typing import BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.parquet.footers import FileKind, Footer, read_footer, row_groups_of, with_path_columns
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.adapters.text.looking import Look, look
from voucher_selection.adapters.text.reading import TextFile, read_text
from voucher_selection.adapters.text.streams import Budget
from voucher_selection.contract.limits import MOST_TEXT_BYTES
from voucher_selection.domain.errors import EmptySource, NotParquet, UnreadableText
from voucher_selection.domain.folder_contents import is_named_parquet
from voucher_selection.domain.plans import SourceFile, UnusableSource
from voucher_selection.domain.shards import RowGroup
from voucher_selection.domain.text_formats import CsvOptions
from voucher_selection.pipeline.batches import read_ahead
from voucher_selection.pipeline.unusable_files import Trial

# What stays in memory: rows until they are a row group, and row groups until they are a file.
_GROUP_ROWS = 131_072
_GROUP_BYTES = 16 * 1024 * 1024
_PART_BYTES = 16 * 1024 * 1024


# Files up to this size are read several at a time, because S3's latency is most of their time.
_SMALL_BYTES = 4 * 1024 * 1024
_SMALL_AT_ONCE = 4


class SeenText(NamedTuple):
    """A landed text file, with its size and ETag, and what its beginning shows."""

    landed: LandedFile
    seen: Look

    @property
    def size(self) -> int:
        """The size of the landed file in bytes."""
        return self.landed.size or 0


def look_at_landed(lake: Lake, landed: LandedFile, kind: FileKind, options: CsvOptions) -> Footer | SeenText:
    """Read a landed file's footer if it is parquet, or look at the beginning of a text file and check its columns.

    What a file is named decides only what is tried first, and what is said of a file that is neither.

    Raises
    ------
    VoucherSelectionError
        As `read_footer` and `look`; `EmptySource` of a text file, too.
    """
    found = _found(lake, landed, kind, options)
    if isinstance(found, SeenText):
        columns = found.seen.columns
        kind.check(found.seen.schema, landed.source, kind.in_path(landed, columns))
    return found


def _found(lake: Lake, landed: LandedFile, kind: FileKind, options: CsvOptions) -> Footer | SeenText:
    if not is_named_parquet(landed.key):
        return _look(lake, landed, kind, options) or read_footer(lake, landed, kind)
    try:
        return read_footer(lake, landed, kind)
    except NotParquet:
        with suppress(UnreadableText):
            found = _look(lake, landed, kind, options)
            if found and not {*kind.columns}.isdisjoint(found.seen.columns):
                return found
        raise


def _look(lake: Lake, landed: LandedFile, kind: FileKind, options: CsvOptions) -> SeenText | None:
    file = lake.open(landed.key, landed.etag, landed.size, landed.source)
    if not file.size:
        raise EmptySource(f"{landed.source} is empty: 0 bytes")
    seen = look(cast("BinaryIO", file), landed.source, kind.columns, options)
    return seen and SeenText(landed._replace(size=file.size, etag=file.etag), seen)


def read_landed_texts(
    lake: Lake,
    keys: RunKeys,
    texts: Sequence[SeenText],
    kind: FileKind,
    options: CsvOptions,
    trial: Trial,
) -> list[Footer | UnusableSource]:
    """Read all text files of a run, as `read_landed_text` does, in memory that depends neither on sizes nor numbers."""
    budget = Budget(MOST_TEXT_BYTES)
    plain = [text for text in texts if text.seen.recognised.compression is None]
    budget.check(sum(text.size for text in plain), max(plain, key=attrgetter("size")).landed.source if plain else "")

    def read(text: SeenText) -> Footer | UnusableSource:
        return trial.of(text.landed, lambda: read_landed_text(lake, keys, text, kind, options, budget))

    with ThreadPoolExecutor(_SMALL_AT_ONCE) as pool:
        small = dict(pool.map(lambda text: (text.landed.key, read(text)), [t for t in texts if t.size <= _SMALL_BYTES]))
    return [small.get(text.landed.key) or read(text) for text in texts]


def read_landed_text(
    lake: Lake, keys: RunKeys, text: SeenText, kind: FileKind, options: CsvOptions, budget: Budget
) -> Footer:
    """Write a text file's rows to parquet, and return the footer that a parquet file of these rows would have.

    A repetition writes the same objects.

    Raises
    ------
    UnreadableText, TextTooLarge
        A line cannot be read, or the files are too large.
    SourceChanged, LakeUnavailable, LakeRefused
        As `read_footer`.
    """
    landed, seen = text
    file = lake.open(landed.key, landed.etag, landed.size, landed.source)
    in_path = kind.in_path(landed, seen.columns)
    opened = TextFile(cast("BinaryIO", file), landed.source, seen, kind.columns, options)
    parts = _Parts(lake, keys, RowGroup(landed.key, file.etag, 0, 0, 0, 0, file.size, landed.source, in_path), opened)
    row_groups, recognised = read_text(opened, budget, parts.write)
    rows = sum(row_group.rows for row_group in row_groups)
    of_source = SourceFile(key=landed.key, source=landed.source, identity=landed.identity, size=file.size, rows=rows)
    return Footer(of_source, row_groups, with_path_columns(seen.schema, in_path), recognised, seen.hints)


class _Parts:
    """The parquet files that the rows of one text file are written to."""

    def __init__(self, lake: Lake, keys: RunKeys, of_file: RowGroup, text: TextFile) -> None:
        self._lake = lake
        self._keys = keys
        self._of_file = of_file
        self._digest = sha256(of_file.key.encode()).hexdigest()[:32]
        self._columns = text.columns
        self._schema = pa.schema([(name, pa.string()) for name in self._columns])

    def write(self, batches: Iterator[pa.RecordBatch]) -> list[RowGroup]:
        """Write rows from the first part on, and return their row groups."""
        row_groups: list[RowGroup] = []
        tables = _grouped(read_ahead(batches), self._schema)
        first_row = number = 0
        while part := self._part(tables):
            written = list(self._written(part, number, first_row))
            row_groups += written
            first_row, number = written[-1].first_row + written[-1].rows, number + 1
        return row_groups

    def _part(self, tables: Iterator[pa.Table]) -> bytes | None:
        """Return the content of the next parquet file; None if there are no more rows."""
        buffer = pa.BufferOutputStream()
        first = next(tables, None)
        if first is None:
            return None
        with pq.ParquetWriter(buffer, self._schema, compression="zstd") as writer:
            writer.write_table(first)
            while buffer.tell() < _PART_BYTES and (table := next(tables, None)) is not None:
                writer.write_table(table)
        content: bytes = buffer.getvalue().to_pybytes()
        return content

    def _written(self, content: bytes, number: int, first_row: int) -> Iterator[RowGroup]:
        key = self._keys.text(self._digest, number)
        size, etag = self._lake.write_rows(key, content)
        of_part = self._of_file._replace(
            key=key, etag=etag, file_size=size, first_row=first_row, landed_key=self._of_file.key
        )
        metadata = pq.read_metadata(pa.BufferReader(content))
        yield from row_groups_of(of_part, metadata, self._columns)


def _grouped(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield rows in tables that become one row group each."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(waiting, schema)
            waiting, rows, size = [], 0, 0
    if rows:
        yield pa.Table.from_batches(waiting, schema)

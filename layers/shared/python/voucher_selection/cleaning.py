"""Clean: one shard, streamed in batches, into cleaned rows, rejected rows, counts and totals."""

import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selection.batches import Opener, RowGroups, read_ahead, read_parts
from voucher_selection.counting import CountedBatch, count_batches
from voucher_selection.counts import RunningCounts
from voucher_selection.lake import Lake
from voucher_selection.run_keys import RunKeys
from voucher_selection.runs import Shard, ShardPart, ShardTotals, Totals

# Arrow's own allocator keeps more than it needs: the system's takes a fifth less memory and, in a fresh process, time.
pa.set_memory_pool(pa.system_memory_pool())
# A file of at most this size is fetched whole.
_SMALL_FILE_BYTES = 4 * 1024 * 1024
# Rows of a row group that we write: what is in memory until it is written.
_ROW_GROUP_ROWS = 262_144


class _Batch(NamedTuple):
    counted: CountedBatch
    key: str


def clean_shard(lake: Lake, run_id: str, shard: Shard, countries: tuple[str, ...], batch_rows: int) -> ShardTotals:
    """Clean a shard and write what becomes of it; cleaning it again writes the same objects.

    Parameters
    ----------
    batch_rows
        How many rows are read at a time; the memory needed follows from it, not from the size of the shard.

    Raises
    ------
    NotParquet
        A page of a file cannot be read.
    SourceChanged, LakeUnavailable
        A file is not the one that was planned with, or cannot be fetched.
    """
    keys = RunKeys(run_id)
    counts, totals = RunningCounts(), Totals()
    with TemporaryDirectory(prefix="clean-") as folder:
        with RowFiles(Path(folder), "cleaned") as kept_files, RowFiles(Path(folder), "rejected") as rejected_files:
            for batch in read_ahead(_batches(lake, shard, countries, batch_rows)):
                kept_files.write(batch.counted.cleaned.kept)
                rejected_files.write(_traceable(batch))
                counts.add(batch.counted.counts)
                totals = Totals.sum([totals, batch.counted.totals])
        for file in kept_files.files:
            lake.upload(keys.cleaned(shard.number), file)
        for number, file in enumerate(rejected_files.files):
            lake.upload(keys.quarantine(shard.number, number), file)
    lake.write_counts(keys.counts(shard.number), counts.total())
    shard_totals = ShardTotals(shard=shard.number, **totals.model_dump())
    lake.write_json(keys.totals(shard.number), shard_totals)  # last: where they are, the shard is complete
    return shard_totals


def _batches(lake: Lake, shard: Shard, countries: tuple[str, ...], batch_rows: int) -> Iterator[_Batch]:
    def count(part: ShardPart) -> Iterator[CountedBatch]:
        row_groups = RowGroups(part.first_row_group, part.end_row_group, part.first_row)
        return count_batches(_opener(lake, part), row_groups, countries, batch_rows)

    for part, counted in read_parts(shard, count):
        yield _Batch(counted, part.key)


def _opener(lake: Lake, part: ShardPart) -> Opener:
    """Return what opens a part's file for each thread that reads; a small one is fetched once, in one request."""
    file = lake.open(part.key, part.etag)
    if file.size > _SMALL_FILE_BYTES:
        return lambda: lake.open(part.key, part.etag)
    content = file.read()
    return lambda: io.BytesIO(content)


def _traceable(batch: _Batch) -> pa.RecordBatch:
    """Add to rejected rows where they came from: `file` is the landed object's key, `row` the index in it, from 0."""
    rejected = batch.counted.cleaned.rejected
    row = pc.add(rejected["row"], batch.counted.first_row)
    position = rejected.schema.get_field_index("row")
    return rejected.set_column(position, "row", row).append_column("file", pa.repeat(batch.key, rejected.num_rows))


class RowFiles:
    """Parquet files on disk that rows are appended to; where the type of a column changes, another file begins.

    Parameters
    ----------
    folder, name
        The files are `<folder>/<name>-<n>.parquet`; `files` lists them. There is none before the first row.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.files: list[Path] = []
        self._folder = folder
        self._name = name
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows; they are on disk once a row group is full, or when the files are closed."""
        if not rows.num_rows:
            return
        rows = _decoded(rows)
        if self._writer is None or rows.schema != self._writer.schema:
            self._finish()
            self.files.append(self._folder / f"{self._name}-{len(self.files)}.parquet")
            self._writer = pq.ParquetWriter(self.files[-1], rows.schema, compression="zstd")
        self._waiting.append(rows)
        if sum(batch.num_rows for batch in self._waiting) >= _ROW_GROUP_ROWS:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()

    def _flush(self) -> None:
        if self._writer is not None and self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting))
        self._waiting = []

    def _finish(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _decoded(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionaries differ from batch to batch; a parquet file has its own."""
    columns = [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in rows.columns]
    return pa.record_batch(columns, names=rows.schema.names)

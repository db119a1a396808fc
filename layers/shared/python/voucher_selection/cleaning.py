"""Clean: one shard, streamed in batches, into cleaned rows, rejected rows, counts and totals."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selection.counts import Counts
from voucher_selection.errors import NotParquet
from voucher_selection.history import COLUMN_NAMES
from voucher_selection.lake import Lake, RunKeys
from voucher_selection.rejections import Rule
from voucher_selection.rules import Cleaned, clean
from voucher_selection.runs import Shard, ShardPart, ShardTotals, Totals

# Columns with few distinct values: parsed once per value. Every assignment has its own `timestamp`.
_DICTIONARY_COLUMNS = ["country_code", "last_order_ts", "first_order_ts", "total_orders"]
# Of a column chunk, this much is in memory at a time, and this much is asked of S3 in one request.
_READ_BYTES = 4 * 1024 * 1024
# Rows of a row group that we write: what is in memory until it is written.
_ROW_GROUP_ROWS = 262_144


class _Batch(NamedTuple):
    rows: pa.RecordBatch
    key: str
    first_row: int


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
    """
    keys = RunKeys(run_id)
    counts, totals = Counts.sum([]), Totals()
    with TemporaryDirectory(prefix="clean-") as folder:
        with RowFiles(Path(folder), "cleaned") as kept_files, RowFiles(Path(folder), "rejected") as rejected_files:
            for batch in _batches(lake, shard, batch_rows):
                cleaned = clean(batch.rows, countries)
                kept_files.write(cleaned.kept)
                rejected_files.write(_traceable(cleaned, batch))
                counts = Counts.sum([counts, Counts.of(cleaned.kept)])
                totals = Totals.sum([totals, _totals_of(cleaned, batch)])
        for file in kept_files.files:
            lake.upload(keys.cleaned(shard.number), file)
        for part, file in enumerate(rejected_files.files):
            lake.upload(keys.quarantine(shard.number, part), file)
    lake.write_counts(keys.counts(shard.number), counts)
    shard_totals = ShardTotals(shard=shard.number, **totals.model_dump())
    lake.write_json(keys.totals(shard.number), shard_totals)  # last: where they are, the shard is complete
    return shard_totals


def _batches(lake: Lake, shard: Shard, batch_rows: int) -> Iterator[_Batch]:
    for part in shard.parts:
        try:
            yield from _batches_of(lake, part, batch_rows)
        except (pa.ArrowException, OSError) as error:
            raise NotParquet(f"{part.key} is damaged: {error}") from error


def _batches_of(lake: Lake, part: ShardPart, batch_rows: int) -> Iterator[_Batch]:
    # Buffered and not pre-buffered: a column chunk passes through a window, however large its row group is.
    file = pq.ParquetFile(lake.open(part.key), read_dictionary=_DICTIONARY_COLUMNS, buffer_size=_READ_BYTES)
    first_row = part.first_row
    row_groups = range(part.first_row_group, part.end_row_group)
    for rows in file.iter_batches(batch_rows, row_groups=row_groups, columns=COLUMN_NAMES):
        yield _Batch(rows, part.key, first_row)
        first_row += rows.num_rows


def _totals_of(cleaned: Cleaned, batch: _Batch) -> Totals:
    rejected = {entry["values"]: entry["counts"] for entry in pc.value_counts(cleaned.rejected["rule"]).to_pylist()}
    return Totals(
        rows_read=batch.rows.num_rows,
        other_country=cleaned.other_country,
        rejected={rule: rejected.get(rule.value, 0) for rule in Rule},
        kept=cleaned.kept.num_rows,
    )


def _traceable(cleaned: Cleaned, batch: _Batch) -> pa.RecordBatch:
    """Add to rejected rows where they came from: `file` is the landed object's key, `row` the index in it, from 0."""
    rejected = cleaned.rejected
    row = pc.add(rejected["row"], batch.first_row)
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

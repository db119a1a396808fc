"""Clean: stream one shard, in batches, into cleaned rows, rejected rows, counts and totals."""

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pyarrow as pa

from voucher_selection.adapters.disk import named_full_disk
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.parquet.columns import Opener, RowGroups
from voucher_selection.adapters.parquet.row_file import RowFile
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain import quarantine
from voucher_selection.domain.counts import RunningCounts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.order_dates import OrderDates
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.domain.stored_objects import StoredRows
from voucher_selection.domain.totals import ShardTotals, Totals
from voucher_selection.pipeline.batches import read_ahead, read_parts
from voucher_selection.pipeline.counting import CleanedBatch, clean_batches

# Arrow's own allocator keeps unused memory: the system's takes a fifth less, and in a fresh process a fifth less time.
pa.set_memory_pool(pa.system_memory_pool())
# A file of at most this size is fetched whole.
_SMALL_FILE_BYTES = 4 * 1024 * 1024
# Rows per row group that we write, which stay in memory until then. The quarantine has a file for every rule.
_KEPT_ROWS = 262_144
_REJECTED_ROWS = 32_768


def clean_shard(lake: Lake, run_id: str, shard: Shard, reading: Reading, batch_rows: int) -> ShardTotals:
    """Clean a shard, and write its rows, counts and totals. A repetition writes the same objects.

    Parameters
    ----------
    batch_rows
        How many rows are read at a time. Memory use depends on it, not on the size of the shard.

    Raises
    ------
    NotParquet
        A page of a file cannot be read.
    SourceChanged, LakeUnavailable, LakeRefused
        A file has changed since the run was planned, or cannot be fetched.
    ShardTooLarge
        The rows do not fit on the disk.
    """
    keys = RunKeys(run_id, shard.shards_per_group)
    counts, dates, totals = RunningCounts(), OrderDates(), Totals()
    measurable: Counter[Measure] = Counter()
    with named_full_disk(shard.number), TemporaryDirectory(prefix="clean-") as folder:
        with _ShardFiles(Path(folder)) as files:
            for part, batch in read_ahead(_batches(lake, shard, reading, batch_rows)):
                files.write(batch, part.named_key)
                counts.add(batch.cleaned.kept)
                dates.add(batch.cleaned.read)
                totals = Totals.sum([totals, batch.totals])
                measurable.update(batch.cleaned.measurable)
        cleaned = _uploaded(lake, keys.cleaned(shard.number), files.kept)
        rejected = {
            rule.value: _uploaded(lake, keys.quarantine(rule.value, shard.number), file)
            for rule, file in files.rejected.items()
        }
    shard_totals = ShardTotals(
        shard=shard.number,
        **totals.model_dump(),
        cleaned=cleaned,
        quarantine={rule: written for rule, written in rejected.items() if written},
        measurable=dict.fromkeys(Measure, 0) | measurable,
        counts=lake.write_counts(keys.counts(shard.number), counts.total()),
        frequent_dates=dates.frequent(reading.last_day),
    )
    lake.write_json(keys.totals(shard.number), shard_totals)  # last: totals mark a complete shard
    return shard_totals


def _batches(lake: Lake, shard: Shard, reading: Reading, batch_rows: int) -> Iterator[tuple[ShardPart, CleanedBatch]]:
    def count(part: ShardPart) -> Iterator[CleanedBatch]:
        return clean_batches(_opener(lake, part), RowGroups.of(part), reading, batch_rows)

    return read_parts(shard, count)


def _opener(lake: Lake, part: ShardPart) -> Opener:
    """Return a function that opens a part's file, for each thread that reads; a small file is fetched only once."""
    open_file = partial(lake.open, part.key, part.etag, part.size, part.source)
    file = open_file()
    if file.size > _SMALL_FILE_BYTES:
        return open_file
    content = file.read()
    return lambda: io.BytesIO(content)


class _ShardFiles:
    """The files on disk for a shard's rows: one for kept rows, and one for the rejected rows of each rule."""

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self.kept = self._stack.enter_context(RowFile(folder / "cleaned.parquet", CLEANED_SCHEMA, _KEPT_ROWS))
        self.rejected = {
            rule: self._stack.enter_context(
                RowFile(folder / f"{rule.value}.parquet", quarantine.SCHEMA, _REJECTED_ROWS)
            )
            for rule in Rule
        }

    def write(self, batch: CleanedBatch, key: str) -> None:
        self.kept.write(batch.cleaned.kept)
        for rule, rows in quarantine.split(batch.cleaned.rejected, key, batch.first_row):
            self.rejected[rule].write(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def _uploaded(lake: Lake, key: str, file: RowFile) -> StoredRows | None:
    """Upload a file, and return the record of it; None if no rows were written."""
    return lake.upload(key, file.path) if file.path.exists() else None

"""The product: its counting by itself, and the whole of Clean with a folder in the place of the bucket."""

import io
from pathlib import Path
from typing import IO, Any, override

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.answer import Answer
from infra_cdk.stages import stage
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.stored_objects import StoredObject, StoredRows
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.cleaning import clean_shard
from voucher_selection.pipeline.counting import count_file

BATCH_ROWS = stage("dev").batch_rows


def count(file: Path, country: str) -> Answer:
    """Count the history, and write nothing."""
    counts, totals = count_file(str(file), Reading((country,)), BATCH_ROWS)
    return _answer(counts, totals)


def write(file: Path, country: str, folder: Path) -> Answer:
    """Count the history, and write its kept and its rejected rows into the folder."""
    metadata = pq.read_metadata(file)
    part = ShardPart(
        key=str(file),
        etag="",
        first_row_group=0,
        end_row_group=metadata.num_row_groups,
        first_row=0,
        rows=metadata.num_rows,
    )
    lake = _Folder(folder)
    totals = clean_shard(lake, "bench", Shard(number=0, parts=(part,)), Reading((country,)), BATCH_ROWS)
    return _answer(lake.read_counts(RunKeys("bench").counts(0), totals.counts), totals)


def _answer(counts: Counts, totals: Totals) -> Answer:
    table = counts.table.drop_columns(["country_code"])
    day = table["assigned_on"].cast(pa.int32())
    columns = [day, *(table[name] for name in table.column_names[1:])]
    rejected = {str(rule): rows for rule, rows in totals.rejected.items()}
    return Answer(totals.kept, rejected, zip(*(column.to_pylist() for column in columns), strict=True))


class _File(io.FileIO):
    """A file that knows its size, as an object in the lake does."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.size = Path(path).stat().st_size


class _Folder(Lake):
    """A lake in a folder: what a network would add is the same for every contender, and no part of this."""

    def __init__(self, folder: Path) -> None:
        no_client: Any = None
        super().__init__("lake", no_client)
        self._folder = folder

    @override
    def open(self, key: str, etag: str | None = None, size: int | None = None, source: str | None = None) -> Any:
        return _File(key)

    @override
    def upload(self, key: str, file: Path) -> StoredRows:
        with file.open("rb") as content:
            self._copy(key, content)
        return StoredRows(rows=pq.read_metadata(file).num_rows, size=file.stat().st_size)

    @override
    def _read(self, key: str) -> bytes:
        return (self._folder / key).read_bytes()

    @override
    def _write(self, key: str, content: bytes, content_type: str) -> StoredObject:
        self._copy(key, io.BytesIO(content))
        return StoredObject.of(content)

    def _copy(self, key: str, content: IO[bytes]) -> None:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while chunk := content.read(1024 * 1024):
                file.write(chunk)

"""A parquet file on disk, written by appending rows."""

from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq


class RowFile:
    """A parquet file that exists from its first row on, and is complete once it is closed.

    `row_group_rows` are collected in memory before they are written as a row group.
    """

    def __init__(self, path: Path, schema: pa.Schema, row_group_rows: int) -> None:
        self.path = path
        self._schema = schema
        self._row_group_rows = row_group_rows
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows; they reach the disk when a row group is full, or when the file is closed."""
        if not rows.num_rows:
            return
        self._waiting.append(rows)
        if sum(batch.num_rows for batch in self._waiting) >= self._row_group_rows:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, self._schema, compression="zstd")
        self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting = []

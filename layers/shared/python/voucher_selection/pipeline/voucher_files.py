"""The files of an assign run: each shard's amounts, as parquet or as CSV, in a folder of files of this kind only.

CSV is as RFC 4180 has it, in UTF-8 with the names of the columns. It is for programs: texts of the customers' files are
written as they are, also those that a spreadsheet would take for a formula.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.stored_objects import StoredRows
from voucher_selection.domain.voucher_manifest import VoucherFormat


class _Batches(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write rows after the others."""


class VoucherFiles(NamedTuple):
    """The files of a format: the folder of a run's, the key of a shard's, and what writes one."""

    folder: Callable[[RunKeys], str]
    key: Callable[[RunKeys, int], str]
    writer: Callable[[Path, pa.Schema], AbstractContextManager[_Batches]]


def _parquet(file: Path, schema: pa.Schema) -> AbstractContextManager[_Batches]:
    writer: AbstractContextManager[_Batches] = pq.ParquetWriter(file, schema, compression="zstd")
    return writer


def _csv(file: Path, schema: pa.Schema) -> AbstractContextManager[_Batches]:
    from pyarrow import csv  # noqa: PLC0415 - most runs write parquet

    writer: AbstractContextManager[_Batches] = csv.CSVWriter(file, schema, write_options=csv.WriteOptions(eol="\r\n"))
    return writer


FILES: Mapping[VoucherFormat, VoucherFiles] = {
    "parquet": VoucherFiles(lambda keys: keys.all_vouchers, RunKeys.vouchers, _parquet),
    "csv": VoucherFiles(lambda keys: keys.all_csv_vouchers, RunKeys.csv_vouchers, _csv),
}
"""The files of every format."""


def upload(lake: Lake, key: str, file: Path, rows: int) -> StoredRows:
    """Upload a file of amounts, and return the record of it, with a digest for who gets the file."""
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    return lake.upload(key, file, rows).model_copy(update={"sha256": digest})

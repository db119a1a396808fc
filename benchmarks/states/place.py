"""A place that a sequence runs at: a deployment with a bucket, runs, an inbox and an API."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.states.expected import Stored
from benchmarks.states.models import Row


class Ended(NamedTuple):
    """A run that has ended: its id, the name of the error it failed with, and its record, empty after a failure."""

    run_id: str
    error: str | None
    record: dict[str, Any]


class Answer(NamedTuple):
    """The status of an answer of the API, and its body."""

    status: int
    body: Any


class Place(Protocol):
    """A deployment that is empty when a sequence begins.

    Attributes
    ----------
    s3
        A client of S3, for its bucket.
    has_model
        Whether its API may still have the model of an earlier sequence, so that the first run must publish one.
    """

    s3: Any
    bucket: str
    has_model: bool

    def run(self, request: dict[str, Any]) -> Ended:
        """Run to the end."""

    def settle(self, name: str) -> dict[str, Any]:
        """Return what became of an object that was dropped into the inbox."""

    def ask(self, path: str, body: str | None = None) -> Answer:
        """Get a path of the API, or post a body to it."""


def put(place: Place, key: str, rows: Sequence[Row] | None) -> Stored:
    """Put a file of rows into the bucket, as its name says; None: a file without the columns."""
    content = _parquet([{"name": "Ana"}]) if rows is None else _WRITTEN[PurePath(key).suffix](rows)
    place.s3.put_object(Bucket=place.bucket, Key=key, Body=content)
    return Stored(f"{key} {hashlib.sha256(content).hexdigest()}", rows)


def read(place: Place, address: str) -> list[Row]:
    """Return the rows of the files of a folder of the bucket, parquet or CSV, in the order of their names."""
    prefix = address.removeprefix(f"s3://{place.bucket}/")
    found = place.s3.list_objects_v2(Bucket=place.bucket, Prefix=prefix)["Contents"]
    rows: list[Row] = []
    for key in sorted(each["Key"] for each in found):
        content = place.s3.get_object(Bucket=place.bucket, Key=key)["Body"].read()
        rows += _csv_rows(content) if key.endswith(".csv") else pq.read_table(pa.BufferReader(content)).to_pylist()
    return rows


def _parquet(rows: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    kinds = {"customer_id": pa.int64()}
    arrays = {name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), file, row_group_size=3)
    return file.getvalue()


def _csv(rows: Sequence[Row]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def _json_lines(rows: Sequence[Row]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def _csv_rows(content: bytes) -> list[Row]:
    rows: list[Row] = list(csv.DictReader(io.StringIO(content.decode())))
    for row in rows:
        row["customer_id"] = int(row["customer_id"])
        row["voucher_amount"] = float(row["voucher_amount"]) if row["voucher_amount"] else None
    return [{name: None if value == "" else value for name, value in row.items()} for row in rows]


_WRITTEN = {".parquet": _parquet, ".csv": _csv, ".jsonl": _json_lines}

"""Results of many shards: read many at once, summed with a memory that does not grow with their number."""

import io
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from tests.histories import parquet_bytes
from voucher_selection.adapters.lake import PARALLEL_REQUESTS, Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.counts import FREQUENCY_SCHEMA, RECENCY_SCHEMA
from voucher_selection.domain.runs import RunPlan, Shard, ShardPart, ShardTotals, SourceFile
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.stored_objects import StoredRows
from voucher_selection.pipeline.merging import merge_shards

SHARDS = 700
REQUEST_SECONDS = 0.005
KEYS = RunKeys("run")


class SlowStore:
    """S3's answers, each after a while, and how many requests were under way at once."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._under_way = 0
        self.most_at_once = 0

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002, N803 - as boto3 names them
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        time.sleep(REQUEST_SECONDS)
        with self._lock:
            self._under_way -= 1
        return {"Body": io.BytesIO(self._objects[Key])}

    def get_paginator(self, _: str) -> "SlowStore":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: ARG002, N803
        yield {
            "Contents": [
                {"Key": key, "Size": len(self._objects[key]), "ETag": "x"}
                for key in sorted(self._objects)
                if key.startswith(Prefix)
            ]
        }


def shard(number: int) -> Shard:
    part = ShardPart(key="raw/x", etag="1", first_row_group=number, end_row_group=number + 1, first_row=number, rows=1)
    return Shard(number=number, parts=(part,))


def results() -> Iterator[tuple[str, bytes]]:
    day = date(2018, 5, 3)
    frequency = pa.table([["Peru"], [3], [2640.0], [1]], schema=FREQUENCY_SCHEMA)
    recency = pa.table([["Peru"], [day], [2640.0], [1]], schema=RECENCY_SCHEMA)
    tables = parquet_bytes(frequency), parquet_bytes(recency)
    for number in range(SHARDS):
        yield from zip(KEYS.counts(number), tables, strict=True)
        yield KEYS.cleaned(number), b"rows"
        cleaned = StoredRows(rows=1, size=4)
        totals = ShardTotals(shard=number, rows_read=1, kept=1, cleaned=cleaned)
        yield KEYS.totals(number), totals.model_dump_json().encode()
    shards = ",".join(shard(number).model_dump_json() for number in range(SHARDS))
    yield KEYS.manifest, f"[{shards}]".encode()


def test_the_results_of_many_shards_are_read_many_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    lake, store = Lake("lake"), SlowStore(dict(results()))
    monkeypatch.setattr(lake, "client", store)
    plan = RunPlan(
        run_id="run",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        source="s3://b/x",
        countries=("Peru",),
        cur_date=date(2018, 9, 15),
        definitions=shipped_definitions(),
        files=(SourceFile(key="raw/x", source="s3://b/x", identity="x", size=1, rows=SHARDS),),
        shards=SHARDS,
    )

    merged = merge_shards(lake, plan)

    assert store.most_at_once == PARALLEL_REQUESTS
    assert (merged.totals.rows_read, merged.totals.kept) == (SHARDS, SHARDS)
    assert merged.counts.frequency.to_pylist() == [
        {"country_code": "Peru", "total_orders": 3, "voucher_amount": 2640.0, "rows": SHARDS}
    ]
    assert merged.counts.recency["rows"].to_pylist() == [SHARDS]

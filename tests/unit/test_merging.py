"""Results of many shards: read many at once, summed with a memory that does not grow with their number."""

import io
import json
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
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import ObjectAltered, ShardsIncomplete
from voucher_selection.domain.plans import HistoryPlan, Shard, ShardPart, SourceFile
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.stored_objects import StoredCounts, StoredObject, StoredRows
from voucher_selection.domain.totals import ShardTotals
from voucher_selection.pipeline.merging import Merged, merge_shards

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


def plan(shards: int) -> HistoryPlan:
    return HistoryPlan(
        run_id="run",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        source="s3://b/x",
        reading=Reading(("Peru",)),
        cur_date=date(2018, 9, 15),
        definitions=shipped_definitions(),
        files=(SourceFile(key="raw/x", source="s3://b/x", identity="x", size=1, rows=shards),),
        shards=shards,
    )


def counts_of_one_row() -> Counts:
    row = {"country_code": "Peru", "last_order_ts": datetime(2018, 5, 3), "total_orders": 3, "voucher_amount": 2640.0}
    return Counts.of(pa.RecordBatch.from_pylist([row], CLEANED_SCHEMA))


def results(shards: int) -> dict[str, bytes]:
    """Objects that a run of shards of one row each leaves, every row of which was kept."""
    counts = counts_of_one_row()
    tables = [parquet_bytes(table) for table in counts]
    stored = StoredCounts(objects=tuple(map(StoredObject.of, tables)), rows=counts.rows)
    objects: dict[str, bytes] = {}
    for number in range(shards):
        objects |= dict(zip(KEYS.counts(number), tables, strict=True))
        objects[KEYS.cleaned(number)] = b"rows"
        cleaned = StoredRows(rows=1, size=4, etag="x")
        totals = ShardTotals(shard=number, rows_read=1, kept=1, cleaned=cleaned, dated=1, counts=stored)
        objects[KEYS.totals(number)] = totals.model_dump_json().encode()
    manifest = ",".join(shard(number).model_dump_json() for number in range(shards))
    return objects | {KEYS.manifest: f"[{manifest}]".encode()}


def merge(store: SlowStore, shards: int) -> Merged:
    return merge_shards(Lake("lake", store), plan(shards))


def test_the_results_of_many_shards_are_read_many_at_once():
    store = SlowStore(results(SHARDS))

    merged = merge(store, SHARDS)

    assert store.most_at_once == PARALLEL_REQUESTS
    assert (merged.totals.rows_read, merged.totals.kept) == (SHARDS, SHARDS)
    assert merged.counts.frequency.to_pylist() == [
        {"country_code": "Peru", "total_orders": 3, "voucher_amount": 2640.0, "rows": SHARDS}
    ]
    assert merged.counts.recency["rows"].to_pylist() == [SHARDS]


def with_totals(objects: dict[str, bytes], of_shard: int, /, **changes: Any) -> None:
    """Change what a shard has reported."""
    key = KEYS.totals(of_shard)
    objects[key] = json.dumps(json.loads(objects[key]) | changes).encode()


def test_a_result_of_another_shard_is_refused():
    objects = results(2)
    with_totals(objects, 0, shard=1)
    with_totals(objects, 1, shard=0)

    with pytest.raises(ShardsIncomplete, match=r"shard 0 has 1 rows, but its result is .*shard=1"):
        merge(SlowStore(objects), 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"rows_read": 2, "other_country": 1},
        {"rows_read": 0, "kept": 0, "cleaned": None, "dated": None, "counts": None},
    ],
    ids=["more", "fewer"],
)
def test_a_result_of_other_rows_than_the_shard_has_is_refused(changes: dict[str, Any]):
    objects = results(2)
    with_totals(objects, 1, **changes)
    if changes.get("cleaned", True) is None:
        del objects[KEYS.cleaned(1)]

    with pytest.raises(ShardsIncomplete, match="shard 1 has 1 rows, but its result is"):
        merge(SlowStore(objects), 2)


@pytest.mark.parametrize(
    "changes", [{"other_country": 1}, {"cleaned": {"rows": 2, "size": 4, "etag": "x"}}, {"dated": 0}], ids=str
)
def test_a_result_that_does_not_add_up_is_refused(changes: dict[str, Any]):
    objects = results(2)
    with_totals(objects, 1, **changes)

    with pytest.raises(ShardsIncomplete, match=r"shard 1 has 1 rows, but its result is"):
        merge(SlowStore(objects), 2)


def other_amount(counts: Counts) -> pa.Table:
    return counts.frequency.set_column(2, "voucher_amount", pa.array([999.0]))


def other_rows(counts: Counts) -> pa.Table:
    return counts.frequency.set_column(3, "rows", pa.array([2]))


def no_rows(counts: Counts) -> pa.Table:
    return counts.frequency.slice(0, 0)


@pytest.mark.parametrize("change", [other_amount, other_rows, no_rows])
def test_counts_that_are_not_those_that_the_shard_has_written_are_refused_by_name(change):
    objects = results(2)
    key = KEYS.counts(1)[0]
    objects[key] = parquet_bytes(change(counts_of_one_row()))

    with pytest.raises(
        ObjectAltered, match=rf"s3://lake/{key} has changed since it was written: .*; .*start the run again"
    ):
        merge(SlowStore(objects), 2)


def of_other_columns(counts: Counts) -> pa.Table:
    return counts.recency


def without_a_country(counts: Counts) -> pa.Table:
    return counts.frequency.set_column(0, "country_code", pa.array([None], pa.string()))


def of_fewer_than_none(counts: Counts) -> pa.Table:
    return pa.concat_tables([counts.frequency.set_column(3, "rows", pa.array([rows])) for rows in (2, -1)])


def of_no_amount(counts: Counts) -> pa.Table:
    return counts.frequency.set_column(2, "voucher_amount", pa.array([float("nan")]))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (of_other_columns, r"expected the columns country_code \(string\), total_orders \(int64\)"),
        (without_a_country, "country_code is missing in 1 rows"),
        (of_fewer_than_none, "rows is below 1 in 1 rows"),
        (of_no_amount, "voucher_amount is infinite or not a number in 1 rows"),
        (other_rows, "it counts 2 rows by total_orders, expected 1"),
        (no_rows, "it counts 0 rows by total_orders, expected 1"),
    ],
)
def test_tables_that_hold_no_counts_are_refused_though_their_digest_is_right(change, fault: str):
    objects = results(1)
    key = KEYS.counts(0)[0]
    objects[key] = parquet_bytes(change(counts_of_one_row()))
    counts = json.loads(objects[KEYS.totals(0)])["counts"]
    counts["objects"][0] = StoredObject.of(objects[key]).model_dump()
    with_totals(objects, 0, counts=counts)

    with pytest.raises(ObjectAltered, match=rf"{key} and .* has changed since it was written: {fault}"):
        merge(SlowStore(objects), 1)


def test_counts_of_another_number_of_objects_than_were_written_are_refused():
    objects = results(1)
    counts = json.loads(objects[KEYS.totals(0)])["counts"]
    with_totals(objects, 0, counts=counts | {"objects": counts["objects"][:1]})

    with pytest.raises(ObjectAltered, match="expected a record of 2 objects, got 1"):
        merge(SlowStore(objects), 1)


def test_counts_of_a_shard_from_before_they_were_written_down_are_summed():
    objects = results(2)
    for number in range(2):
        with_totals(objects, number, dated=None, counts=None, cleaned={"rows": 1, "size": 4})

    assert merge(SlowStore(objects), 2).totals.kept == 2

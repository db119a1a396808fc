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
from voucher_selection.domain.measures import Measure
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
NONE = dict.fromkeys(Measure, 0)
COUNTED_NONE = {"object": {"size": 1, "sha256": "x"}, "rows": NONE}


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
    row |= {"timestamp": datetime(2018, 7, 21, 18, 59)}
    return Counts.of(pa.RecordBatch.from_pylist([row], CLEANED_SCHEMA))


def results(shards: int) -> dict[str, bytes]:
    """Objects that a run of shards of one row each leaves, every row of which was kept."""
    counts = counts_of_one_row()
    content = parquet_bytes(counts.table)
    stored = StoredCounts(object=StoredObject.of(content), rows=counts.rows)
    objects: dict[str, bytes] = {}
    for number in range(shards):
        objects[KEYS.counts(number)] = content
        objects[KEYS.cleaned(number)] = b"rows"
        cleaned = StoredRows(rows=1, size=4, etag="x")
        totals = ShardTotals(shard=number, rows_read=1, kept=1, cleaned=cleaned, measurable=counts.rows, counts=stored)
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
    assert merged.counts.table.to_pylist() == [row | {"rows": SHARDS} for row in counts_of_one_row().table.to_pylist()]
    assert set(merged.counts.rows.values()) == {SHARDS, 0}  # it has no first order


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
        {"rows_read": 0, "kept": 0, "cleaned": None, "measurable": NONE, "counts": COUNTED_NONE},
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
    "changes", [{"other_country": 1}, {"cleaned": {"rows": 2, "size": 4, "etag": "x"}}, {"measurable": NONE}], ids=str
)
def test_a_result_that_does_not_add_up_is_refused(changes: dict[str, Any]):
    objects = results(2)
    with_totals(objects, 1, **changes)

    with pytest.raises(ShardsIncomplete, match=r"shard 1 has 1 rows, but its result is"):
        merge(SlowStore(objects), 2)


def with_values(counts: Counts, name: str, **of_measures: Any) -> pa.Table:
    """Return the table of counts, in a column with other values in the rows of some measures."""
    rows = [row | {name: of_measures.get(row["measure"], row[name])} for row in counts.table.to_pylist()]
    return pa.Table.from_pylist(rows, counts.table.schema)


def other_amount(counts: Counts) -> pa.Table:
    return with_values(counts, "voucher_amount", total_orders=999.0)


def other_rows(counts: Counts) -> pa.Table:
    return with_values(counts, "rows", total_orders=2)


def no_rows(counts: Counts) -> pa.Table:
    return counts.table.slice(0, 0)


def other_day(counts: Counts) -> pa.Table:
    return with_values(counts, "assigned_on", total_orders=date(2018, 7, 22))


@pytest.mark.parametrize("change", [other_amount, other_rows, other_day, no_rows])
def test_counts_that_are_not_those_that_the_shard_has_written_are_refused_by_name(change):
    objects = results(2)
    key = KEYS.counts(1)
    objects[key] = parquet_bytes(change(counts_of_one_row()))

    with pytest.raises(
        ObjectAltered, match=rf"s3://lake/{key} has changed since it was written: .*; .*start the run again"
    ):
        merge(SlowStore(objects), 2)


def of_other_columns(counts: Counts) -> pa.Table:
    return counts.table.drop_columns(["measure"])


def without_a_country(counts: Counts) -> pa.Table:
    return with_values(counts, "country_code", total_orders=None)


def of_fewer_than_none(counts: Counts) -> pa.Table:
    return pa.concat_tables([with_values(counts, "rows", total_orders=rows) for rows in (2, -1)])


def of_fewer_orders_than_none(counts: Counts) -> pa.Table:
    return with_values(counts, "value", total_orders=-1, days_since_last_order=-1)


def of_no_amount(counts: Counts) -> pa.Table:
    return with_values(counts, "voucher_amount", total_orders=float("nan"))


def of_another_measure(counts: Counts) -> pa.Table:
    return with_values(counts, "measure", days_since_last_order="age")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (of_other_columns, r"expected the columns country_code \(string\), assigned_on \(date32\[day\]\), measure"),
        (without_a_country, "country_code is missing in 1 rows"),
        (of_fewer_than_none, "rows is below 1 in 1 rows"),
        (of_fewer_orders_than_none, "the value of total_orders is below 0 in 1 rows"),
        (of_no_amount, "voucher_amount is infinite or not a number in 1 rows"),
        (of_another_measure, "it counts 0 rows by days_since_last_order, expected 1"),
        (other_rows, "it counts 2 rows by total_orders, expected 1"),
        (no_rows, "it counts 0 rows by total_orders, expected 1"),
    ],
)
def test_tables_that_hold_no_counts_are_refused_though_their_digest_is_right(change, fault: str):
    objects = results(1)
    key = KEYS.counts(0)
    objects[key] = parquet_bytes(change(counts_of_one_row()))
    counts = json.loads(objects[KEYS.totals(0)])["counts"]
    counts["object"] = StoredObject.of(objects[key]).model_dump()
    with_totals(objects, 0, counts=counts)

    with pytest.raises(ObjectAltered, match=rf"{key} has changed since it was written: {fault}"):
        merge(SlowStore(objects), 1)


@pytest.mark.parametrize("missing", ["counts", "measurable"])
def test_a_result_that_does_not_say_what_it_counts_is_refused(missing: str):
    """That of a run which an older version began: it counted in another form."""
    objects = results(1)
    key = KEYS.totals(0)
    objects[key] = json.dumps({k: v for k, v in json.loads(objects[key]).items() if k != missing}).encode()

    with pytest.raises(
        ObjectAltered, match=rf"{key} has changed since it was written: .*{missing}.*start the run again"
    ):
        merge(SlowStore(objects), 1)


def test_rows_of_objects_that_are_counted_again_count_for_their_days_only():
    row = {"country_code": "Peru", "total_orders": 3, "voucher_amount": 2640.0}
    undated = Counts.of(pa.RecordBatch.from_pylist([row], CLEANED_SCHEMA))
    objects = results(3)
    content = parquet_bytes(undated.table)
    stored = StoredCounts(object=StoredObject.of(content), rows=undated.rows).model_dump()
    for number in (0, 2):
        objects[KEYS.counts(number)] = content
        with_totals(objects, number, measurable=undated.rows, counts=stored)

    planned = plan(3).model_copy(update={"again": frozenset("x"), "shards_again": 2})
    merged = merge_shards(Lake("lake", SlowStore(objects)), planned)

    assert merged.counts == Counts.sum([counts_of_one_row(), undated])
    assert (merged.totals.kept, merged.undated_again) == (3, 1)

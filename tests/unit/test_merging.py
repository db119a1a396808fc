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
from voucher_selection.domain.shard_groups import in_groups, size_of_groups
from voucher_selection.domain.stored_objects import StoredCounts, StoredObject, StoredRows
from voucher_selection.domain.totals import ShardTotals
from voucher_selection.pipeline import merging
from voucher_selection.pipeline.merging import Merged, merge_group, merge_shards

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

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: ARG002, N803
        self._objects[Key] = Body
        return {"ETag": "x"}

    def get_paginator(self, _: str) -> "SlowStore":
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "\0") -> Iterator[dict[str, Any]]:  # noqa: ARG002, N803
        below = {
            key: key.removeprefix(Prefix).partition(Delimiter)
            for key in sorted(self._objects)
            if key.startswith(Prefix)
        }
        yield {
            "CommonPrefixes": [
                {"Prefix": found} for found in {Prefix + start + end for start, end, _ in below.values() if end}
            ],
            "Contents": [
                {"Key": key, "Size": len(self._objects[key]), "ETag": "x"}
                for key, (_, end, _) in below.items()
                if not end
            ],
        }


def shard(number: int) -> Shard:
    part = ShardPart(key="raw/x", etag="1", first_row_group=number, end_row_group=number + 1, first_row=number, rows=1)
    return Shard(number=number, parts=(part,))


def plan(shards: int, **facts: Any) -> HistoryPlan:
    return HistoryPlan(
        run_id="run",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        source="s3://b/x",
        reading=Reading(("Peru",)),
        cur_date=date(2018, 9, 15),
        definitions=shipped_definitions(),
        files=(SourceFile(key="raw/x", source="s3://b/x", identity="x", size=1, rows=shards),),
        shards=shards,
        **facts,
    )


def counts_of_one_row() -> Counts:
    row = {"country_code": "Peru", "last_order_ts": datetime(2018, 5, 3), "total_orders": 3, "voucher_amount": 2640.0}
    row |= {"timestamp": datetime(2018, 7, 21, 18, 59)}
    return Counts.of(pa.RecordBatch.from_pylist([row], CLEANED_SCHEMA))


def results(shards: int, keys: RunKeys = KEYS) -> dict[str, bytes]:
    """Objects that a run of shards of one row each leaves, every row of which was kept."""
    counts = counts_of_one_row()
    content = parquet_bytes(counts.table)
    stored = StoredCounts(object=StoredObject.of(content), rows=counts.rows)
    objects: dict[str, bytes] = {}
    for number in range(shards):
        objects[keys.counts(number)] = content
        objects[keys.cleaned(number)] = b"rows"
        cleaned = StoredRows(rows=1, size=4, etag="x")
        totals = ShardTotals(shard=number, rows_read=1, kept=1, cleaned=cleaned, measurable=counts.rows, counts=stored)
        objects[keys.totals(number)] = totals.model_dump_json().encode()
    manifest = ",".join(shard(number).model_dump_json() for number in range(shards))
    return objects | {keys.manifest: f"[{manifest}]".encode()}


def merge(store: SlowStore, shards: int) -> Merged:
    return merge_shards(Lake("lake", store), plan(shards))


def test_the_results_of_many_shards_are_read_many_at_once():
    store = SlowStore(results(SHARDS))

    merged = merge(store, SHARDS)

    assert store.most_at_once == PARALLEL_REQUESTS
    assert (merged.totals.rows_read, merged.totals.kept) == (SHARDS, SHARDS)
    assert merged.counts.table.to_pylist() == [row | {"rows": SHARDS} for row in counts_of_one_row().table.to_pylist()]
    assert set(merged.counts.rows.values()) == {SHARDS, 0}  # it has no first order


def test_as_many_tables_of_counts_are_read_at_once_as_fit_into_memory(monkeypatch: pytest.MonkeyPatch):
    objects = results(20)
    tables: list[int] = []
    add_up = Counts.sum
    monkeypatch.setattr(Counts, "sum", lambda parts: tables.append(len(parts)) or add_up(parts))
    monkeypatch.setattr(merging, "_BYTES_AT_ONCE", 3 * len(objects[KEYS.counts(0)]))

    merged = merge(SlowStore(objects), 20)

    assert merged.counts.assignments == 20
    assert max(tables) == 4  # three that were read, and the sum of those before


def with_totals(objects: dict[str, bytes], of_shard: int, /, keys: RunKeys = KEYS, **changes: Any) -> None:
    """Change what a shard has reported."""
    with_json(objects, keys.totals(of_shard), **changes)


def with_json(objects: dict[str, bytes], key: str, **changes: Any) -> None:
    """Change fields of an object of JSON."""
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

    merged = merge_shards(Lake("lake", SlowStore(objects)), plan(3, again=frozenset("x"), shards_again=2))

    assert merged.counts == Counts.sum([counts_of_one_row(), undated])
    assert (merged.totals.kept, merged.undated_again) == (3, 1)


IN_THREE = RunKeys("run", 3)
SOME_AGAIN = {"again": frozenset("x"), "shards_again": 4}


def in_several_groups(groups: int, shards: int = 7) -> tuple[dict[str, bytes], HistoryPlan]:
    """Return the objects of merged groups, and their plan. Shards 1 and 5 have a row without a day."""
    size = size_of_groups(shards, -(-shards // groups))
    keys, planned = RunKeys("run", size), plan(shards, shards_per_group=size, **SOME_AGAIN)
    objects = results(shards, keys)
    row = {"country_code": "Peru", "total_orders": 3, "voucher_amount": 2640.0}
    undated = Counts.of(pa.RecordBatch.from_pylist([row], CLEANED_SCHEMA))
    content = parquet_bytes(undated.table)
    stored = StoredCounts(object=StoredObject.of(content), rows=undated.rows).model_dump()
    for number in (1, 5):
        objects[keys.counts(number)] = content
        with_totals(objects, number, keys, measurable=undated.rows, counts=stored)
    frequent = [{"column": "last_order_ts", "date": "1900-01-01", "rows": 1}]
    for number in (0, 2, 3, 6):
        with_totals(objects, number, keys, frequent_dates=frequent)
    grouped = in_groups([shard(number) for number in range(shards)], size, planned.shards_again)
    objects[keys.shard_groups] = f"[{','.join(group.model_dump_json() for group in grouped)}]".encode()
    if groups > 1:
        for group in grouped:
            merge_group(Lake("lake", SlowStore(objects)), "run", group)
    return objects, planned


def merged_in_groups(groups: int) -> Merged:
    objects, planned = in_several_groups(groups)
    return merge_shards(Lake("lake", SlowStore(objects)), planned)


@pytest.mark.parametrize("groups", [2, 3, 4, 7])
def test_groups_add_up_to_what_all_shards_do(groups: int):
    merged = merged_in_groups(groups)

    assert merged == merged_in_groups(1)
    assert (merged.totals.rows_read, merged.undated_again) == (7, 1)
    assert [found.rows for found in merged.striking_dates] == [4]


def test_the_last_step_reads_no_result_of_a_shard():
    objects, planned = in_several_groups(3)
    read: list[str] = []
    store = SlowStore(objects)
    get = store.get_object
    store.get_object = lambda Bucket, Key: read.append(Key) or get(Bucket, Key)  # type: ignore[method-assign]  # noqa: N803

    merge_shards(Lake("lake", store), planned)

    merged = [key for group in range(3) for key in (IN_THREE.merged(group), IN_THREE.counts_of_group(group))]
    assert sorted(read) == sorted([IN_THREE.shard_groups, *merged])


@pytest.mark.parametrize("changes", [{"rows_read": 4}, {"kept": 2}, {"group": 0}, {"undated_again": 1}], ids=str)
def test_a_merged_group_that_does_not_add_up_is_refused(changes: dict[str, Any]):
    objects, planned = in_several_groups(3)
    with_json(objects, IN_THREE.merged(2), **changes)

    with pytest.raises(ShardsIncomplete, match="group 2 has 1 rows, but its result is"):
        merge_shards(Lake("lake", SlowStore(objects)), planned)


def test_counts_of_a_group_that_are_not_those_that_were_written_are_refused_by_name():
    objects, planned = in_several_groups(3)
    key = IN_THREE.counts_of_group(0)
    objects[key] = parquet_bytes(no_rows(counts_of_one_row()))

    with pytest.raises(ObjectAltered, match=f"s3://lake/{key} has changed since it was written"):
        merge_shards(Lake("lake", SlowStore(objects)), planned)


def test_groups_that_lack_a_shard_are_refused():
    objects, planned = in_several_groups(3)
    groups = json.loads(objects[IN_THREE.shard_groups])
    objects[IN_THREE.shard_groups] = json.dumps(groups[:2]).encode()

    with pytest.raises(ShardsIncomplete, match="expected 7 shards with 7 rows, as planned, got a manifest of 6 with 6"):
        merge_shards(Lake("lake", SlowStore(objects)), planned)


@pytest.mark.parametrize(("shards", "groups"), [(0, 1), (1, 1), (5, 1), (6, 2), (11, 3), (16, 4)])
def test_no_group_has_more_shards_than_are_merged_at_once(shards: int, groups: int):
    size = size_of_groups(shards, 5)

    grouped = in_groups([shard(number) for number in range(shards)], size, again=4)

    assert plan(shards, shards_per_group=size).groups == len(grouped) == groups
    assert max(len(group.shards) for group in grouped) <= 5
    assert [number for group in grouped for number in group.shards] == list(range(shards))
    assert sum(min(group.again, len(group.shards)) for group in grouped) == min(4, shards)

"""Model takes one result for each shard of the manifest, no fewer and no more, also if it merges them in groups."""

import json
from typing import Any

import pytest

from tests.customers import case
from tests.environment import BUCKET
from tests.histories import history, parquet_bytes
from tests.integration.conftest import FOLDER, SECOND, STARTED, Pipeline, read_json
from tests.integration.test_assign import customers
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain import errors

# The history of `days` is in 5 shards then, and these in three groups.
IN_GROUPS = {"SHARD_TARGET_ROWS": "700", "SHARDS_PER_MERGE": "2"}
NO_GROUPS = (
    "staging/run_id=run-1/totals/group-0003.shard-00005.json",
    "staging/run_id=run-1/cleaned/shard-00000.parquet",
    "quarantine/run_id=run-1/rule=malformed/group-0000",
    "quarantine/run_id=run-1/rule=other/group-0000.shard-00000.parquet",
)
OF_A_GROUP = (
    "staging/run_id=run-1/cleaned/group-0001.shard-00002.parquet",
    "quarantine/run_id=run-1/rule=null_total_orders/group-0001.shard-00003.parquet",
    "quarantine/run_id=run-1/rule=malformed/group-0001.shard-00007.parquet",
)


@pytest.fixture
def in_groups(environment: pytest.MonkeyPatch) -> None:
    for name, value in IN_GROUPS.items():
        environment.setenv(name, value)


def test_a_doubled_shard_is_refused(days, pipeline: Pipeline, lake: Lake, put):
    planned = pipeline.ingest("run-1", {"source": FOLDER})
    pipeline.clean(planned)
    shards = read_json(lake, planned["manifest_key"])
    put(planned["manifest_key"], json.dumps([*shards, shards[0]]).encode())

    with pytest.raises(errors.ShardsIncomplete, match="a shard is missing or occurs twice"):
        pipeline.model("run-1")


def test_a_result_of_no_shard_is_refused(days, pipeline: Pipeline, lake: Lake, put):
    pipeline.clean(pipeline.ingest("run-1", {"source": FOLDER}))
    put("staging/run_id=run-1/totals/shard-00099.json", content(lake, "staging/run_id=run-1/totals/shard-00000.json"))

    with pytest.raises(errors.ShardsIncomplete, match="1 results belong to no shard of the manifest"):
        pipeline.model("run-1")


def content(lake: Lake, key: str) -> bytes:
    return lake.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def test_groups_of_shards_come_to_the_model_of_all_at_once(
    two_segments, days, pipeline: Pipeline, lake: Lake, catalog: Catalog, environment
):
    whole = pipeline.run("whole", {"source": FOLDER}, STARTED)
    for name, value in IN_GROUPS.items():
        environment.setenv(name, value)
    pipeline.reload()

    planned = pipeline.ingest("grouped", {"source": FOLDER}, STARTED + SECOND)
    pipeline.clean(planned)
    merged = pipeline.merge(planned)
    summary = pipeline.model("grouped")

    assert (planned["shards"], planned["groups"]) == (5, 3)
    assert [(group["group"], group["shards"]) for group in merged] == [(0, 2), (1, 2), (2, 1)]
    assert sum(group["rows"] for group in merged) == 3_000
    of_groups, of_all = (content(lake, RunKeys(run_id).merged_counts) for run_id in ("grouped", "whole"))
    assert of_groups == of_all
    assert (summary["rows"], summary["shards"]) == (whole["rows"], 5)
    assert catalog.read(summary["version"]).modes == catalog.read(whole["version"]).modes


def test_the_names_of_a_shard_s_objects_begin_with_its_group(in_groups, days, pipeline: Pipeline, lake: Lake):
    pipeline.clean(pipeline.ingest("run-1", {"source": FOLDER}))

    rejected = "quarantine/run_id=run-1/rule=null_total_orders/"
    written = [*lake.list("staging/run_id=run-1/counts/"), *lake.list(rejected)]

    assert [key.rpartition("/")[2] for key in written] == [
        f"group-000{group}.shard-0000{shard}.parquet" for group, shard in [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4)]
    ] * 2


def test_a_group_that_is_merged_again_is_written_as_it_was(in_groups, days, pipeline: Pipeline, lake: Lake):
    planned = pipeline.ingest("run-1", {"source": FOLDER})
    pipeline.clean(planned)

    def merged() -> dict[str, bytes]:
        pipeline.merge(planned)
        return {key: content(lake, key) for key in lake.list("staging/run_id=run-1/merged/")}

    assert merged() == merged()
    assert len(merged()) == 2 * planned["groups"]


@pytest.fixture
@made_once
def merged_run(in_groups, days, pipeline: Pipeline) -> dict[str, Any]:
    """A run whose groups are merged, but not yet modelled."""
    planned = pipeline.ingest("run-1", {"source": FOLDER})
    pipeline.clean(planned)
    pipeline.merge(planned)
    return planned


def test_a_group_that_was_not_merged_is_named_with_its_recorded_failure(
    merged_run, pipeline: Pipeline, lake: Lake, put
):
    lake.client.delete_object(Bucket=BUCKET, Key="staging/run_id=run-1/merged/group-0001.json")
    put("runs/run_id=run-1/failures/group-1.json", b'{"group": 1, "error": "Sandbox.Timedout", "cause": "60 s"}')

    expected = r"1 of 3 groups have no result \(group 1\)\. group 1: Sandbox\.Timedout: 60 s"
    with pytest.raises(errors.ShardsIncomplete, match=expected):
        pipeline.model("run-1")


def test_a_shard_without_a_result_is_named_though_its_group_has_none_either(in_groups, days, pipeline, lake, put):
    pipeline.clean(pipeline.ingest("run-1", {"source": FOLDER}))
    lake.client.delete_object(Bucket=BUCKET, Key="staging/run_id=run-1/totals/group-0001.shard-00003.json")
    put("runs/run_id=run-1/failures/shard-3.json", b'{"shard": 3, "error": "Runtime.ExitError", "cause": "killed"}')

    expected = r"1 of 5 shards have no result \(shard 3\)\. shard 3: Runtime\.ExitError: killed"
    with pytest.raises(errors.ShardsIncomplete, match=expected):
        pipeline.model("run-1")


def test_an_object_of_no_group_is_refused(two_segments, merged_run, pipeline: Pipeline, lake: Lake, put):
    for key in NO_GROUPS:
        put(key, b"x")
        with pytest.raises(errors.ShardsIncomplete, match=r"of the run's groups in .*, got 1 others .*start the run"):
            pipeline.model("run-1")
        lake.client.delete_object(Bucket=BUCKET, Key=key)

    assert pipeline.model("run-1")["outcome"] == "published"


def test_rows_that_are_not_those_that_a_shard_wrote_are_found_by_its_group(
    in_groups, days, pipeline: Pipeline, lake: Lake, put
):
    planned = pipeline.ingest("run-1", {"source": FOLDER})
    pipeline.clean(planned)
    for key in OF_A_GROUP:
        written = content(lake, key) if key in lake.listed(key) else None
        put(key, b"x")
        with pytest.raises(errors.ShardsIncomplete, match=f"1 objects differ from those that the shards wrote: {key}"):
            pipeline.merge(planned)
        if written:
            put(key, written)
        else:
            lake.client.delete_object(Bucket=BUCKET, Key=key)

    assert len(pipeline.merge(planned)) == planned["groups"]


def test_a_delivery_in_groups_replaces_the_days_that_it_has(two_segments, in_groups, days, pipeline: Pipeline, lake):
    pipeline.run("whole", {"source": FOLDER}, STARTED)

    again = pipeline.append("again", FOLDER, STARTED + SECOND, overlap="replace")

    assert (again["outcome"], again["rows"]["rows_read"]) == ("nothing_new", 3_000)


def test_a_run_that_assigns_in_groups_comes_to_what_one_group_does(
    two_segments, put, days, pipeline: Pipeline, lake: Lake, environment
):
    rows = [{"total_orders": str(n), "last_order_ts": "2018-05-03"} for n in (1, 3, 3, 14)]
    pipeline.run("full", {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}, STARTED)
    cases = [case(total_orders=str(n % 40), segment_name="loyalty") for n in range(1_800)]
    address = put("uploads/customers.parquet", parquet_bytes(customers(cases), row_group_size=300))

    def assigned(run_id: str) -> dict[str, Any]:
        planned = pipeline.ingest(run_id, {"mode": "assign", "customers": address})
        pipeline.assign(planned)
        merged = pipeline.merge(planned)
        return pipeline.model(run_id) | {"merged": sum(group["shards"] for group in merged)}

    environment.setenv("SHARD_TARGET_ROWS", "300")
    pipeline.reload()
    one = assigned("one")
    environment.setenv("SHARDS_PER_MERGE", "4")
    pipeline.reload()
    two = assigned("two")

    assert (one["merged"], two["merged"], two["shards"]) == (0, 6, 6)
    for summary in (one, two):
        assert summary["rows"] == 1_800 == summary["assigned"] + sum(summary["problems"].values())
    same = ("assigned", "problems", "cost")
    assert [one[name] for name in same] == [two[name] for name in same]
    folder = RunKeys("two").all_vouchers
    put(f"{folder}group-0002.x.parquet", b"x")
    with pytest.raises(errors.ShardsIncomplete, match=f"expected only objects of the run's groups in {folder}"):
        pipeline.model("two")

"""Model takes one result for each shard of the manifest, no fewer and no more."""

import json

import pytest

from tests.environment import BUCKET
from tests.integration.conftest import FOLDER, Pipeline, read_json
from voucher_selection.adapters.lake import Lake
from voucher_selection.domain import errors


def test_a_doubled_shard_is_refused(days, pipeline: Pipeline, lake: Lake, put):
    planned = pipeline.ingest("run-1", {"source": FOLDER})
    pipeline.clean(planned)
    shards = read_json(lake, planned["manifest_key"])
    put(planned["manifest_key"], json.dumps([*shards, shards[0]]).encode())

    with pytest.raises(errors.ShardsIncomplete, match="a shard is missing or occurs twice"):
        pipeline.model("run-1")


def test_a_result_of_no_shard_is_refused(days, pipeline: Pipeline, lake: Lake, put):
    pipeline.clean(pipeline.ingest("run-1", {"source": FOLDER}))
    body = lake.client.get_object(Bucket=BUCKET, Key="staging/run_id=run-1/totals/shard-00000.json")["Body"].read()
    put("staging/run_id=run-1/totals/shard-00099.json", body)

    with pytest.raises(errors.ShardsIncomplete, match="1 results belong to no shard of the manifest"):
        pipeline.model("run-1")

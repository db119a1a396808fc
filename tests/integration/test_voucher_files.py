"""A run that assigns writes parquet, or CSV where asked, and a manifest of what it wrote."""

import csv
import hashlib
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.customers import CASES, case
from tests.environment import BUCKET
from tests.histories import history, parquet_bytes
from tests.integration.conftest import STARTED, Pipeline, read_json
from tests.integration.test_assign import customers
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain import errors

COLUMNS = ["customer_id", "country_code", "segment_name", "segment", "voucher_amount", "problem", "basis"]


@pytest.fixture
def served(two_segments, put, pipeline: Pipeline) -> None:
    rows = [{"total_orders": str(n), "last_order_ts": "2018-05-03"} for n in (1, 3, 3, 14)]
    pipeline.run("full", {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}, STARTED)


def run(pipeline: Pipeline, lake: Lake, address: str, run_id: str = "assign", **request: Any) -> dict[str, Any]:
    """Run it, and return its manifest."""
    planned = pipeline.ingest(run_id, {"mode": "assign", "customers": address} | request)
    pipeline.assign(planned)
    pipeline.merge(planned)
    summary = pipeline.model(run_id)
    assert summary["manifest_key"] == f"assigned/run_id={run_id}/manifest.json"
    return read_json(lake, summary["manifest_key"])


def content(lake: Lake, key: str) -> bytes:
    return lake.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def test_csv_has_what_parquet_has(served, put, pipeline: Pipeline, lake: Lake):
    odd = [case(segment_name="loyalty", country_code=name) for name in ('=1+1, "Peru"\nx', "", None, " ")]
    cases = [{**each, "segment_name": "loyalty"} for each in CASES] + odd
    address = put("uploads/customers.parquet", parquet_bytes(customers(cases, pa.array(map(str, range(len(cases)))))))
    (parquet,) = run(pipeline, lake, address, "parquet")["files"]

    manifest = run(pipeline, lake, address, "csv", format="csv")

    (file,) = manifest["files"]
    text = content(lake, file["key"]).decode()
    expected = pq.read_table(io.BytesIO(content(lake, parquet["key"]))).to_pylist()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert (header, len(rows)) == (COLUMNS, len(cases))
    found = [dict(zip(header, row, strict=True)) for row in rows]
    numbers = [{**row, "voucher_amount": float(row["voucher_amount"] or "nan")} for row in found]
    assert str(numbers) == str([{**row, "voucher_amount": row["voucher_amount"] or float("nan")}
                                | {name: row[name] or "" for name in COLUMNS if name != "voucher_amount"}
                                for row in expected])  # fmt: skip
    assert text.startswith('"customer_id","country_code",')
    assert text.count("\r\n") == len(cases) + 1
    assert '"=1+1, ""Peru""\nx"' in text


@pytest.mark.parametrize(("asked", "folder"), [("parquet", "vouchers"), ("csv", "vouchers_csv")])
def test_the_manifest_lists_every_file_with_what_it_holds(
    served, put, pipeline: Pipeline, lake: Lake, environment, asked: str, folder: str
):
    environment.setenv("SHARD_TARGET_ROWS", "300")
    environment.setenv("SHARDS_PER_MERGE", "2")
    pipeline.reload()
    cases = [case(total_orders=str(n % 40), segment_name="loyalty") for n in range(900)]
    address = put("uploads/customers.parquet", parquet_bytes(customers(cases), row_group_size=300))

    manifest = run(pipeline, lake, address, format=asked)

    files = manifest.pop("files")
    names = ["group-0000.shard-00000", "group-0000.shard-00001", "group-0001.shard-00002"]
    assert [file["key"] for file in files] == [f"assigned/run_id=assign/{folder}/{name}.{asked}" for name in names]
    assert sorted(lake.list(f"assigned/run_id=assign/{folder}/")) == [file["key"] for file in files]
    for file in files:
        body = content(lake, file["key"])
        assert (file["rows"], file["bytes"]) == (300, len(body))
        assert file["sha256"] == hashlib.sha256(body).hexdigest()
        assert file["etag"] == lake.listed(file["key"])[file["key"]].etag
    types = ["int64", "string", "string", "string", "double", "string", "string"]
    assert manifest == {
        "run_id": "assign",
        "version": read_json(lake, "runs/run_id=assign/run.json")["version"],
        "customers": address,
        "format": asked,
        "bucket": BUCKET,
        "rows": 900,
        "columns": [{"name": name, "type": kind} for name, kind in zip(COLUMNS, types, strict=True)],
    }


def test_the_output_is_the_folder_of_the_format(served, put, pipeline: Pipeline, lake: Lake):
    address = put("uploads/customers.parquet", parquet_bytes(customers([case(segment_name="loyalty")])))
    request = {"mode": "assign", "customers": address, "format": "csv"}
    pipeline.assign(pipeline.ingest("assign", request))

    summary = pipeline.sum_up("assign", request)

    assert (summary["format"], summary["output"]) == ("csv", f"s3://{BUCKET}/assigned/run_id=assign/vouchers_csv/")
    # Tables of Athena are over the other one.
    assert list(lake.list(RunKeys("assign").all_vouchers)) == []


def test_csv_that_is_altered_or_that_no_shard_wrote_is_found(served, put, pipeline: Pipeline, lake: Lake):
    address = put("uploads/customers.parquet", parquet_bytes(customers([case(segment_name="loyalty")])))
    request, keys = {"mode": "assign", "customers": address, "format": "csv"}, RunKeys("assign")
    planned = pipeline.ingest("assign", request)
    pipeline.assign(planned)
    for key in (keys.csv_vouchers(0), keys.csv_vouchers(1), keys.vouchers(0)):
        put(key, b"x")
        with pytest.raises(errors.ShardsIncomplete, match=f"1 objects differ from those that the shards wrote: {key}"):
            pipeline.sum_up("assign", request)
        lake.client.delete_object(Bucket=BUCKET, Key=key)
        pipeline.assign(planned)

    assert pipeline.sum_up("assign", request)["rows"] == 1


def test_files_of_an_older_version_have_no_manifest(served, put, pipeline: Pipeline, lake: Lake):
    address = put("uploads/customers.parquet", parquet_bytes(customers([case(segment_name="loyalty")])))
    request, key = {"mode": "assign", "customers": address}, RunKeys("assign").assigned(0)
    pipeline.assign(pipeline.ingest("assign", request))
    result = read_json(lake, key)
    put(key, json.dumps({name: value for name, value in result.items() if name not in {"vouchers", "format"}}).encode())

    assert pipeline.sum_up("assign", request)["manifest_key"] is None


def test_another_format_is_refused_with_those_that_there_are(served, pipeline: Pipeline):
    with pytest.raises(errors.InvalidRequest, match="format: Input should be 'parquet' or 'csv'"):
        pipeline.ingest("assign", {"mode": "assign", "customers": "s3://bucket/k", "format": "xlsx"})

"""What `make_1_0_0` runs beside the code of 1.0.0, whose modules it imports: runs, and the bucket and table after them.

The runs are a full run, an append, a remodel, amounts for customers, and a full run that the gate holds back.
"""

import importlib
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import boto3
from moto import mock_aws

from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import BUCKET, ENVIRONMENT, TABLE

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
COUNTRIES = ["Peru", "Chile"]
UPLOADS = {
    "history": [
        *repeated(3, voucher_amount=2640.0),
        {"voucher_amount": 3520.0},
        {"total_orders": "5", "voucher_amount": 4400.0},
        {"country_code": "Chile", "voucher_amount": 1.5},
        {"country_code": "Chile", "last_order_ts": "2018-02-30"},
        {"country_code": "Mexico"},
    ],
    "day": repeated(2, timestamp="2018-07-22 08:00:00.000000", total_orders="5", voucher_amount=3520.0),
    "malformed": [*repeated(3, voucher_amount=3520.0), *repeated(3, last_order_ts="2018-02-30")],
}
CUSTOMER = {
    "customer_id": 1,
    "country_code": "Peru",
    "segment_name": "frequent_segment",
    "total_orders": "3",
    "last_order_ts": "2018-05-03",
}


def main(made: Path) -> None:
    """Run the runs, and write the bucket's objects and the table's items to a zip file."""
    os.environ |= ENVIRONMENT | {"COUNTRIES": json.dumps(COUNTRIES)}
    with mock_aws():
        s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
        s3.create_bucket(Bucket=BUCKET)
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        _run_all(s3)
        with ZipFile(made, "w", ZIP_DEFLATED) as target:
            for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
                content = s3.get_object(Bucket=BUCKET, Key=found["Key"])["Body"].read()
                target.writestr(f"bucket/{found['Key']}", content)
            items = dynamodb.scan(TableName=TABLE)["Items"]
            target.writestr("table.json", json.dumps(items))


def _run_all(s3: Any) -> None:
    # Made as late as a starting function makes them: their clients must be moto's.
    from tests.integration.conftest import Pipeline  # noqa: PLC0415
    from voucher_selection.lake import Lake  # noqa: PLC0415

    for name, rows in UPLOADS.items():
        s3.put_object(Bucket=BUCKET, Key=f"uploads/{name}.parquet", Body=parquet_bytes(history(*rows)))
    pa = importlib.import_module("pyarrow")
    s3.put_object(Bucket=BUCKET, Key="uploads/customers.parquet", Body=parquet_bytes(pa.Table.from_pylist([CUSTOMER])))
    pipeline = Pipeline(Lake(BUCKET))
    pipeline.run("full", {"source": _address("history")}, STARTED)
    pipeline.append("append", _address("day"), STARTED + timedelta(days=1))
    pipeline.remodel("remodel", STARTED + timedelta(days=2), cur_date="2018-10-01")
    amounts = {"mode": "assign", "customers": _address("customers")}
    pipeline.assign(pipeline.ingest("assign", amounts, STARTED + timedelta(days=3)))
    pipeline.sum_up("assign", amounts)
    _hold_back(pipeline, s3, {"source": _address("malformed"), "gate": {"most_malformed_share": 0.1}})


def _hold_back(pipeline: Any, s3: Any, request: dict[str, Any]) -> None:
    started = STARTED + timedelta(days=4)
    pipeline.clean(pipeline.ingest("held", request, started))
    try:
        pipeline.sum_up("held", request)
    except Exception as error:  # noqa: BLE001 - which is a class of another version
        record = {"run_id": "held", "status": "failed", "request": request, "started_at": started.isoformat()}
        body = json.dumps(record | {"error": type(error).__name__, "cause": json.dumps({"errorMessage": str(error)})})
        s3.put_object(Bucket=BUCKET, Key="runs/run_id=held/run.json", Body=body)
    else:
        sys.exit("expected the gate of 1.0.0 to hold back the run 'held', but it was published")


def _address(name: str) -> str:
    return f"s3://{BUCKET}/uploads/{name}.parquet"


if __name__ == "__main__":
    main(Path(sys.argv[1]))

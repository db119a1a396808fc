"""Restoring, as the documentation says it, with the page's own commands: objects, a model from counts, the table."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.aws_commands import AwsCommand
from tests.docs.pages import ROOT, blocks
from tests.environment import BUCKET, TABLE
from tests.integration.conftest import Api, Pipeline, load_handler
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys

PAGE = ROOT / "docs/how-to/restore.md"
RESTORED = "voucher-selection-restored"
NAMES = {
    "<BucketName>": BUCKET,
    "<TableName>": TABLE,
    "<TableArn>": f"arn:aws:dynamodb:us-east-1:123456789012:table/{RESTORED}",
    "<StateMachineArn>": "arn:aws:states:us-east-1:123456789012:stateMachine:runs",
    "<BackupArn>": f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}/backup/01234567890123-0a1b2c3d",
}
ASKED = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": 5}


def with_names(text: str) -> str:
    for name, value in NAMES.items():
        text = text.replace(name, value)
    return text


def commands(*beginnings: str) -> list[AwsCommand]:
    """The page's commands of AWS that begin like this, in its order."""
    lines = [line.strip() for code in blocks(PAGE) if not code.language for line in code.text.splitlines()]
    asked = tuple(f"aws {beginning}" for beginning in beginnings)
    return [AwsCommand.of(with_names(line)) for line in lines if line.startswith(asked)]


@pytest.fixture
def bucket(lake: Lake) -> Any:
    lake.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return boto3.resource("s3").Bucket(BUCKET)


@pytest.fixture
def answered(bucket: Any, version: str, api: Api) -> dict[str, Any]:
    """What is answered before anything is lost."""
    return api.lookup(**ASKED).json


def items(table: str) -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table(table).scan()["Items"]


def delete_items() -> None:
    table = boto3.resource("dynamodb").Table(TABLE)
    for item in items(TABLE):
        table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


def restore_objects(moment: datetime) -> None:
    (code,) = (code.text for code in blocks(PAGE) if code.language == "python")
    code = with_names(code).replace("2026-11-30T12:00:00Z", moment.isoformat())
    exec(compile(code, str(PAGE), "exec"), {})  # noqa: S102 - the page's own


@pytest.mark.usefixtures("environment")
def test_every_command_of_aws_is_one_that_the_service_takes():
    assert len(commands("")) == 10


def test_objects_that_were_deleted_or_overwritten_come_back_and_newer_ones_stay(
    answered, bucket: Any, pipeline: Pipeline, lake: Lake
):
    keys = RunKeys("run-1")
    before = {key: lake.open(key).read() for key in lake.list("production/")}
    moment = datetime.now(UTC)
    time.sleep(1)  # S3 counts the times of versions in seconds
    bucket.Object(keys.merged_counts).put(Body=b"no counts")
    bucket.Object(keys.ledger).put(Body=b"no ledger")
    bucket.Object(keys.ledger).delete()
    bucket.Object("production/run_id=run-2/ledger.json").put(Body=b"newer")

    restore_objects(moment)

    after = {key: lake.open(key).read() for key in lake.list("production/")}
    assert after == before | {"production/run_id=run-2/ledger.json": b"newer"}
    assert pipeline.sum_up("again", {"mode": "remodel"})["published"]


def test_a_table_that_lost_its_items_gets_a_model_from_the_counts(answered, pipeline: Pipeline, api: Api):
    delete_items()
    find, start = commands("s3api list", "stepfunctions start")

    found = find.call()
    asked = json.loads(start.parameters["input"]) | {"run_id": "run-1"}
    remodelled = pipeline.sum_up("rebuilt", asked)

    assert found == RunKeys("run-1").ledger
    assert remodelled["published"]
    assert load_again(api).lookup(**ASKED).json == answered | {
        "model": answered["model"] | {"version": remodelled["version"]}
    }


def test_the_stack_goes_on_with_a_table_that_was_restored_under_another_name(
    answered, environment: pytest.MonkeyPatch, pipeline: Pipeline, api: Api, lake: Lake
):
    boto3.client("dynamodb").update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    restore, wait = commands("dynamodb restore-table-to-point", "dynamodb wait")
    restore.call()  # moto restores the table as it is now, so the damage comes after it
    wait.call()
    delete_items()
    for command in commands("dynamodb update", "dynamodb tag"):
        command.call()
    environment.setenv("TABLE", RESTORED)
    pipeline.reload()

    assert load_again(api).lookup(**ASKED).json == answered
    assert pipeline.sum_up("later", {"mode": "remodel"})["published"]
    assert pipeline.sum_up("back", {"mode": "rollback"})["version"] == answered["model"]["version"]
    assert items(TABLE) == []
    assert lacks_nothing(RESTORED)


def load_again(api: Api) -> Api:
    """Let the API start anew, as after a deployment."""
    api.handler = load_handler("api")
    return api


def lacks_nothing(table: str) -> bool:
    client = boto3.client("dynamodb")
    backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    described = client.describe_table(TableName=table)["Table"]
    tags = client.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    return (
        client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
        and backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
        and described["DeletionProtectionEnabled"]
        and {tag["Key"]: tag["Value"] for tag in tags} == {"project": "voucher-selection", "stage": "prod"}
    )

"""The services around the functions: those that the plugins bring, and what they do with functions."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from werkzeug.routing import Map, Rule

from conftest import REGION, ROLE, open_api, wait_until
from process_emulator.worked_out_once import (
    make_no_addresses,
    parse_definitions_once,
    parse_paths_once,
    without_batch,
)

if TYPE_CHECKING:
    from conftest import Emulator


def test_https_answers_on_the_same_port(emulator: Emulator) -> None:
    self_signed = ssl._create_unverified_context()

    with urllib.request.urlopen(f"https://localhost:{emulator.port}/_localstack/health", context=self_signed) as answer:
        health = json.load(answer)

    assert health["version"] == "4.14.0"


def test_conditional_write_of_dynamodb_is_refused_when_its_condition_fails(emulator: Emulator) -> None:
    dynamodb, table = emulator.client("dynamodb"), create_table(emulator)
    item = {"pk": {"S": "pointer"}, "version": {"N": "2"}}
    dynamodb.put_item(TableName=table, Item=item)

    older = {"pk": {"S": "pointer"}, "version": {"N": "1"}}
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        dynamodb.put_item(
            TableName=table,
            Item=older,
            ConditionExpression="version < :new",
            ExpressionAttributeValues={":new": {"N": "1"}},
        )

    assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "pointer"}})["Item"] == item


def test_failed_transaction_of_dynamodb_writes_nothing(emulator: Emulator) -> None:
    dynamodb, table = emulator.client("dynamodb"), create_table(emulator)
    write = {"Put": {"TableName": table, "Item": {"pk": {"S": "new"}}}}
    condition = {"TableName": table, "Key": {"pk": {"S": "other"}}, "ConditionExpression": "attribute_exists(pk)"}

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        dynamodb.transact_write_items(TransactItems=[write, {"ConditionCheck": condition}])

    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "new"}})


def test_dynamodb_loses_no_update_of_many_at_once(emulator: Emulator) -> None:
    dynamodb, table = emulator.client("dynamodb"), create_table(emulator)
    key = {"pk": {"S": "counter"}}

    def add_one(_: int) -> None:
        dynamodb.update_item(
            TableName=table, Key=key, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}}
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add_one, range(300)))

    assert dynamodb.get_item(TableName=table, Key=key)["Item"]["n"] == {"N": "300"}


def test_s3_keeps_its_files_in_the_folder_of_the_emulator(emulator: Emulator) -> None:
    s3, bucket = emulator.client("s3"), f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(2**20))

    # Another emulator, of another folder or another user, has the same buckets.
    assert list(emulator.state.rglob(bucket))
    assert not Path("/tmp/localstack-s3-storage", bucket).exists()


def test_step_functions_retries_and_catches_the_classes_of_exceptions(emulator: Emulator) -> None:
    function = emulator.create_function("""
        import tempfile
        from pathlib import Path
        class Throttled(Exception): ...
        class SchemaMismatch(Exception): ...
        def handler(event, context):
            tried = Path(tempfile.gettempdir(), "tried")
            if not tried.exists():
                tried.touch()
                raise Throttled
            raise SchemaMismatch("after a retry")
    """)
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:lambda:{REGION}:000000000000:function:{function.name}",
        "Retry": [{"ErrorEquals": ["Throttled"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["SchemaMismatch"], "Next": "Caught"}],
        "End": True,
    }

    execution = run_state_machine(emulator, {"StartAt": "Do", "States": {"Do": task, "Caught": {"Type": "Succeed"}}})

    assert execution["status"] == "SUCCEEDED"
    caught = json.loads(execution["output"])
    assert caught["Error"] == "SchemaMismatch"
    assert json.loads(caught["Cause"])["errorMessage"] == "after a retry"


def test_a_function_of_a_later_state_starts_while_the_first_state_works(emulator: Emulator) -> None:
    first = emulator.create_function("""
        import time
        def handler(event, context):
            time.sleep(1.5)
            return {"ended": time.time()}
    """)
    second = emulator.create_function("""
        import os, time
        started = time.time()
        def handler(event, context):
            return {"started": started, "invoked": time.time(), "before": event["ended"], "process": os.getpid()}
    """)
    arns = [f"arn:aws:lambda:{REGION}:000000000000:function:{function.name}" for function in (first, second)]
    states = {"A": {"Type": "Task", "Resource": arns[0], "Next": "B"}, "B": {"Type": "Task", "Resource": arns[1]}}
    states["B"]["End"] = True

    execution = run_state_machine(emulator, {"StartAt": "A", "States": states})

    times = json.loads(execution["output"])
    assert times["started"] < times["before"] < times["invoked"]


def test_the_functions_on_the_way_of_an_execution_are_those_of_the_defaults_of_its_choices() -> None:
    with without_batch():
        from process_emulator.proactive import functions_on_the_way  # noqa: PLC0415

    def invoke(name: str, **following: Any) -> dict[str, Any]:
        resource = "arn:aws:states:::lambda:invoke"
        return {"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": name}, **following}

    each = {"StartAt": "Clean", "States": {"Clean": invoke("clean", End=True)}}
    states = {
        "ByMode": {"Type": "Choice", "Choices": [{"Next": "Model"}], "Default": "Ingest"},
        "Ingest": invoke("ingest", Next="CleanShards", Catch=[{"Next": "Failed"}]),
        "CleanShards": {"Type": "Map", "ItemProcessor": each, "Next": "Model"},
        "Model": invoke("model", Next="Again"),
        "Again": invoke("ingest", Next="Tell"),
        "Tell": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Next": "ByMode"},
        "Failed": invoke("failed", End=True),
    }

    assert [*functions_on_the_way({"StartAt": "ByMode", "States": states})] == ["ingest", "clean", "model"]


def test_api_gateway_hands_requests_to_a_function(emulator: Emulator) -> None:
    function = emulator.create_function("""
        import json
        def handler(event, context):
            answer = {"path": event["path"], "sent": json.loads(event["body"])}
            return {"statusCode": 201, "headers": {"x-from": "function"}, "body": json.dumps(answer)}
    """)
    url, json_type = f"{open_api(emulator, function)}/some/path", {"Content-Type": "application/json"}
    request = urllib.request.Request(url, b'{"a": 1}', json_type)
    with urllib.request.urlopen(request) as answer:
        status, header, body = answer.status, answer.headers["x-from"], json.load(answer)

    assert (status, header) == (201, "function")
    assert body == {"path": "/some/path", "sent": {"a": 1}}


def test_invocations_and_errors_are_counted_in_cloudwatch(emulator: Emulator) -> None:
    function = emulator.create_function("""
        def handler(event, context):
            return 1 / event["divisor"]
    """)
    for divisor in (1, 0, 2):
        function.invoke({"divisor": divisor})
    now = datetime.now(UTC)

    def total(name: str) -> float:
        statistics = emulator.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": function.name}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in statistics["Datapoints"])

    assert wait_until(lambda: (total("Invocations"), total("Errors")) == (3, 1), 5), (
        total("Invocations"),
        total("Errors"),
    )


def create_table(emulator: Emulator) -> str:
    """Return the name of a new table with the key `pk`."""
    name = f"table-{uuid.uuid4().hex[:8]}"
    emulator.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def run_state_machine(emulator: Emulator, definition: dict[str, Any]) -> dict[str, Any]:
    """Return the execution's description once it has ended."""
    client = emulator.client("stepfunctions")
    name = f"machine-{uuid.uuid4().hex[:8]}"
    machine = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    arn = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    assert wait_until(lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING", 20)
    execution: dict[str, Any] = client.describe_execution(executionArn=arn)
    return execution


def test_a_path_of_a_state_is_parsed_once() -> None:
    from localstack.services.stepfunctions.asl.component.common.path import result_path  # noqa: PLC0415
    from localstack.services.stepfunctions.asl.utils import json_path  # noqa: PLC0415

    parse_paths_once()

    assert json_path.parse("$.a.b") is json_path.parse("$.a.b")
    assert result_path.parse("$.a") is result_path.parse("$.a")
    assert json_path.extract_json("$.a.b", {"a": {"b": 1}}) == 1
    assert json_path.extract_json("$.a.b", {"a": {"b": 2}}) == 2


def test_a_state_machine_is_parsed_once_and_has_states_of_its_own_in_each_execution() -> None:
    with without_batch():
        from localstack.services.stepfunctions.asl.parse.asl_parser import (  # noqa: PLC0415
            AmazonStateLanguageParser,
            ASLParserException,
        )

    assert not {"moto.batch", "moto.batch.models"} & set(sys.modules)
    parse_definitions_once()
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    (first, tree), (second, same) = (AmazonStateLanguageParser.parse(definition) for _ in range(2))

    assert tree is same
    assert first is not second
    for _ in range(2):
        with pytest.raises(ASLParserException):
            AmazonStateLanguageParser.parse('{"StartAt": 1}')


def test_a_route_still_makes_addresses() -> None:
    make_no_addresses()

    routes = Map([Rule("/apis/<name>", endpoint="api")]).bind("localhost")

    assert routes.match("/apis/a%20b") == ("api", {"name": "a%20b"})
    assert routes.build("api", {"name": "a", "page": 2}) == "/apis/a?page=2"


def test_each_functions_code_has_an_address_of_its_own(emulator: Emulator) -> None:
    names = [emulator.create_function("").name for _ in range(2)]
    client = emulator.client("lambda")

    addresses = [client.get_function(FunctionName=name)["Code"]["Location"] for name in names]

    assert all(f":{emulator.port}/" in address for address in addresses)
    assert [name in address for name, address in zip(names, addresses, strict=True)] == [True, True]

"""The handlers as Lambda loads them, against moto's S3 and DynamoDB, and the state machine's way through them."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import boto3
import botocore.loaders
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.endpoint_provider import RuleSet
from moto import mock_aws

from local.quickstart.here.sample import sample_history
from tests.environment import BUCKET, TABLE, function_environment
from tests.histories import history, parquet_bytes, repeated
from tests.moto_addresses import addresses_worked_out_once
from tests.moto_clients import Clients
from tests.moto_items import items_as_they_are
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.stores import dynamodb_client, s3_client

# API Gateway's, of every request.
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_CLIENTS = Clients()
FOLDER = f"s3://{BUCKET}/uploads/days/"
# Definitions of a deployment's own.
TWO = {
    "segmentations": [
        {
            "name": "loyalty",
            "measure": "total_orders",
            "segments": [{"name": "few", "lower": 0, "upper": 3}, {"name": "many", "lower": 4, "upper": None}],
            "outside": None,
        }
    ]
}
CONTEXT = SimpleNamespace(
    function_name="test",
    function_version="7",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:test",
    aws_request_id="00000000-0000-0000-0000-000000000000",
)


def read_json(lake: Lake, key: str) -> Any:
    return json.loads(lake.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def quarantine_of(lake: Lake, run_id: str) -> pa.Table:
    """Download the rejected rows of a run and read them, as one who looks into them does."""
    with TemporaryDirectory() as folder:
        for key in lake.list(f"quarantine/run_id={run_id}/"):
            file = Path(folder, key)
            file.parent.mkdir(parents=True, exist_ok=True)
            lake.client.download_file(BUCKET, key, str(file))
        rows = pq.read_table(f"{folder}/quarantine/run_id={run_id}", partitioning="hive")
        return rows.set_column(rows.schema.get_field_index("rule"), "rule", rows["rule"].cast(pa.string()))


@pytest.fixture(scope="session", autouse=True)
def service_models_read_once() -> Iterator[None]:
    """Share what botocore reads of each service: every test makes clients anew, and reading takes most of that."""
    loader = botocore.loaders.Loader()
    rules: dict[int, RuleSet] = {}

    def rules_once(**found: Any) -> RuleSet:
        """Return the rules of a service's addresses, which are not changed by their use."""
        of_service = id(found["rules"])  # which the loader keeps
        if of_service not in rules:
            rules[of_service] = RuleSet(**found)
        return rules[of_service]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", lambda *_: loader)
        patch.setattr("botocore.endpoint_provider.RuleSet", rules_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def moto_does_nothing_twice() -> Iterator[None]:
    with items_as_they_are(), addresses_worked_out_once():
        yield


def ask_what_if(**request: Any) -> dict[str, Any]:
    """Ask the WhatIf function, as the API does."""
    return load_handler("what_if").lambda_handler({"question": "what_if", "request": request}, CONTEXT)


def load_handler(name: str) -> ModuleType:
    """Load a handler anew, as a starting Lambda environment does."""
    for module in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[module]
    return importlib.import_module(f"{name}.handler")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in function_environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def two_segments(environment: pytest.MonkeyPatch) -> None:
    """A deployment of few segments: moto takes longest to write all segments of a version into its answers."""
    environment.setenv("SEGMENTS", json.dumps(TWO))


@pytest.fixture
def aws(environment: pytest.MonkeyPatch) -> Iterator[None]:
    with aws_in_memory():
        yield


@contextmanager
def aws_in_memory() -> Iterator[None]:
    """Have moto's AWS with the stores of a deployment, until the end of the block."""
    with mock_aws(), _CLIENTS.lent():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield


@pytest.fixture
def lake(aws: None) -> Lake:
    return Lake(BUCKET, s3_client())


@pytest.fixture
def catalog(aws: None) -> Catalog:
    return Catalog(TABLE, dynamodb_client())


def forget_the_ledger(catalog: Catalog) -> None:
    """Make the served version one from before versions knew their ledger."""
    key = {"pk": {"S": "MODEL"}, "sk": {"S": f"VERSION#{catalog.served_version()}"}}
    catalog._client.update_item(
        TableName=TABLE, Key=key, UpdateExpression="REMOVE #l", ExpressionAttributeNames={"#l": "ledger"}
    )


def forget_the_countries(catalog: Catalog) -> None:
    """Make the served version one from before models had the amounts of countries."""
    version = catalog.served_version()
    for country in catalog.version(version).countries:
        catalog._client.delete_item(TableName=TABLE, Key={"pk": {"S": f"VERSION#{version}"}, "sk": {"S": country}})


@pytest.fixture
def put(lake: Lake) -> Callable[[str, bytes], str]:
    """Put an object into the lake's bucket and return its address."""

    def put_object(key: str, body: bytes) -> str:
        lake.client.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    return put_object


@dataclass
class Pipeline:
    """Ingest, Clean for every shard, a merge for each of several groups, Model: the state machine without its retries.

    The parts of a history that tests append share their days. `overlap` is what an append says of that if its request
    says nothing; None: nothing.
    """

    lake: Lake
    overlap: str | None = "add"
    begun: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reload()

    def reload(self) -> None:
        self._ingest, self._clean, self._model = map(load_handler, ("ingest", "clean", "model"))
        self.__dict__.pop("_assign", None)

    @cached_property
    def _assign(self) -> ModuleType:
        return load_handler("assign")

    def ingest(self, run_id: str, request: Any, started_at: datetime | None = None) -> dict[str, Any]:
        started = (started_at or datetime.now(UTC)).isoformat()
        event = self.begun[run_id] = {"run_id": run_id, "started_at": started, "request": self._asked(request)}
        return self._ingest.lambda_handler(event, CONTEXT)

    def clean(self, planned: dict[str, Any]) -> list[dict[str, Any]]:
        event = {"run_id": planned["run_id"], "reading": planned["reading"]}
        shards = read_json(self.lake, planned["manifest_key"])
        return [self._clean.lambda_handler(event | {"shard": shard}, CONTEXT) for shard in shards]

    def assign(self, planned: dict[str, Any]) -> list[dict[str, Any]]:
        event = {"run_id": planned["run_id"]}
        shards = read_json(self.lake, planned["manifest_key"])
        return [self._assign.lambda_handler(event | {"shard": shard}, CONTEXT) for shard in shards]

    def merge(self, planned: dict[str, Any]) -> list[dict[str, Any]]:
        event = {"run_id": planned["run_id"], "mode": planned["mode"]}
        groups = read_json(self.lake, planned["groups_key"]) if planned["groups"] > 1 else []
        return [self._model.lambda_handler(event | {"group": group}, CONTEXT) for group in groups]

    def model(self, run_id: str) -> dict[str, Any]:
        return self._model.lambda_handler(self.begun[run_id], CONTEXT)

    def remodel(self, run_id: str, started_at: datetime, /, **request: Any) -> dict[str, Any]:
        return self.sum_up(run_id, {"mode": "remodel"} | request, started_at)

    def sum_up(self, run_id: str, request: dict[str, Any], started_at: datetime | None = None) -> dict[str, Any]:
        started = (started_at or datetime.now(UTC)).isoformat()
        event = {"run_id": run_id, "started_at": started, "request": self._asked(request)}
        return self._model.lambda_handler(event, CONTEXT)

    def append(self, run_id: str, source: str, started_at: datetime | None = None, **request: Any) -> dict[str, Any]:
        return self.run(run_id, {"mode": "append", "source": source} | request, started_at)

    def run(self, run_id: str, request: Any, started_at: datetime | None = None) -> dict[str, Any]:
        planned = self.ingest(run_id, request, started_at)
        self.clean(planned)
        self.merge(planned)
        return self.model(run_id)

    def _asked(self, request: Any) -> Any:
        is_append = isinstance(request, dict) and request.get("mode") == "append"
        return {"overlap": self.overlap} | request if is_append and self.overlap else request


@pytest.fixture
def pipeline(lake: Lake) -> Pipeline:
    return Pipeline(lake)


@pytest.fixture
@made_once
def version(put, pipeline: Pipeline) -> str:
    """A published model: in 121-180 three of 2640 and one of 3520; in 5-13 one of 4400; in out_of_range one of 1.5."""
    rows = [
        *repeated(3, voucher_amount=2640.0),
        {"voucher_amount": 3520.0},
        {"total_orders": "5", "last_order_ts": "", "voucher_amount": 4400.0},
        {"total_orders": "38", "last_order_ts": "", "voucher_amount": 1.5},
    ]
    source = put("uploads/history.parquet", parquet_bytes(history(*rows)))
    return pipeline.run("run-1", {"source": source})["version"]


@pytest.fixture
def days(put) -> list[str]:
    """Three objects with different histories, each with its address."""
    table = sample_history(3_000, seed=11)
    cuts = [(0, 700), (700, 1_400), (2_100, 900)]
    return [
        put(f"uploads/days/day-{n}.parquet", parquet_bytes(table.slice(start, rows), row_group_size=300))
        for n, (start, rows) in enumerate(cuts)
    ]


@pytest.fixture
def meanwhile(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch):
    """Let something happen once, just after Model has read which model is served."""

    def happens(event) -> None:
        catalog = pipeline._model.stores.catalog
        read, waiting = catalog.base, [event]

        def base():
            found = read()
            if waiting:
                waiting.pop()()
            return found

        monkeypatch.setattr(catalog, "base", base)

    return happens


@dataclass
class Answer:
    """What the API answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Api:
    """The API's handler, called with the events of API Gateway's Lambda proxy integration."""

    def __init__(self) -> None:
        self.handler = load_handler("api")

    def __call__(
        self, method: str, path: str, body: str | None = None, *, base64_encoded: bool = False, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        event = {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": method,
            "headers": named,
            "multiValueHeaders": {name: [value] for name, value in named.items()},
            "queryStringParameters": dict(parse_qsl(query, keep_blank_values=True)) or None,
            "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
            "requestContext": {
                "domainName": "api.example",
                "stage": "test",
                "requestId": REQUEST_ID,
                "path": f"/test{path}",
                "httpMethod": method,
            },
            "body": body,
            "isBase64Encoded": base64_encoded,
        }
        found = self.handler.lambda_handler(event, CONTEXT)
        found_headers = {name: values[0] for name, values in found["multiValueHeaders"].items()}
        return Answer(found["statusCode"], found_headers, found["body"])

    def lookup(self, **fields: Any) -> Answer:
        return self("POST", "/voucher", json.dumps(fields), Content_Type="application/json")


@pytest.fixture
def api(aws: None) -> Api:
    return Api()

"""Every kind of run and every route of the API, with the real handlers against moto's AWS: their calls are recorded."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, override
from urllib.parse import urlencode

import boto3
import boto3.s3.inject
import boto3.s3.transfer
import pyarrow as pa
import pyarrow.csv
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import MockRawResponse

from local.quickstart.here.sample import sample_history
from tests.customers import case
from tests.environment import BUCKET, STATE_MACHINE, function_environment
from tests.histories import parquet_bytes
from tests.infrastructure.rights.recorded import Call, Recorder
from tests.integration.conftest import CONTEXT, SECOND, STARTED, TWO, Api, Pipeline, aws_in_memory, load_handler
from tests.integration.injection import Injector, injected
from tests.integration.test_https_source import serving
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.stores import s3_client
from voucher_selection.api.operations import OPERATIONS, Operation
from voucher_selection.contract.bucket import INBOX, QUARANTINE, STAGING
from voucher_selection.contract.runs import RUNS_OF_THE_INBOX
from voucher_selection.domain.errors import CatalogUnavailable, VoucherSelectionError

SOURCES = "histories"
"""A bucket of the stage's `source_buckets`."""
ELSEWHERE = "elsewhere"
"""A bucket that the stage does not name: its objects are there, and the rights to read them are not."""

_UPLOADS = f"s3://{BUCKET}/uploads"
_MAP_RUN = f"{STATE_MACHINE.replace(':stateMachine:', ':mapRun:')}/CleanShards:0f6c1b2a"
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass
class Recorded:
    """What was done, and the calls that it took: the runs by their modes, and the API's routes as (method, path)."""

    calls: list[Call]
    modes: set[str] = field(default_factory=set)
    routes: set[tuple[str, str]] = field(default_factory=set)


class _WatchedPipeline(Pipeline):
    """The pipeline, whose functions' calls are recorded."""

    def __init__(self, lake: Lake, recorded: Recorded, recorder: Recorder) -> None:
        self._recorded, self._recorder = recorded, recorder
        super().__init__(lake, overlap=None)

    @override
    def reload(self) -> None:
        super().reload()
        for handler in (self._ingest, self._clean, self._assign, self._model):
            _watch(handler, self._recorder)

    @property
    def handlers(self) -> dict[str, ModuleType]:
        return {"ingest": self._ingest, "clean": self._clean, "assign": self._assign, "model": self._model}

    @override
    def _asked(self, request: Any) -> Any:
        self._recorded.modes.add(request.get("mode", "full"))
        return super()._asked(request)


def _watch(handler: ModuleType, recorder: Recorder) -> None:
    function = handler.__name__.partition(".")[0]
    handler.lambda_handler = recorder.watched(function, handler.lambda_handler)  # type: ignore[attr-defined]


def record_everything(folder: Path) -> Recorded:
    """Do everything once, with files in `folder`, and return what was recorded."""
    recorder = Recorder()
    recorded = Recorded(recorder.calls)
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        settings = function_environment(source_hosts=("localhost",), source_private_addresses=True, start_runs=True)
        for name, value in {**settings, "SEGMENTS": json.dumps(TWO)}.items():
            environment.setenv(name, value)
        stack.enter_context(aws_in_memory())
        for bucket in (SOURCES, ELSEWHERE):
            boto3.client("s3").create_bucket(Bucket=bucket)
        stack.enter_context(recorder.recording())
        pipeline = _WatchedPipeline(Lake(BUCKET, s3_client()), recorded, recorder)
        _before_the_first_model(pipeline, recorder)
        _runs(pipeline)
        _texts(pipeline)
        _in_groups(pipeline)
        _sources(pipeline, stack.enter_context(serving(folder, environment)))
        with _in_parts():
            _large_files(pipeline)
        _failures(pipeline)
        _ask_the_api(recorded, recorder)
        _look_at_the_catalog(recorder)
        _drop(pipeline, recorder)
    return recorded


def _put(pipeline: Pipeline, key: str, table: pa.Table, bucket: str = BUCKET) -> str:
    pipeline.lake.client.put_object(Bucket=bucket, Key=key, Body=parquet_bytes(table, row_group_size=300))
    return f"s3://{bucket}/{key}"


def _put_days(pipeline: Pipeline) -> None:
    table = sample_history(2_400, seed=11)
    for day in range(4):
        _put(pipeline, f"uploads/days/{day}.parquet", table.slice(day * 600, 600))


def _customers() -> pa.Table:
    return pa.table({name: pa.array([value] * 10) for name, value in ({"customer_id": "1"} | case()).items()})


def _fails(work: Callable[[], object]) -> None:
    """Do what ends with an error of ours: the calls up to it are what matters."""
    with pytest.raises(VoucherSelectionError):
        work()


def _before_the_first_model(pipeline: _WatchedPipeline, recorder: Recorder) -> None:
    """Ask for what does not exist yet: S3 says so only to those who may list. Then make counts without a model."""
    days = {"source": f"{_UPLOADS}/days/"}
    for request in ({"mode": "remodel"}, {"mode": "rollback"}, {"mode": "approve", "run_id": "none"}):
        _fails(lambda request=request: pipeline.sum_up("early", request))
    _fails(lambda: pipeline.ingest("early", {"mode": "append", **days}))
    _fails(lambda: pipeline.sum_up("early", {"mode": "remodel", "run_id": "none"}))
    what_if = load_handler("what_if")
    _watch(what_if, recorder)

    def ask(request: dict[str, Any]) -> None:
        what_if.lambda_handler({"question": "what_if", "request": request}, CONTEXT)

    for run_id in (None, "none"):
        _fails(lambda run_id=run_id: ask({"run_id": run_id}))
    _put_days(pipeline)
    pipeline.clean(pipeline.ingest("full", {"source": f"{_UPLOADS}/days/0.parquet"}, STARTED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.handlers["model"].stores.catalog, "publish", _unavailable)
        _fails(lambda: pipeline.model("full"))
    ask({"run_id": "full"})
    with _without(pipeline, RunKeys("full").plan):
        _fails(lambda: ask({"run_id": "full"}))


def _unavailable(*_: object) -> None:
    raise CatalogUnavailable("the test")


@contextmanager
def _without(pipeline: Pipeline, *keys: str) -> Iterator[None]:
    """Take objects away until the end of the block: they have expired, or somebody has deleted them."""
    client = pipeline.lake.client
    contents = {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
    for key in keys:
        client.delete_object(Bucket=BUCKET, Key=key)
    yield
    for key, content in contents.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=content)


def _runs(pipeline: Pipeline) -> None:
    """Run each kind of run: several versions, so that one expires; a run that is held back, and its approval."""
    pipeline.model("full")
    for day, overlap in ((1, "add"), (2, "replace"), (3, "refuse")):
        request = {"mode": "append", "source": f"{_UPLOADS}/days/{day}.parquet", "overlap": overlap}
        run_id, started = f"append-{day}", STARTED + day * SECOND
        if overlap == "refuse":
            _held_back(pipeline, run_id, request, started)
        else:
            pipeline.run(run_id, request, started)
    pipeline.sum_up("approved", {"mode": "approve", "run_id": "append-3", "overlap": "add"})
    for n, request in enumerate(({}, {"run_id": "full"}, {"cur_date": "2018-10-01"}, {"publish": False})):
        pipeline.sum_up(f"remodel-{n}", {"mode": "remodel", **request})
    for n in range(2):  # and again: a repetition finds what the first has settled
        pipeline.sum_up(f"back-{n}", {"mode": "rollback"})
        pipeline.sum_up(f"back-{n}", {"mode": "rollback"})
    request = {"mode": "assign", "customers": _put(pipeline, "uploads/customers.parquet", _customers())}
    pipeline.assign(pipeline.ingest("assign", request))
    pipeline.sum_up("assign", request)


def _in_groups(pipeline: Pipeline) -> None:
    """Run a history whose shards are merged in groups."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARD_TARGET_ROWS", "300")
        patch.setenv("SHARDS_PER_MERGE", "2")
        pipeline.reload()
        pipeline.run("in-groups", {"source": f"{_UPLOADS}/days/"})
    pipeline.reload()


def _held_back(pipeline: Pipeline, run_id: str, request: dict[str, Any], started: Any) -> None:
    """Have a run held back, and record the failure as the state machine does."""
    pipeline.clean(pipeline.ingest(run_id, request, started))
    _fails(lambda: pipeline.model(run_id))
    failed = {"run_id": run_id, "status": "failed", "request": request, "started_at": started.isoformat()}
    record = json.dumps(failed | {"error": "DeliveryOverlaps", "cause": "{}"})
    pipeline.lake.client.put_object(Bucket=BUCKET, Key=RunKeys(run_id).summary, Body=record)


def _sources(pipeline: Pipeline, site: Any) -> None:
    """Ingest from everywhere: another bucket, a server; and what is not there, or may not be read."""
    table = sample_history(600, seed=12)
    for bucket in (SOURCES, ELSEWHERE):
        pipeline.ingest(f"from-{bucket}", {"source": _put(pipeline, "year/x.parquet", table, bucket)})
        pipeline.ingest(f"from-the-folder-{bucket}", {"source": f"s3://{bucket}/year/"})
    site.files["/x.parquet"] = parquet_bytes(table)
    pipeline.ingest("from-a-server", {"source": f"{site.url}/x.parquet"})
    for source in (f"{_UPLOADS}/none.parquet", f"{_UPLOADS}/no/", f"s3://{SOURCES}/none.parquet"):
        _fails(lambda source=source: pipeline.ingest("none", {"source": source}))


@contextmanager
def _in_parts() -> Iterator[None]:
    """Have every transfer of a file made in parts, as of files that are too large for one request."""
    create = boto3.s3.transfer.create_transfer_manager

    def in_parts(client: Any, config: Any, *more: Any) -> Any:
        config.multipart_threshold = 1
        return create(client, config, *more)

    with pytest.MonkeyPatch.context() as patch:
        for module in (boto3.s3.inject, boto3.s3.transfer):
            patch.setattr(module, "create_transfer_manager", in_parts)
        patch.setattr("voucher_selection.adapters.lake._LARGEST_PUT", 0)
        patch.setattr("voucher_selection.adapters.sources.s3._LEAST_PART_BYTES", 0)
        yield


def _texts(pipeline: _WatchedPipeline) -> None:
    """Read a history and customers from CSV; then their rows as parquet have expired."""
    history_, customers = (f"uploads/{name}.csv" for name in ("history", "customers"))
    for key, table in ((history_, sample_history(600, seed=12)), (customers, _customers())):
        content = pa.BufferOutputStream()
        pa.csv.write_csv(table, content)
        pipeline.lake.client.put_object(Bucket=BUCKET, Key=key, Body=content.getvalue().to_pybytes())
    planned = pipeline.ingest("text", {"source": f"s3://{BUCKET}/{history_}"})
    pipeline.clean(planned)
    of_customers = pipeline.ingest("text-assign", {"mode": "assign", "customers": f"s3://{BUCKET}/{customers}"})
    pipeline.assign(of_customers)
    with _without(pipeline, *pipeline.lake.list("staging/run_id=text/texts/")):
        _fails(lambda: pipeline.clean(planned))
    with _without(pipeline, *pipeline.lake.list("staging/run_id=text-assign/texts/")):
        _fails(lambda: pipeline.assign(of_customers))


def _large_files(pipeline: _WatchedPipeline) -> None:
    """Copy and upload in parts; then lose one of them, so that what was begun is dropped."""
    history_, customers = {"source": f"{_UPLOADS}/days/0.parquet"}, f"{_UPLOADS}/customers.parquet"
    planned = pipeline.ingest("large", history_)
    pipeline.clean(planned)
    of_customers = pipeline.ingest("large-assign", {"mode": "assign", "customers": customers})
    pipeline.assign(of_customers)
    lost: Mapping[tuple[str, str], Callable[[], object]] = {
        ("ingest", ""): lambda: pipeline.ingest("lost", history_),
        ("clean", f"/{STAGING}/"): lambda: pipeline.clean(planned),
        ("clean", f"/{QUARANTINE}/"): lambda: pipeline.clean(planned),
        ("assign", ""): lambda: pipeline.assign(of_customers),
    }
    for (function, folder), work in lost.items():
        with injected(_losing_parts(folder), [pipeline.handlers[function]]):
            _fails(work)
    landed = [*pipeline.lake.list("raw/run_id=large")]
    with _without(pipeline, *landed, RunKeys("large-assign").plan):
        _fails(lambda: pipeline.clean(planned))
        _fails(lambda: pipeline.assign(of_customers))
    with _without(pipeline, *landed):
        _fails(lambda: pipeline.assign(of_customers))


def _losing_parts(folder: str) -> Injector:
    """Refuse the parts of what is uploaded into a folder; without one, of everything."""

    def choose(event: str, request: AWSPreparedRequest, _: int) -> str | None:
        refused = event.startswith("before-send.s3.UploadPart") and folder in request.url
        return "AccessDenied" if refused else None

    return Injector(choose)


def _failures(pipeline: Pipeline) -> None:
    """Let Model find a shard that is not complete, and the state machine's record of it."""
    request = {"source": f"{_UPLOADS}/days/0.parquet"}
    pipeline.ingest("incomplete", request)
    failure = json.dumps({"shard": 0, "error": "Lambda.Unknown", "cause": "{}"})
    key = f"{RunKeys('incomplete').failures}shard-0.json"
    pipeline.lake.client.put_object(Bucket=BUCKET, Key=key, Body=failure)
    _fails(lambda: pipeline.model("incomplete"))


def _ask_the_api(recorded: Recorded, recorder: Recorder) -> None:
    """Ask every route, also for what is not there."""
    client = boto3.client("stepfunctions")
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    client.create_state_machine(name="pipeline", definition=definition, roleArn="arn:aws:iam::123456789012:role/states")
    for run_id in ("full", "not-recorded"):
        client.start_execution(stateMachineArn=STATE_MACHINE, name=run_id, input="{}")
    api = Api()
    _watch(api.handler, recorder)
    _stand_in_for_step_functions(api)
    _stand_in_for_lambda(api, recorder)
    for operation in OPERATIONS:
        for run_id in ("full", "none"):
            path = operation.path.format(run_id=run_id, file="swagger-ui.css")
            answer = _ask(api, operation, path)
            assert answer.status < 500, (operation.method, path, answer.text)
        if operation.path == "/uploads":
            recorder.watched("api", _send)(answer.json)
        recorded.routes.add((operation.method, operation.path))
    for query in ("what_if=1&cur_date=2018-10-01", "best_ranges=1&measure=total_orders&most_ranges=3&least_support=1"):
        api("GET", f"/report?{query}", Accept="text/html")


def _send(offered: dict[str, Any]) -> None:
    """Do what an address that the API signs lets a browser do: S3 asks for the rights of who has signed."""
    bucket, _, key = offered["source"].removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(
        Bucket=bucket, Key=key, Body=b"x", IfNoneMatch=offered["send"]["headers"]["If-None-Match"]
    )


def _look_at_the_catalog(recorder: Recorder) -> None:
    """Let Watch look when a model was last published."""
    watch = load_handler("watch")
    _watch(watch, recorder)
    watch.lambda_handler({"source": "aws.events"}, CONTEXT)


def _drop(pipeline: Pipeline, recorder: Recorder) -> None:
    """Drop an object into the inbox, and another that no run can read; run what Inbox starts, and tell it."""
    inbox = load_handler("inbox")
    _watch(inbox, recorder)
    event = {"state_machine_arn": STATE_MACHINE}
    _put(pipeline, f"{INBOX}/a.parquet", sample_history(300, seed=13))
    pipeline.lake.client.put_object(Bucket=BUCKET, Key=f"{INBOX}/b.doc", Body=b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("voucher_selection.adapters.inbox_lease._PAUSE", timedelta(0))
        for _ in range(2):  # the second finds the run at work
            inbox.lambda_handler(event, CONTEXT)
    (run_id,) = [
        found["name"]
        for found in boto3.client("stepfunctions").list_executions(stateMachineArn=STATE_MACHINE)["executions"]
        if found["name"].startswith(RUNS_OF_THE_INBOX)
    ]
    request = {"mode": "append", "source": f"s3://{BUCKET}/{INBOX}/", "files": ["a.parquet"], "overlap": "add"}
    inbox.lambda_handler(event | {"ended": f"{RUNS_OF_THE_INBOX}other"}, CONTEXT)
    pipeline.run(run_id, request, STARTED + 40 * SECOND)
    inbox.lambda_handler(event | {"ended": run_id}, CONTEXT)


def _ask(api: Api, operation: Operation, path: str) -> Any:
    if operation.body is None:
        return api(operation.method, path, Accept="text/html" if "json" not in path else "*/*")
    example: Any = operation.body.example
    body = json.dumps(example) if operation.body.media_type == _JSON else urlencode(example)
    return api(operation.method, path, body, Content_Type=operation.body.media_type)


def _stand_in_for_step_functions(api: Api) -> None:
    """Answer what moto has not: the history of an execution in its map, and the map's run."""
    event = {"id": 1, "timestamp": 0, "type": "MapRunStarted", "mapRunStartedEventDetails": {"mapRunArn": _MAP_RUN}}
    counts = dict.fromkeys(
        ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total", "resultsWritten"), 1
    )
    answers = {"GetExecutionHistory": {"events": [event]}, "DescribeMapRun": {"itemCounts": counts}}
    for operation, answer in answers.items():
        content = json.dumps(answer)
        _answer(api.handler.run_routes.state_machine()._client, f"stepfunctions.{operation}", lambda _, c=content: c)


def _stand_in_for_lambda(api: Api, recorder: Recorder) -> None:
    """Answer as Lambda does, with the WhatIf function."""
    what_if = load_handler("what_if")
    _watch(what_if, recorder)

    def invoke(request: AWSPreparedRequest) -> str:
        return json.dumps(what_if.lambda_handler(json.loads(request.body), CONTEXT))

    _answer(api.handler.run_routes.what_if_function()._client, "lambda.Invoke", invoke)


def _answer(client: Any, operation: str, answer: Callable[[AWSPreparedRequest], str]) -> None:
    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, MockRawResponse(answer(request)))

    client.meta.events.register_first(f"before-send.{operation}", send)

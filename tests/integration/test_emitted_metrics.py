"""What the functions write into their logs: every metric of the list and no other, and lines that name their run."""

import io
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import CONTEXT, SECOND, STARTED, Api, Pipeline, load_handler
from tests.lookup_requests import SEED_REQUEST
from voucher_selection.contract.metrics import METRICS
from voucher_selection.domain import errors
from voucher_selection.domain.errors import HeldBack, RefreshHeldBack, ShardsIncomplete

FUNCTIONS = ("ingest", "clean", "assign", "model")
# A row of each kind: kept, of another country, malformed, and two of one other rule.
ROWS = [
    {},
    {"country_code": "Latvia"},
    {"total_orders": "many"},
    {"voucher_amount": None},
    {"voucher_amount": None},
]


class Emitted(NamedTuple):
    """A value of a metric as CloudWatch reads it, and which function's line had it."""

    function: str
    name: str
    unit: str
    dimensions: frozenset[str]
    values: tuple[float, ...]
    of: str


def emitted(function: str, lines: str) -> list[Emitted]:
    """The metrics in the lines of a log: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    found = []
    for line in map(json.loads, filter(lambda line: line.startswith('{"_aws"'), lines.splitlines())):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "VoucherSelection"
        ((*dimensions,),) = directive["Dimensions"]
        assert {*dimensions} <= line.keys()
        of = "".join(line[name] for name in dimensions if name not in {"service", "function_name"})
        for metric in directive["Metrics"]:
            values = tuple(line[metric["Name"]])
            found.append(Emitted(function, metric["Name"], metric["Unit"], frozenset(dimensions), values, of))
    return found


@pytest.fixture
def watch(aws: None, environment) -> ModuleType:
    """Watch, on a stage whose API does not answer."""
    environment.setenv("HEALTH_URL", "http://127.0.0.1:9/health")
    return load_handler("watch")


@pytest.fixture
def told(pipeline: Pipeline, api: Api, watch, capsys: pytest.CaptureFixture[str], monkeypatch) -> list[Emitted]:
    """The metrics of every invocation so far, each with the function that wrote it."""
    found: list[Emitted] = []

    def recorded(function: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def called(event: Any, context: Any) -> Any:
            capsys.readouterr()
            try:
                return handler(event, context)
            finally:
                found.extend(emitted(function, capsys.readouterr().out))

        return called

    modules = {name: getattr(pipeline, f"_{name}") for name in FUNCTIONS} | {"api": api.handler, "watch": watch}
    for name, module in modules.items():
        monkeypatch.setattr(module, "lambda_handler", recorded(name, module.lambda_handler))
    return found


def last(told: list[Emitted], name: str) -> dict[str, tuple[float, ...]]:
    """The last values of a metric, by the value of its own dimension."""
    return {entry.of: entry.values for entry in told if entry.name == name}


@pytest.fixture
def run(put, pipeline: Pipeline) -> Callable[..., Any]:
    """Run a history of these rows."""

    def of(run_id: str, *rows: Any, started=STARTED, **request: Any) -> Any:
        source = put(f"uploads/{run_id}.parquet", parquet_bytes(history(*rows)))
        asked = {"source": source} | request
        pipeline.clean(pipeline.ingest(run_id, asked, started))
        return pipeline.sum_up(run_id, asked)

    return of


def test_a_run_counts_its_rows_and_its_rejected_ones_by_rule(told: list[Emitted], run):
    run("run-1", *ROWS)

    assert last(told, "RowsLanded") == last(told, "RowsRead") == {"": (5,)}
    assert last(told, "ShardsPlanned") == {"": (1,)}
    assert (last(told, "RowsKept"), last(told, "RowsOtherCountry")) == ({"": (1,)}, {"": (1,)})
    assert last(told, "RowsRejected") == {"": (3,)}
    assert last(told, "RowsRejectedByRule") == {"malformed": (1,), "null_voucher_amount": (2,)}
    assert last(told, "ModelsPublished") == {"": (1,)}


def test_what_was_not_published_says_why(told: list[Emitted], run, pipeline: Pipeline):
    run("new", {}, started=STARTED + SECOND)
    run("late", {}, started=STARTED)
    assert (last(told, "ModelsPublished"), last(told, "ModelsSuperseded")) == ({"": (0,)}, {"": (1,)})

    with pytest.raises(HeldBack):
        run("held", *ROWS, started=STARTED + 2 * SECOND, gate={"most_malformed_share": 0.0})
    assert last(told, "ModelsHeldBack") == {"": (1,)}

    source = "s3://lake/uploads/new.parquet"
    pipeline.ingest("unclean", {"source": source}, STARTED)
    with pytest.raises(ShardsIncomplete):
        pipeline.model("unclean")
    assert last(told, "ShardsFailed") == {"": (1,)}


def test_each_night_says_whether_it_was_held_back_and_a_publication_ends_it(told: list[Emitted], run, pipeline):
    run("first", *repeated(40))
    told.clear()
    gate = {"most_lost_segments": 0}
    # 40 rows of 3 May 2018: in 121-180 until 30 October
    for number, day in enumerate(("2018-09-16", "2018-11-15", "2018-11-16"), start=1):
        asked = {"mode": "remodel", "scheduled": True, "cur_date": day, "gate": gate}
        if day < "2018-11":
            pipeline.sum_up(f"night-{number}", asked, STARTED + number * SECOND)
        else:
            with pytest.raises(RefreshHeldBack, match="121-180"):
                pipeline.sum_up(f"night-{number}", asked, STARTED + number * SECOND)
    pipeline.sum_up("what-if", {"mode": "remodel", "publish": False})
    pipeline.remodel("by-hand", STARTED + 9 * SECOND, cur_date="2018-11-16")

    assert [entry.values for entry in told if entry.name == "ModelsHeldBack"] == [(0,), (1,), (1,), (0,)]


def test_lookups_are_counted_and_their_refusals_by_code(version: str, told: list[Emitted], api: Api):
    api.lookup(**SEED_REQUEST)
    assert last(told, "VouchersSelected") == {"": (1,)}

    api.lookup(**SEED_REQUEST | {"country_code": "Atlantis"})
    assert last(told, "LookupsRefused") == {"unknown_country": (1,)}

    batch = {"customers": [SEED_REQUEST, SEED_REQUEST, {}, SEED_REQUEST | {"country_code": "Atlantis"}, {}]}
    api("POST", "/vouchers", json.dumps(batch), Content_Type="application/json")
    assert last(told, "VouchersSelected") == {"": (2,)}
    assert last(told, "LookupsRefused") == {"unknown_country": (1,), "invalid_request": (2,)}


def test_a_request_that_fails_by_our_fault_is_counted_by_the_version_that_failed(
    version: str, told: list[Emitted], api: Api, monkeypatch
):
    api.lookup(**SEED_REQUEST | {"country_code": "Atlantis"})
    assert not [entry for entry in told if entry.name == "RequestsFailed"]

    monkeypatch.setattr(api.handler, "look_up", lambda *_: 1 / 0)
    assert api.lookup(**SEED_REQUEST).status == 500
    assert last(told, "RequestsFailed") == {"7": (1,)}


def test_a_lookup_between_two_questions_to_the_catalog_writes_one_line_with_one_metric(
    version: str, environment, capsys: pytest.CaptureFixture[str]
):
    environment.setenv("MODEL_REFRESH_SECONDS", "3600")
    api = Api()
    api.lookup(**SEED_REQUEST)
    capsys.readouterr()

    api.lookup(**SEED_REQUEST)

    assert [entry.name for entry in emitted("api", capsys.readouterr().out)] == ["VouchersSelected"]


def test_the_age_of_the_model_and_the_use_of_the_cache_come_with_each_question_to_the_catalog(
    version: str, told: list[Emitted], api: Api, monkeypatch
):
    models, now = api.handler.models, STARTED.timestamp() + 3600
    monkeypatch.setattr(models, "_refresh_seconds", 60)
    monkeypatch.setattr(models, "_clock", lambda: now)
    for _ in range(4):
        api.lookup(**SEED_REQUEST)
    published = models.current().published_at.timestamp()
    told.clear()
    now += 61

    api.lookup(**SEED_REQUEST)

    assert last(told, "ModelRefreshes") == {"": (1,)}
    assert last(told, "ModelCacheHits") == {"": (4,)}, "three lookups, and the one of this test"
    assert last(told, "ModelAge") == {"": (now - published,)}
    ((days,),) = last(told, "CurDateAge").values()
    assert days // 86_400 == (STARTED.date() - models.current().cur_date).days


def test_every_metric_of_the_list_is_emitted_as_it_says_and_no_other(
    told: list[Emitted], run, put, pipeline: Pipeline, api: Api, watch, monkeypatch
):
    run("run-1", *ROWS, *repeated(3))
    with pytest.raises(HeldBack):
        run("held", *ROWS, started=STARTED + SECOND, gate={"most_malformed_share": 0.0})
    pipeline.ingest("unclean", {"source": "s3://lake/uploads/run-1.parquet"}, STARTED)
    with pytest.raises(ShardsIncomplete):
        pipeline.model("unclean")
    assign = {"mode": "assign", "customers": "s3://lake/uploads/run-1.parquet", "segment_name": "frequent_segment"}
    with pytest.raises(errors.WrongSchema):
        pipeline.ingest("no-customers", assign)
    customers = history({}).append_column("customer_id", [["one"]])
    assign["customers"] = put("uploads/customers.parquet", parquet_bytes(customers))
    pipeline.assign(pipeline.ingest("assign", assign))
    pipeline.sum_up("assign", assign)
    api.lookup(**SEED_REQUEST)
    api.lookup()
    with monkeypatch.context() as broken:
        broken.setattr(api.handler, "look_up", lambda *_: 1 / 0)
        api.lookup(**SEED_REQUEST)
    monkeypatch.setattr(api.handler.models._catalog, "pointer", lambda: (_ for _ in ()).throw(errors.UnreadableItem()))
    api.lookup(**SEED_REQUEST)
    watch.lambda_handler({}, CONTEXT)

    as_emitted = defaultdict(set)
    for entry in told:
        if entry.name != "ColdStart":
            as_emitted[entry.name].add((entry.unit, entry.function, entry.dimensions))
    assert as_emitted == {
        metric.name: {(metric.unit, metric.service, frozenset({"service", metric.dimension} - {""}))}
        for metric in METRICS
    }


def test_a_request_without_metrics_writes_no_line_for_that(environment, tmp_path):
    script = """
from types import SimpleNamespace
from voucher_selection.adapters.observability import observed

names = ("function_name", "memory_limit_in_mb", "invoked_function_arn", "aws_request_id")
handler = observed()(lambda event, context: {})
for _ in range(2):  # the first has the metric of the cold start
    handler({}, SimpleNamespace(**dict.fromkeys(names, "1")))
"""
    environment.setenv("PYTHONPATH", next(entry for entry in sys.path if entry.endswith("layers/shared/python")))

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert told.stderr == ""
    (metrics,) = told.stdout.splitlines()
    assert json.loads(metrics)["ColdStart"] == [1.0]


def lines_of(module: Any, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any]) -> list[Any]:
    log = io.StringIO()
    monkeypatch.setattr(module.logger.registered_handler, "stream", log)
    call()
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_lines_name_the_run_the_shard_and_the_model(pipeline: Pipeline, put, monkeypatch):
    source = put("uploads/history.parquet", parquet_bytes(history({})))
    published = {}

    def run() -> None:
        published.update(pipeline.run("run-1", {"source": source}))

    planned, cleaned, modelled = lines_of(pipeline._model, monkeypatch, run)

    assert [line["run_id"] for line in (planned, cleaned, modelled)] == ["run-1"] * 3
    assert (cleaned["shard"], modelled["model_version"]) == (0, published["version"])
    assert {line["function_request_id"] for line in (planned, cleaned, modelled)} == {CONTEXT.aws_request_id}


def test_a_failure_is_logged_with_its_run_and_shard_and_still_fails(pipeline: Pipeline, put, lake, monkeypatch):
    source = put("uploads/history.parquet", parquet_bytes(history({})))
    planned = pipeline.ingest("run-1", {"source": source})
    lake.client.delete_object(Bucket=lake.bucket, Key="raw/run_id=run-1/2/history.parquet")

    def clean() -> None:
        with pytest.raises(errors.SourceChanged):
            pipeline.clean(planned)

    (line,) = lines_of(pipeline._clean, monkeypatch, clean)

    assert (line["level"], line["message"], line["exception_name"]) == ("ERROR", "failed", "SourceChanged")
    assert (line["run_id"], line["shard"]) == ("run-1", 0)


def test_a_fault_of_the_api_is_logged_with_the_request_and_the_model(version: str, api: Api, monkeypatch):
    api.lookup(**SEED_REQUEST)
    monkeypatch.setattr(api.handler, "look_up", lambda *_: {}["model"])

    (line,) = lines_of(api.handler, monkeypatch, lambda: api.lookup(**SEED_REQUEST))

    assert line["model_version"] == version
    assert line["function_request_id"] == CONTEXT.aws_request_id
    assert line["correlation_id"]

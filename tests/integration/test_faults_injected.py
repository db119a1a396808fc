"""S3 and DynamoDB that throttle, fail, time out and break off: a run ends right or says why it did not."""

import io
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from botocore.awsrequest import AWSPreparedRequest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from local.quickstart.here.sample import sample_history
from tests.conftest import INJECTED_FAULTS
from tests.customers import case
from tests.environment import BUCKET, TABLE
from tests.histories import parquet_bytes
from tests.integration.conftest import SECOND, STARTED, Pipeline, read_json
from tests.integration.injection import (
    BY_DYNAMODB,
    BY_NETWORK,
    BY_S3,
    OF_BODIES,
    Injector,
    always,
    first_time,
    injected,
    only,
)
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.domain.errors import (
    CatalogUnavailable,
    LakeRefused,
    LakeUnavailable,
    NotParquet,
    ShardsIncomplete,
    SourceChanged,
    VoucherSelectionError,
)
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.shard_results import Failure

LATER = STARTED + timedelta(minutes=1)

# What Model does, on top of a model of the first day and one of the second; each can be done again.
type Model = Callable[[Pipeline], dict[str, Any]]
MODELS: dict[str, Model] = {
    "publish": lambda pipeline: pipeline.model("whole"),
    "append": lambda pipeline: pipeline.model("third"),
    "remodel": lambda pipeline: pipeline.remodel("again", LATER, cur_date="2018-08-01"),
    "rollback": lambda pipeline: pipeline.sum_up("back", {"mode": "rollback"}),
}

# What the error says of a fault that does not pass.
SAID = {fault: f"({fault.partition(': ')[2]})" for fault in (*BY_S3, *BY_DYNAMODB)} | {
    "Connect timeout": "Connect timeout on endpoint URL",
    "Read timeout": "Read timeout on endpoint URL",
    "half a body": "broke off 5 times while it was read",
    "a body that breaks off": "broke off 5 times while it was read",
}
FAULTS = {name: [*BY_S3, *BY_DYNAMODB, *BY_NETWORK, *OF_BODIES] for name in MODELS} | {
    "rollback": [*BY_S3, *BY_DYNAMODB, *BY_NETWORK]  # it reads no object
}
pytestmark = pytest.mark.usefixtures("two_segments")

WRITES = ("PutObject", "BatchWriteItem", "TransactWriteItems")
DAYS = {"source": f"s3://{BUCKET}/uploads/days/"}


class State:
    """What there is in the bucket and in the table before Model, to be brought back: Model adds objects, and items."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._keys = set(lake.list(""))
        self._items = deepcopy(_table().items)

    def restore(self) -> None:
        new = [{"Key": key} for key in self._lake.list("") if key not in self._keys]
        if new:
            self._lake.client.delete_objects(Bucket=BUCKET, Delete={"Objects": new})
        _table().items = deepcopy(self._items)


def _table() -> Any:
    """Return moto's own table: to ask it for the items, again and again, takes longer than all else.

    It is another one after a transaction whose conditions did not hold.
    """
    return dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits before it tries again does not: botocore, and we."""
    for module in (
        "botocore.endpoint",
        *(f"voucher_selection.{name}" for name in ("adapters.catalog", "adapters.lake", "pipeline.attempts")),
    ):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
@made_once
def planned(put, pipeline: Pipeline) -> dict[str, Any]:
    """Two models of a day each, a third day that is counted to be appended, and the plan of a run over all three."""
    table = sample_history(1_200, seed=11)
    # Of two amounts: moto takes longest to write each segment's amounts into its answers, again and again.
    amounts = pc.if_else(pc.greater(table["voucher_amount"], 3000.0), 4400.0, 2640.0)
    table = table.set_column(table.schema.get_field_index("voucher_amount"), "voucher_amount", amounts)
    days = [
        put(f"uploads/days/{n}.parquet", parquet_bytes(table.slice(n * 300, 300 if n < 2 else 600), row_group_size=300))
        for n in range(3)
    ]
    pipeline.run("first", {"source": days[0]}, STARTED)
    pipeline.run("second", {"source": days[1]}, STARTED + SECOND)
    pipeline.clean(pipeline.ingest("third", {"mode": "append", "source": days[2]}, STARTED + 2 * SECOND))
    return pipeline.ingest("whole", DAYS, STARTED + 3 * SECOND)


@pytest.fixture
def cleaned(planned: dict[str, Any], pipeline: Pipeline, lake: Lake) -> State:
    """The same, and the shards of the run over all three are clean."""
    pipeline.clean(planned)
    return State(lake)


def model_of(catalog: Catalog) -> Any:
    model = catalog.read(catalog.served_version())
    return model.version, model.modes


def staged(lake: Lake, run_id: str) -> dict[str, Any]:
    """Return what cleaning has left of a run, by name: the ETags, and the totals without the sizes of objects."""
    folder = f"staging/run_id={run_id}/"
    found = lake.client.list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"]
    etags = {entry["Key"].removeprefix(folder): entry["ETag"] for entry in found}
    # A quarantined row names its file, whose key has the run's id: the sizes differ.
    totals = {
        name: Totals.model_validate(read_json(lake, folder + name)) for name in etags if name.startswith("totals/")
    }
    return etags | totals


def ended(act: Callable[[], Any]) -> Exception | None:
    """Return the error that something ends with, which has to be one of ours."""
    try:
        act()
    except VoucherSelectionError as error:
        assert not isinstance(error, NotParquet)  # that is what is wrong with the data
        return error
    return None


def with_faults(pipeline: Pipeline, injector: Injector, act: Callable[[Pipeline], Any]) -> Exception | None:
    """Return how something ended whose requests met with faults."""
    with injected(injector, [pipeline._ingest, pipeline._clean, pipeline._model]):
        return ended(lambda: act(pipeline))


def models(cleaned: State, pipeline: Pipeline, catalog: Catalog) -> Iterator[tuple[str, Model, Any]]:
    """Yield what Model does, and what is then served where no fault is met; each begins with the same state."""
    for name, model in MODELS.items():
        model(pipeline)
        right = model_of(catalog)
        cleaned.restore()
        # Clients begin with a quota of retries, which faults that do not pass use up.
        pipeline.reload()
        yield name, model, right
        cleaned.restore()


@pytest.fixture
def note(record_property) -> Callable[[Injector, Exception | None], None]:
    """Count faults, and how what met with them ended, for the figures at the end."""

    def noted(injector: Injector, error: Exception | None) -> None:
        outcome = "right" if error is None else type(error).__name__
        record_property(INJECTED_FAULTS, {"faults": dict(injector.injected), "outcome": outcome})

    return noted


def test_model_is_right_though_every_request_fails_once(cleaned: State, pipeline: Pipeline, catalog: Catalog, note):
    for name, model, right in models(cleaned, pipeline, catalog):
        injector = first_time()
        error = with_faults(pipeline, injector, model)

        note(injector, error)
        assert error is None, name
        assert injector.injected.total() >= 5, name
        assert model_of(catalog) == right, name


def test_model_that_always_meets_with_a_fault_says_so_and_changes_nothing(
    cleaned: State, pipeline: Pipeline, catalog: Catalog, note
):
    before = model_of(catalog)

    for name, model, right in models(cleaned, pipeline, catalog):
        for fault in FAULTS[name]:
            injector = always(fault)
            error = with_faults(pipeline, injector, model)

            note(injector, error)
            assert SAID[fault] in str(error), (name, fault)
            assert injector.injected[fault] >= 4, (name, fault)
            assert model_of(catalog) == before, (name, fault)
        model(pipeline)
        assert model_of(catalog) == right, name


def test_model_that_fails_at_any_request_has_changed_nothing_and_can_be_started_again(
    cleaned: State, pipeline: Pipeline, catalog: Catalog, note
):
    before = model_of(catalog)

    for name, model, right in models(cleaned, pipeline, catalog):
        for number, asked in enumerate(requests_of(cleaned, pipeline, model)):
            injector = only(number, "AccessDenied")
            error = with_faults(pipeline, injector, model)

            note(injector, error)
            # What follows the move of the pointer fails no run.
            assert model_of(catalog) == (right if error is None else before), (name, asked)
            assert error is None or "(AccessDenied) when calling the " in str(error), (name, asked)
            assert model(pipeline)["published"], (name, asked)
            assert model_of(catalog) == right, (name, asked)
            cleaned.restore()


def test_model_that_loses_the_answer_to_any_write_is_right(cleaned: State, pipeline: Pipeline, catalog: Catalog, note):
    for name, model, right in models(cleaned, pipeline, catalog):
        requests = enumerate(requests_of(cleaned, pipeline, model))
        writes = [(number, asked) for number, asked in requests if asked.endswith(WRITES)]
        assert len(writes) >= 3, name
        for number, asked in writes:
            injector = only(number, "Read timeout")
            error = with_faults(pipeline, injector, model)

            note(injector, error)
            assert error is None, (name, asked)
            assert model_of(catalog) == right, (name, asked)
            cleaned.restore()


def requests_of(cleaned: State, pipeline: Pipeline, model: Model) -> list[str]:
    """Return the events of all requests where no fault is met."""
    asked: list[str] = []
    assert with_faults(pipeline, Injector(lambda event, *_: asked.append(event)), model) is None
    cleaned.restore()
    assert len(asked) >= 5
    return asked


def test_items_that_dynamodb_leaves_unprocessed_are_written_again(cleaned: State, pipeline, catalog, note):
    _, model, right = next(models(cleaned, pipeline, catalog))
    left = iter(["unprocessed items"] * 3)
    injector = Injector(lambda event, *_: next(left, None) if event.endswith("BatchWriteItem") else None)

    error = with_faults(pipeline, injector, model)

    note(injector, error)
    assert error is None
    assert injector.injected == {"unprocessed items": 3}
    assert model_of(catalog) == right


def test_items_that_dynamodb_never_writes_end_the_run_and_leave_the_model(cleaned: State, pipeline, catalog, note):
    _, model, _ = next(models(cleaned, pipeline, catalog))
    before = model_of(catalog)
    injector = Injector(lambda event, *_: "unprocessed items" if event.endswith("BatchWriteItem") else None)

    error = with_faults(pipeline, injector, model)

    note(injector, error)
    assert isinstance(error, CatalogUnavailable)
    items = 2 + 2  # the segments, the country, and the version
    assert f"left {items} of {items} items unwritten 10 times" in str(error)
    assert model_of(catalog) == before


def test_ingest_and_clean_are_right_though_every_request_fails_once(planned, pipeline: Pipeline, lake, catalog, note):
    pipeline.clean(planned)
    right = staged(lake, "whole")
    injector = first_time()

    error = with_faults(pipeline, injector, lambda _: pipeline.clean(pipeline.ingest("faulty", DAYS)))

    note(injector, error)
    assert error is None
    assert injector.injected.total() > 20
    assert staged(lake, "faulty") == right


def test_ingest_and_clean_that_always_meet_with_a_fault_say_so(planned, pipeline: Pipeline, catalog: Catalog, note):
    before = model_of(catalog)

    for fault in (*BY_S3, *BY_NETWORK, *OF_BODIES):
        for act in (lambda _: pipeline.ingest("faulty", DAYS), lambda _: pipeline.clean(planned)):
            injector = always(fault)
            error = with_faults(pipeline, injector, act)

            note(injector, error)
            assert SAID[fault] in str(error), fault
            assert model_of(catalog) == before, fault
    pipeline.clean(planned)
    assert pipeline.model("whole")["published"]
    assert pipeline.run("again", DAYS)["rows"]["rows_read"] == 1_200


def test_a_body_that_is_shorter_than_what_was_asked_for_is_no_data(put, lake: Lake, pipeline: Pipeline):
    put("raw/x", b"0123456789")
    file = pipeline._clean.lake.open("raw/x")

    with injected(always("a short body"), [pipeline._clean]), pytest.raises(LakeUnavailable) as refusal:
        file.read(6)

    assert "s3://lake/raw/x broke off 5 times while it was read (expected 6 bytes, got 3)" in str(refusal.value)
    assert file.tell() == 0
    assert file.read(6) == b"012345"


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def of_other_values(content: bytes) -> bytes:
    rows = pq.read_table(io.BytesIO(content)).num_rows
    return parquet_bytes(sample_history(rows, seed=12))


@pytest.mark.parametrize("change", [truncated, of_other_values])
def test_a_landed_file_that_was_changed_after_ingest_is_not_read(
    planned, put, pipeline: Pipeline, lake, catalog, change
):
    before = model_of(catalog)
    key = "raw/run_id=whole/5/1.parquet"
    put(key, change(lake.open(key).read()))

    with pytest.raises(SourceChanged, match=f"s3://lake/{key} was replaced after Ingest read it"):
        pipeline.clean(planned)

    assert model_of(catalog) == before
    assert pipeline.run("again", DAYS)["rows"]["rows_read"] == 1_200


def test_a_landed_file_that_was_removed_is_named(planned, pipeline: Pipeline, lake: Lake):
    lake.client.delete_object(Bucket=BUCKET, Key="raw/run_id=whole/5/1.parquet")

    with pytest.raises(SourceChanged, match=r"raw/run_id=whole/5/1\.parquet was removed after Ingest read it"):
        pipeline.clean(planned)


def test_a_large_landed_file_that_is_changed_while_it_is_read_is_named(put, lake: Lake):
    put("raw/x", b"0123456789")
    file = lake.open("raw/x")
    assert file.read(5) == b"01234"
    put("raw/x", b"9876543210")

    with pytest.raises(SourceChanged, match="raw/x was replaced after Ingest read it"):
        file.read(5)


def test_a_source_that_is_changed_after_ingest_does_not_matter(planned, put, pipeline: Pipeline, lake: Lake):
    pipeline.clean(planned)
    right = staged(lake, "whole")
    put("uploads/days/1.parquet", b"something else")

    pipeline.clean(planned)

    assert staged(lake, "whole") == right


def when(operation: str, fault: str, part_of_key: str) -> Injector:
    """Let a fault befall the operations on keys with this part."""
    return Injector(
        lambda event, request, _: fault if event.endswith(operation) and part_of_key in request.url else None
    )


@pytest.mark.parametrize("fault", ["S3: SlowDown", "Connect timeout"])
def test_a_copy_that_s3_does_not_take_is_named_by_its_source(put, pipeline: Pipeline, fault: str):
    source = put("uploads/x.parquet", parquet_bytes(sample_history(300, seed=1)))

    with injected(when("CopyObject", fault, "/raw/"), [pipeline._ingest]), pytest.raises(LakeUnavailable) as refusal:
        pipeline.ingest("run-1", {"source": source})

    assert str(refusal.value).startswith(f"{source}: its copy s3://lake/raw/run_id=run-1/f/x.parquet is not available")


@pytest.mark.parametrize("fault", ["AccessDenied", "S3: SlowDown", "a body that breaks off"])
def test_a_copy_that_clean_cannot_read_is_named_by_its_source_in_clean_and_in_model(
    put, pipeline: Pipeline, lake: Lake, fault: str
):
    source = put("uploads/x.parquet", parquet_bytes(sample_history(300, seed=1)))
    planned = pipeline.ingest("run-1", {"source": source})

    with (
        injected(when("GetObject", fault, "/raw/"), [pipeline._clean]),
        pytest.raises(VoucherSelectionError) as refusal,
    ):
        pipeline.clean(planned)
    failure = Failure(shard=0, error=type(refusal.value).__name__, cause=str(refusal.value))
    lake.write_json("runs/run_id=run-1/failures/shard-0.json", failure)
    with pytest.raises(ShardsIncomplete) as incomplete:
        pipeline.model("run-1")

    assert f"{source}: its copy s3://lake/raw/run_id=run-1/f/x.parquet" in str(refusal.value)
    assert f"{source}: its copy s3://lake/raw/run_id=run-1/f/x.parquet" in str(incomplete.value)


def test_a_copy_of_customers_that_assign_cannot_read_is_named_by_its_source(version, put, pipeline: Pipeline):
    source = put("uploads/customers.parquet", parquet_bytes(pa.Table.from_pylist([{"customer_id": 1} | case()])))
    planned = pipeline.ingest("assign", {"mode": "assign", "customers": source})

    with (
        injected(when("GetObject", "AccessDenied", "/raw/"), [pipeline._assign]),
        pytest.raises(LakeRefused) as refusal,
    ):
        pipeline.assign(planned)

    assert str(refusal.value).startswith(
        f"{source}: its copy s3://lake/raw/run_id=assign/d/customers.parquet is refused"
    )


def test_a_source_that_is_changed_while_it_is_copied_is_named(put, pipeline: Pipeline, lake: Lake):
    source = put("uploads/x.parquet", parquet_bytes(sample_history(300, seed=1)))
    found = lake.open("uploads/x.parquet").etag

    def replace(event: str, request: AWSPreparedRequest, _: int) -> str | None:
        if not event.endswith("CopyObject"):
            return None
        put("uploads/x.parquet", parquet_bytes(sample_history(300, seed=2)))
        # As S3 does, and moto does not: the copy is to be of what was found.
        asked = request.headers["x-amz-copy-source-if-match"].decode()
        return "PreconditionFailed" if asked == found else None

    with injected(Injector(replace), [pipeline._ingest]), pytest.raises(SourceChanged) as refusal:
        pipeline.ingest("run-1", {"source": source})

    assert "s3://lake/uploads/x.parquet was replaced while it was copied" in str(refusal.value)
    assert pipeline.run("again", {"source": source})["rows"]["rows_read"] == 300


def test_customers_that_were_changed_after_ingest_get_no_amounts(version, put, pipeline: Pipeline, lake: Lake):
    customers = pa.Table.from_pylist([{"customer_id": n} | case() for n in range(10)])
    source = put("uploads/customers.parquet", parquet_bytes(customers))
    planned = pipeline.ingest("assign", {"mode": "assign", "customers": source})
    put("raw/run_id=assign/d/customers.parquet", parquet_bytes(customers.slice(5)))

    with pytest.raises(SourceChanged, match=r"raw/run_id=assign/d/customers\.parquet was replaced"):
        pipeline.assign(planned)

    assert list(lake.list("assigned/run_id=assign/")) == []

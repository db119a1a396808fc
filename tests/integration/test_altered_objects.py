"""Objects of the lake that were altered or removed: a run that needs one fails by its name, and publishes nothing."""

import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.customers import case
from tests.environment import BUCKET
from tests.histories import parquet_bytes
from tests.integration.conftest import SECOND, STARTED, Pipeline, ask_what_if, forget_the_ledger, read_json
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain import errors

CLEANED = RunKeys("run")
BASE = RunKeys("base")
GONE = "is not there .*NoSuchKey.*: "
ALTERED = "has changed since it was written: "


def content_of(lake: Lake, key: str) -> bytes:
    return lake.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def emptied(content: bytes) -> bytes:
    return parquet_bytes(pq.read_table(io.BytesIO(content)).slice(0, 0))


def of_other_amounts(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(content))
    place = table.schema.get_field_index("voucher_amount")
    return parquet_bytes(table.set_column(place, "voucher_amount", pa.array([999.0] * table.num_rows)))


def flipped(content: bytes) -> bytes:
    """Change one bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def no_json(_: bytes) -> bytes:
    return b"\xff{"


def of_other_keys(_: bytes) -> bytes:
    return b'{"rows": "many"}'


@pytest.fixture
@made_once
def cleaned(days, pipeline: Pipeline) -> str:
    """A run whose shards are clean, and the first of its shards."""
    pipeline.clean(pipeline.ingest("run", {"source": days[0]}, STARTED))
    return "run"


@pytest.fixture
def refused(lake: Lake, catalog: Catalog, put) -> Callable[..., None]:
    """Check that something fails by the name of an object that was changed, and put the object back."""

    def check(key: str, change: Callable[[bytes], bytes] | None, act: Callable[[], Any], kind, message: str) -> None:
        before = content_of(lake, key)
        served = versions_of(catalog)
        if change is None:
            lake.client.delete_object(Bucket=BUCKET, Key=key)
        else:
            put(key, change(before))
        with pytest.raises(kind, match=message) as refusal:
            act()
        assert key in str(refusal.value)
        assert versions_of(catalog) == served
        put(key, before)

    return check


def versions_of(catalog: Catalog) -> list[str]:
    return [version.version for version in catalog.versions()]


def test_counts_of_a_shard_that_were_altered_or_removed_are_not_summed(cleaned, pipeline: Pipeline, lake, refused):
    def model() -> Any:
        return pipeline.model(cleaned)

    key = CLEANED.counts(0)
    for change in (emptied, of_other_amounts, flipped, no_json):
        refused(key, change, model, errors.ObjectAltered, f"{ALTERED}.*; .*start the run again")
    refused(key, None, model, errors.ObjectMissing, f"{GONE}.*staging_days; start the run again")

    assert model()["published"]


def test_rows_that_were_altered_are_found_though_their_size_is_right(cleaned, pipeline: Pipeline, lake, refused):
    rejected = next(iter(lake.list("quarantine/")))

    for key in (CLEANED.cleaned(0), rejected):
        refused(key, flipped, lambda: pipeline.model(cleaned), errors.ShardsIncomplete, "1 objects differ from")

    assert pipeline.model(cleaned)["published"]


def test_json_of_a_run_that_was_altered_or_removed_is_named(cleaned, pipeline: Pipeline, refused):
    for key in (CLEANED.plan, CLEANED.manifest, CLEANED.totals(0)):
        for change in (no_json, of_other_keys):
            refused(
                key, change, lambda: pipeline.model(cleaned), errors.ObjectAltered, f"{ALTERED}it cannot be read as"
            )
    for key in (CLEANED.plan, CLEANED.manifest):
        refused(key, None, lambda: pipeline.model(cleaned), errors.ObjectMissing, f"{GONE}start the run again")


def test_a_base_that_was_altered_or_removed_is_not_built_on(days, pipeline: Pipeline, lake: Lake, refused):
    pipeline.run("base", {"source": days[0]}, STARTED)
    planned = pipeline.ingest("addition", {"mode": "append", "source": days[1]}, STARTED + SECOND)
    pipeline.clean(planned)
    acts = (
        lambda: pipeline.model("addition"),
        lambda: pipeline.remodel("again", STARTED + 2 * SECOND),
        lambda: pipeline.remodel("named", STARTED + 2 * SECOND, run_id="base"),
        lambda: ask_what_if(cur_date="2018-10-01"),
    )

    for act in acts:
        key = BASE.merged_counts
        refused(key, of_other_amounts, act, errors.ObjectAltered, f"{ALTERED}.*run the whole history")
        refused(key, None, act, errors.ObjectMissing, f"{GONE}run the whole history")

    assert pipeline.model("addition")["published"]


def without_an_entry(ledger: bytes) -> bytes:
    return json.dumps(json.loads(ledger) | {"entries": []}).encode()


def test_a_ledger_that_was_altered_or_removed_is_not_built_on(days, pipeline: Pipeline, refused):
    pipeline.run("base", {"source": days[0]}, STARTED)
    append = {"mode": "append", "source": days[1]}
    acts = (
        lambda: pipeline.ingest("addition", append, STARTED + SECOND),
        lambda: pipeline.remodel("again", STARTED + 2 * SECOND),
    )

    for act in acts:
        for change in (without_an_entry, no_json):
            refused(BASE.ledger, change, act, errors.ObjectAltered, f"{ALTERED}.*run the whole history")
        refused(BASE.ledger, None, act, errors.ObjectMissing, f"{GONE}run the whole history")


def test_what_was_written_before_objects_were_written_down_is_read(days, pipeline: Pipeline, lake, catalog, put):
    pipeline.clean(pipeline.ingest("base", {"source": days[0]}, STARTED))
    totals = read_json(lake, BASE.totals(0))
    for written in (totals["cleaned"], *totals["quarantine"].values()):
        del written["etag"]
    put(BASE.totals(0), json.dumps(totals).encode())
    first = pipeline.model("base")
    forget_the_ledger(catalog)

    added = pipeline.append("second", days[1], STARTED + SECOND)

    assert first["published"]
    assert added["published"]
    assert catalog.base().served.counts.ledger is not None


def test_amounts_of_customers_that_were_altered_are_found(version, put, pipeline: Pipeline, lake, refused):
    customers = pa.Table.from_pylist([{"customer_id": n} | case() for n in range(10)])
    request = {"mode": "assign", "customers": put("uploads/customers.parquet", parquet_bytes(customers))}
    pipeline.assign(pipeline.ingest("assign", request))
    keys = RunKeys("assign")

    def sum_up() -> Any:
        return pipeline.sum_up("assign", request)

    for change in (flipped, emptied, None):
        refused(
            keys.vouchers(0),
            change,
            sum_up,
            errors.ShardsIncomplete,
            "1 objects differ from those that the shards wrote",
        )
    refused(keys.plan, None, sum_up, errors.ObjectMissing, f"{GONE}start the run again")
    assert sum_up()["assigned"] + sum(sum_up()["problems"].values()) == 10


@pytest.mark.parametrize(
    "changes",
    [{"shard": 1}, {"rows": 9, "assigned": 9, "problems": {}, "vouchers": None}, {"assigned": 3}, {"problems": {}}],
    ids=str,
)
def test_totals_of_customers_that_do_not_add_up_are_refused(version, put, pipeline: Pipeline, lake, changes):
    customers = pa.Table.from_pylist([{"customer_id": n} | case(country_code=c) for n, c in enumerate(["Peru", "Oz"])])
    request = {"mode": "assign", "customers": put("uploads/customers.parquet", parquet_bytes(customers))}
    pipeline.assign(pipeline.ingest("assign", request))
    key = RunKeys("assign").assigned(0)
    put(key, json.dumps(read_json(lake, key) | changes).encode())

    with pytest.raises(errors.ShardsIncomplete, match="shard 0 has 2 rows, but its result is"):
        pipeline.sum_up("assign", request)


def test_an_approval_names_what_has_expired_of_the_run(days, pipeline: Pipeline, lake: Lake, put, refused):
    gate = {"least_kept_rows": 10**6}
    pipeline.clean(pipeline.ingest("run", {"source": days[0], "gate": gate}, STARTED))
    record = {
        "run_id": "run",
        "status": "failed",
        "started_at": STARTED.isoformat(),
        "error": "HeldBack",
        "request": {"source": days[0]},
    }
    put(CLEANED.summary, json.dumps(record).encode())

    def approve() -> Any:
        return pipeline.sum_up("yes", {"mode": "approve", "run_id": "run"})

    refused(CLEANED.counts(0), None, approve, errors.ObjectMissing, f"{GONE}.*staging_days")
    refused(RunKeys("yes").approval, no_json, approve, errors.ObjectAltered, f"{ALTERED}it cannot be read as")
    assert approve()["published"]


def test_a_rollback_names_what_was_altered_of_what_it_has_settled(days, put, pipeline: Pipeline, refused):
    base, second = (pipeline.run(f"run-{n}", {"source": days[n]}, STARTED + n * SECOND)["version"] for n in range(2))
    # It died before it moved the pointer.
    put(RunKeys("back").rollback, json.dumps({"from_version": second, "to_version": base}).encode())

    def roll_back() -> Any:
        return pipeline.sum_up("back", {"mode": "rollback"})

    refused(RunKeys("back").rollback, no_json, roll_back, errors.ObjectAltered, f"{ALTERED}it cannot be read as")


def test_rows_that_are_too_large_for_one_request_are_known_by_their_size(
    days, pipeline: Pipeline, refused, monkeypatch
):
    monkeypatch.setattr("voucher_selection.adapters.lake._LARGEST_PUT", 0)
    (totals,) = pipeline.clean(pipeline.ingest("run", {"source": days[0]}, STARTED))

    assert totals["cleaned"]["etag"] is None
    refused(
        CLEANED.cleaned(0), emptied, lambda: pipeline.model("run"), errors.ShardsIncomplete, "1 objects differ from"
    )
    assert pipeline.model("run")["published"]

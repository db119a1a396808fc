"""Days that are counted already: an append of them is held back, or adds to them, or takes their place."""

import json
from typing import Any

import pytest

from tests.environment import BUCKET
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import SECOND, STARTED, TWO, Pipeline, read_json
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain import errors

WEEK = f"s3://{BUCKET}/uploads/week/"


@pytest.fixture(autouse=True)
def as_it_ships(environment, pipeline: Pipeline) -> None:
    """An append says nothing of overlaps unless a test does; of segments there are few."""
    environment.setenv("SEGMENTS", json.dumps(TWO))
    pipeline.reload()
    pipeline.overlap = None


@pytest.fixture
@made_once
def monday(put, pipeline: Pipeline) -> dict[str, Any]:
    """A run over 3 assignments of 1 July and 2 of 2 July: all of 1.0."""
    rows = [*given("2018-07-01", 3, 1.0), *given("2018-07-02", 2, 1.0)]
    return pipeline.run(
        "monday", {"source": put("uploads/week/monday.parquet", parquet_bytes(history(*rows)))}, STARTED
    )


@pytest.fixture
def tuesday(put, monday: dict[str, Any]) -> str:
    """An export of the day after: 4 assignments of 2 July and 1 of 3 July, all of 2.0; and one without a day."""
    rows = [*given("2018-07-02", 4, 2.0), *given("2018-07-03", 1, 2.0), *given(None, 1, 9.0)]
    return put("uploads/week/tuesday.parquet", parquet_bytes(history(*rows)))


def given(day: str | None, count: int, amount: float) -> list[dict[str, Any]]:
    return repeated(count, timestamp=day, voucher_amount=amount)


def amounts(catalog: Catalog) -> dict[float, int]:
    """Return how often each amount is behind what is served."""
    found = catalog.read(catalog.served_version()).mode_for("Peru", "loyalty", 3).assignments
    return {amount.voucher_amount: amount.count for amount in found}


def held_back(
    pipeline: Pipeline, lake: Lake, run_id: str, request: dict[str, Any], error: type[errors.HeldBack]
) -> str:
    """Run an append until it is held back, and record that as the state machine does; return the cause."""
    pipeline.clean(pipeline.ingest(run_id, request, STARTED + SECOND))
    with pytest.raises(errors.HeldBack) as held:
        pipeline.model(run_id)
    assert type(held.value) is error
    record = pipeline.begun[run_id] | {"status": "failed", "error": error.__name__, "cause": "{}"}
    lake.client.put_object(Bucket=BUCKET, Key=RunKeys(run_id).summary, Body=json.dumps(record))
    return str(held.value)


def approve(pipeline: Pipeline, approved: str, **overlap: str) -> dict[str, Any]:
    return pipeline.sum_up("yes", {"mode": "approve", "run_id": approved} | overlap)


APPEND = {"mode": "append", "source": f"{WEEK}tuesday.parquet"}


def test_an_append_of_days_that_are_counted_is_held_back_and_names_them(
    monday: dict[str, Any], tuesday: str, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    cause = held_back(pipeline, lake, "tuesday", APPEND, errors.DeliveryOverlaps)

    assert "got 4 assignments of 1 days that are counted already with 2 assignments" in cause
    assert "Peru 2018-07-02 (4 new, 2 counted)" in cause
    assert "approve the run with `overlap` set to `replace`" in cause
    assert catalog.served_version() == monday["version"]
    assert not list(lake.list("production/run_id=tuesday/"))


def test_an_append_of_other_days_needs_to_say_nothing(
    put, monday: dict[str, Any], pipeline: Pipeline, catalog: Catalog
):
    source = put(
        "uploads/wednesday.parquet", parquet_bytes(history(*given("2018-07-03", 2, 2.0), *given(None, 1, 9.0)))
    )

    summary = pipeline.append("wednesday", source, STARTED + SECOND)

    assert summary["counted_again"] == {"days": 0, "counted_rows": 0, "delivered_rows": 0}
    assert amounts(catalog) == {1.0: 5, 2.0: 2, 9.0: 1}


ADDED, REPLACED = {1.0: 5, 2.0: 5, 9.0: 1}, {1.0: 3, 2.0: 5, 9.0: 1}


@pytest.mark.parametrize(("overlap", "expected", "gone"), [("add", ADDED, 0), ("replace", REPLACED, 2)])
def test_an_append_that_was_held_back_is_approved_as_one_of_the_others(
    tuesday: str, pipeline: Pipeline, lake: Lake, catalog: Catalog, overlap: str, expected: dict[float, int], gone: int
):
    held_back(pipeline, lake, "tuesday", APPEND, errors.DeliveryOverlaps)
    with pytest.raises(errors.DeliveryOverlaps):
        approve(pipeline, "tuesday")

    approval = pipeline.sum_up("really", {"mode": "approve", "run_id": "tuesday", "overlap": overlap})

    assert approval["published"]
    assert amounts(catalog) == expected
    summary = read_json(lake, RunKeys("tuesday").summary)
    assert (summary["rows"]["kept"], summary["rows"]["replaced"]) == (6, gone)
    assert summary["counted_again"] == {"days": 1, "counted_rows": 2, "delivered_rows": 4}


@pytest.mark.parametrize(("overlap", "expected"), [("add", ADDED), ("replace", REPLACED)])
def test_an_append_may_say_what_becomes_of_the_days(
    tuesday: str, pipeline: Pipeline, catalog: Catalog, overlap: str, expected: dict[float, int]
):
    assert pipeline.append("tuesday", tuesday, STARTED + SECOND, overlap=overlap)["published"]

    assert amounts(catalog) == expected


def test_a_run_that_left_objects_out_as_known_is_not_approved_to_replace(
    monday: dict[str, Any], tuesday: str, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    held_back(pipeline, lake, "week", {"mode": "append", "source": WEEK}, errors.DeliveryOverlaps)

    with pytest.raises(errors.NotHeldBack, match=rf"left out 1 objects of {WEEK} .*start the append again"):
        approve(pipeline, "week", overlap="replace")
    assert catalog.served_version() == monday["version"]

    summary = pipeline.append("again", WEEK, STARTED + 2 * SECOND, overlap="replace")
    assert (summary["files"], summary["known_files"]) == (2, 0)
    assert amounts(catalog) == ADDED, "2 July is spread over both files"


def test_what_the_gate_holds_back_may_be_approved_to_replace(tuesday: str, pipeline: Pipeline, lake, catalog: Catalog):
    gate = {"gate": {"least_kept_rows": 1000}}
    held_back(pipeline, lake, "tuesday", APPEND | {"overlap": "add"} | gate, errors.HeldBack)

    approve(pipeline, "tuesday", overlap="replace")

    assert amounts(catalog) == REPLACED


def test_a_run_that_is_no_append_has_no_overlap_to_approve(monday, tuesday: str, pipeline: Pipeline, lake, catalog):
    full = {"source": tuesday, "gate": {"least_kept_rows": 1000}}
    held_back(pipeline, lake, "full", full, errors.HeldBack)

    with pytest.raises(errors.NotHeldBack, match="overlap: run 'full' is no append"):
        approve(pipeline, "full", overlap="replace")
    assert catalog.served_version() == monday["version"]


def test_what_was_replaced_is_served_again_when_it_is_delivered_again(
    monday: dict[str, Any], tuesday: str, pipeline: Pipeline, catalog: Catalog
):
    pipeline.append("tuesday", tuesday, STARTED + SECOND, overlap="replace")

    summary = pipeline.append("back", f"{WEEK}monday.parquet", STARTED + 2 * SECOND, overlap="replace")

    assert summary["rows"]["replaced"] == 3 + 4
    assert amounts(catalog) == {1.0: 5, 2.0: 1, 9.0: 1}
    again = pipeline.append("again", f"{WEEK}monday.parquet", STARTED + 3 * SECOND, overlap="replace")
    assert (again["outcome"], again["published"]) == ("nothing_new", False)


@pytest.mark.parametrize("overlap", ["Replace", "", None, True, "refused"])
def test_another_word_for_it_is_refused(pipeline: Pipeline, overlap: Any):
    with pytest.raises(errors.InvalidRequest, match="overlap: .*'refuse', 'add' or 'replace'"):
        pipeline.append("x", f"{WEEK}monday.parquet", overlap=overlap)

"""The quality gate in a run: what it holds back is not published, and is when someone says so."""

import json
from typing import Any

import pytest

from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import SECOND, STARTED, Pipeline, read_json
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.errors import HeldBack, InvalidRequest, NoCounts, NotHeldBack, RefreshHeldBack


@pytest.fixture
@made_once
def served(put, pipeline: Pipeline) -> str:
    """The served version: forty times 2640 in 121-180."""
    return pipeline.run("good", {"source": put_rows(put, "good", *repeated(40))}, STARTED)["version"]


def put_rows(put, name: str, *rows: dict[str, Any]) -> str:
    return put(f"uploads/{name}.parquet", parquet_bytes(history(*rows)))


@pytest.fixture
def malformed(put) -> str:
    """A history of which half the rows are malformed, and whose amount is another."""
    return put_rows(put, "bad", *repeated(30, voucher_amount=3520.0), *repeated(30, last_order_ts="2018-02-30"))


def hold_back(pipeline: Pipeline, lake: Lake, run_id: str, request: dict[str, Any], started=STARTED + SECOND) -> str:
    """Run into the gate, and record the failure as the state machine does; return the cause."""
    pipeline.clean(pipeline.ingest(run_id, request, started))
    with pytest.raises(HeldBack) as held:
        pipeline.sum_up(run_id, request)
    record(lake, run_id, pipeline.begun[run_id]["request"], started)
    return str(held.value)


def record(lake: Lake, run_id: str, request: dict[str, Any], started, error: str = "HeldBack") -> None:
    failed = {"run_id": run_id, "status": "failed", "request": request, "started_at": started.isoformat()}
    body = json.dumps(failed | {"error": error, "cause": "{}"})
    lake.client.put_object(Bucket=lake.bucket, Key=RunKeys(run_id).summary, Body=body)


def approve(pipeline: Pipeline, approved: str, run_id: str = "yes") -> dict[str, Any]:
    return pipeline.sum_up(run_id, {"mode": "approve", "run_id": approved})


GATE = {"gate": {"most_malformed_share": 0.4, "most_rejected_rise": 0.4}}


def test_a_run_that_the_gate_holds_back_leaves_the_model(
    served: str, malformed: str, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    cause = hold_back(pipeline, lake, "bad", {"source": malformed} | GATE)

    assert "50.00% of the rows are malformed (most_malformed_share 40.00%)" in cause
    assert "rejected as malformed, up from 0.00% for the served model (most_rejected_rise 40.00%)" in cause
    assert catalog.served_version() == served
    assert [version.version for version in catalog.versions()] == [served]
    assert not list(lake.list("production/run_id=bad/"))


def test_the_stage_s_thresholds_hold_unless_the_run_names_others(
    served: str, malformed: str, pipeline: Pipeline, lake: Lake, environment
):
    environment.setenv("GATE", json.dumps(GATE["gate"]))
    pipeline.reload()

    hold_back(pipeline, lake, "bad", {"source": malformed})
    request = {"source": malformed, "gate": {"most_malformed_share": None, "most_rejected_rise": 0.5}}
    pipeline.clean(pipeline.ingest("open", request, STARTED + 2 * SECOND))

    assert pipeline.sum_up("open", request)["published"]


def test_what_was_held_back_is_published_as_it_is_once_it_is_approved(
    served: str, malformed: str, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    hold_back(pipeline, lake, "bad", {"source": malformed} | GATE)

    approval = approve(pipeline, "bad")

    assert (approval["mode"], approval["outcome"], approval["approved_run_id"]) == ("approve", "published", "bad")
    assert catalog.served_version() == approval["version"] == approval["served_version"] > served
    assert catalog.read(approval["version"]).run_id == "bad"
    assert read_json(lake, RunKeys("bad").summary)["status"] == "succeeded"
    assert read_json(lake, RunKeys("yes").summary) == approval


def test_an_append_is_held_back_and_approved(served: str, malformed: str, pipeline: Pipeline, lake, catalog: Catalog):
    hold_back(pipeline, lake, "more", {"mode": "append", "source": malformed} | GATE)

    approve(pipeline, "more")

    mode = catalog.read(catalog.served_version()).mode_for("Peru", "recency_segment", 135)
    assert mode.support == 40 + 30


def test_a_remodel_is_held_back_and_approved(served: str, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    request = {"mode": "remodel", "cur_date": "2020-01-01", "gate": {"most_lost_segments": 0}}
    with pytest.raises(HeldBack, match="segments that lost support: Peru recency_segment 121-180"):
        pipeline.sum_up("older", request)
    record(lake, "older", request, STARTED + SECOND)
    assert catalog.served_version() == served

    approval = approve(pipeline, "older")

    assert approval["published"]
    assert catalog.read(catalog.served_version()).cur_date.isoformat() == "2020-01-01"


def test_a_scheduled_refresh_is_held_back_with_an_error_of_its_own_and_approved(
    served: str, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    request = {"mode": "remodel", "scheduled": True, "cur_date": "2020-01-01", "gate": {"most_lost_segments": 0}}
    with pytest.raises(RefreshHeldBack, match="the served model stays: .* Peru recency_segment 121-180"):
        pipeline.sum_up("night", request)
    record(lake, "night", request, STARTED + SECOND, "RefreshHeldBack")
    assert catalog.served_version() == served

    assert approve(pipeline, "night")["published"]


def test_an_approved_refresh_that_cannot_be_made_fails_as_the_approval_of_a_person(pipeline: Pipeline, lake: Lake):
    request = {"mode": "remodel", "scheduled": True}
    record(lake, "night", request, STARTED, "RefreshHeldBack")

    with pytest.raises(NoCounts):
        approve(pipeline, "night")


def test_a_what_if_is_never_held_back(served: str, pipeline: Pipeline, lake: Lake):
    request = {"mode": "remodel", "cur_date": "2020-01-01", "gate": {"most_lost_segments": 0}, "publish": False}

    assert pipeline.sum_up("asked", request)["outcome"] == "what_if"


def test_an_approval_does_not_undo_a_newer_model(served: str, malformed: str, put, pipeline: Pipeline, lake, catalog):
    hold_back(pipeline, lake, "bad", {"source": malformed} | GATE)
    newer = pipeline.run("newer", {"source": put_rows(put, "new", *repeated(40))}, STARTED + 9 * SECOND)["version"]

    approval = approve(pipeline, "bad")

    assert (approval["outcome"], approval["published"], approval["served_version"]) == ("superseded", False, newer)
    assert catalog.served_version() == newer


def test_a_repeated_approval_is_the_same(served: str, malformed: str, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    hold_back(pipeline, lake, "bad", {"source": malformed} | GATE)

    first, second = approve(pipeline, "bad"), approve(pipeline, "bad")

    assert (second["outcome"], second["version"]) == (first["outcome"], first["version"])


@pytest.mark.parametrize(
    ("error", "why"), [("NotParquet", "it failed with NotParquet"), (None, "no run 'bad' has ended")]
)
def test_only_what_the_gate_has_held_back_can_be_approved(served: str, pipeline, lake: Lake, catalog, error, why):
    if error:
        record(lake, "bad", {"source": "s3://x/y"}, STARTED, error)

    with pytest.raises(NotHeldBack, match=why):
        approve(pipeline, "bad")

    assert catalog.served_version() == served


def test_a_run_that_succeeded_needs_no_approval(served: str, pipeline: Pipeline):
    with pytest.raises(NotHeldBack, match="run 'good' was not held back: it succeeded"):
        approve(pipeline, "good")


def test_an_unknown_threshold_is_named_before_anything_is_read(pipeline: Pipeline):
    with pytest.raises(InvalidRequest, match="gate.most_malformed: Extra inputs are not permitted"):
        pipeline.ingest("run-1", {"source": "s3://lake/none", "gate": {"most_malformed": 1}})

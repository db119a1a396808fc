"""The move of the pointer is the end of a run: what it says afterwards, and what is served, are the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.histories import history, parquet_bytes
from tests.integration.conftest import SECOND, STARTED, Pipeline, read_json
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.errors import VoucherSelectionError


class Died(BaseException):
    """The process is gone: nothing handles it."""


def put_amount(put, amount: int) -> str:
    return put(f"uploads/{amount}.parquet", parquet_bytes(history({"voucher_amount": float(amount)})))


@pytest.fixture
@made_once
def planned(put, pipeline: Pipeline, lake: Lake) -> list[str]:
    """Two versions; beside them a full run, an append, and an append that was held back, all of them clean."""
    versions = [
        pipeline.run(f"run-{n}", {"source": put_amount(put, n)}, STARTED + n * SECOND)["version"] for n in (1, 2)
    ]
    pipeline.clean(pipeline.ingest("full", {"source": put_amount(put, 3)}, STARTED + 3 * SECOND))
    for n, run_id in enumerate(("append", "held"), start=4):
        request = {"mode": "append", "source": put_amount(put, n)}
        pipeline.clean(pipeline.ingest(run_id, request, STARTED + n * SECOND))
    held = {
        "run_id": "held",
        "request": pipeline.begun["held"]["request"],
        "started_at": STARTED.isoformat(),
        "error": "HeldBack",
    }
    lake.client.put_object(Bucket=lake.bucket, Key=RunKeys("held").summary, Body=json.dumps(held))
    return versions


RUNS: dict[str, Callable[[Pipeline], dict[str, Any]]] = {
    "full": lambda pipeline: pipeline.model("full"),
    "append": lambda pipeline: pipeline.model("append"),
    "remodel": lambda pipeline: pipeline.remodel("remodel", STARTED + 6 * SECOND, cur_date="2018-08-01"),
    "rollback": lambda pipeline: pipeline.sum_up("rollback", {"mode": "rollback"}),
    "approval": lambda pipeline: pipeline.sum_up("approval", {"mode": "approve", "run_id": "held"}),
}


@pytest.fixture(params=RUNS)
def run(request) -> Callable[[Pipeline], dict[str, Any]]:
    return RUNS[request.param]


@pytest.fixture
def died(planned, run, pipeline: Pipeline, catalog: Catalog) -> str:
    """What is served when Model was killed just after it had moved the pointer."""
    with pytest.MonkeyPatch.context() as patch:
        transact = pipeline._model.stores.catalog._client.transact_write_items

        def transact_and_die(**writes):
            transact(**writes)
            raise Died

        patch.setattr(pipeline._model.stores.catalog._client, "transact_write_items", transact_and_die)
        with pytest.raises(Died):
            run(pipeline)
    served = catalog.served_version()
    assert served != planned[1]
    return served


def test_a_run_that_is_tried_again_after_it_died_says_that_it_has_published(died, run, pipeline, lake, catalog):
    summary = run(pipeline)

    assert (summary["outcome"], summary["published"]) == ("published", True)
    assert summary["version"] == summary["served_version"] == died == catalog.served_version()
    assert read_json(lake, RunKeys(summary["run_id"]).summary) == summary


def test_a_run_that_is_tried_again_does_not_move_the_pointer_back(died, run, put, pipeline, catalog):
    later = pipeline.run("later", {"source": put_amount(put, 9)}, STARTED + 60 * SECOND)["version"]

    summary = run(pipeline)

    assert (summary["published"], summary["version"]) == (True, died)
    assert catalog.served_version() == later


def test_a_rollback_that_is_tried_again_leaves_what_was_rolled_back_after_it(planned, put, pipeline, catalog):
    """From A to B, which dies; C is published, and rolled back to A: the version that the first began with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("voucher_selection.pipeline.rollback.record", lambda *_: (_ for _ in ()).throw(Died))
        with pytest.raises(Died):
            RUNS["rollback"](pipeline)
    pipeline.run("later", {"source": put_amount(put, 9)}, STARTED + 60 * SECOND)
    pipeline.sum_up("again", {"mode": "rollback", "version": planned[1]})

    assert RUNS["rollback"](pipeline)["version"] == planned[0]
    assert catalog.served_version() == planned[1]


def test_a_rollback_to_the_version_before_that_is_overtaken_changes_nothing(planned, put, pipeline, catalog):
    """It died before it moved the pointer, which another run has moved since: "before" would be another version."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline._model.stores.catalog, "serve_again", lambda *_: (_ for _ in ()).throw(Died))
        with pytest.raises(Died):
            RUNS["rollback"](pipeline)
    later = pipeline.run("later", {"source": put_amount(put, 9)}, STARTED + 60 * SECOND)["version"]

    summary = RUNS["rollback"](pipeline)

    assert (summary["outcome"], summary["published"], summary["served_version"]) == ("superseded", False, later)
    assert catalog.served_version() == later


def test_what_cannot_be_written_after_the_move_does_not_fail_the_run(planned, run, pipeline, catalog, monkeypatch):
    def unavailable(*_):
        raise VoucherSelectionError("no more writes")

    for what in ("expire", "keep_in_use"):
        monkeypatch.setattr(pipeline._model.stores.catalog, what, unavailable)
    written = pipeline._model.stores.lake.write_json
    monkeypatch.setattr(
        pipeline._model.stores.lake,
        "write_json",
        lambda key, value: unavailable() if key.endswith("run.json") else written(key, value),
    )

    summary = run(pipeline)

    assert summary["published"]
    assert catalog.served_version() == summary["version"]

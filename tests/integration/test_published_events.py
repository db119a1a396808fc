"""Every run that publishes has the facts of its event, whatever its kind."""

import json
from typing import Any

import pytest

from tests.integration.conftest import SECOND, STARTED, Pipeline
from tests.moto_states import made_once
from tests.sent_events import check, schema_of
from voucher_selection.contract.events import MODEL_PUBLISHED
from voucher_selection.domain.errors import HeldBack

DETAIL = schema_of("ModelPublished")["properties"]["detail"]["properties"]


def facts(result: dict[str, Any]) -> dict[str, Any]:
    """The facts that the event takes from the result of Model, which JSON has carried; each is as its schema says."""
    carried = json.loads(json.dumps(result))
    paths = {field.name: field.path for field in MODEL_PUBLISHED.fields if field.path.startswith("$.")}
    found = {name: carried[path.removeprefix("$.")] for name, path in paths.items()}
    for name, value in found.items():
        check(value, DETAIL[name])
    assert carried["published"] is True
    return {name: found[name] for name in ("mode", "version", "cur_date", "countries")}


@pytest.fixture
@made_once
def of_july(put, pipeline: Pipeline, days: list[str]) -> dict[str, Any]:
    return pipeline.run("full", {"source": days[0], "cur_date": "2018-09-15"}, STARTED)


def test_a_full_run_an_append_and_a_remodel(of_july, days, pipeline: Pipeline):
    appended = pipeline.append("append", days[1], STARTED + SECOND, cur_date="2018-09-16", overlap="add")
    remodelled = pipeline.remodel("remodel", STARTED + 2 * SECOND, cur_date="2018-09-17")

    for mode, day, result in [
        ("full", "2018-09-15", of_july),
        ("append", "2018-09-16", appended),
        ("remodel", "2018-09-17", remodelled),
    ]:
        expected = {"mode": mode, "version": result["version"], "cur_date": day, "countries": ["Peru"]}
        assert facts(result) == expected


def test_a_rollback_has_the_facts_of_the_version_that_is_served_again(of_july, pipeline: Pipeline):
    pipeline.remodel("remodel", STARTED + SECOND, cur_date="2018-09-17")

    back = pipeline.sum_up("back", {"mode": "rollback"}, STARTED + 2 * SECOND)

    assert facts(back) == {
        "mode": "rollback",
        "version": of_july["version"],
        "cur_date": "2018-09-15",
        "countries": ["Peru"],
    }


def test_an_approval_has_the_facts_of_the_run_that_it_approves(of_july, pipeline: Pipeline, lake):
    request = {"mode": "remodel", "cur_date": "2030-01-01", "gate": {"most_lost_segments": 0}}
    with pytest.raises(HeldBack):
        pipeline.sum_up("held", request, STARTED + SECOND)
    held = {"run_id": "held", "status": "failed", "request": request, "error": "HeldBack", "cause": ""}
    lake.write_json("runs/run_id=held/run.json", {**held, "started_at": (STARTED + SECOND).isoformat()})

    approved = pipeline.sum_up("approval", {"mode": "approve", "run_id": "held"}, STARTED + 2 * SECOND)

    assert facts(approved) == {
        "mode": "approve",
        "version": approved["version"],
        "cur_date": "2030-01-01",
        "countries": ["Peru"],
    }

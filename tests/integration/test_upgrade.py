"""What a stage of 1.0.0 has left is served and rolled back; what needs a full run says so, and one is enough."""

import json
from typing import Any
from zipfile import ZipFile

import boto3
import pytest

from tests.environment import BUCKET, STATE_MACHINE, TABLE
from tests.integration.conftest import Api, Pipeline, ask_what_if
from tests.integration.test_run_routes import execute, executions  # noqa: F401 - a fixture
from tests.upgrades.make_1_0_0 import MADE
from voucher_selection.adapters.lake import Lake
from voucher_selection.api import openapi
from voucher_selection.domain import errors

FULL, APPENDED, REMODELLED = "20260101T000000000Z-full", "20260102T000000000Z-append", "20260103T000000000Z-remodel"
PERU = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": 5}


@pytest.fixture
def pipeline(environment: pytest.MonkeyPatch, lake: Lake) -> Pipeline:
    """A deployment of this version over the bucket and the table of 1.0.0."""
    # The versions have the time at which they were made.
    for name, value in {"COUNTRIES": '["Peru", "Chile"]', "VERSION_DAYS": "36500", "KEPT_VERSIONS": "10"}.items():
        environment.setenv(name, value)
    with ZipFile(MADE) as made:
        for name in made.namelist():
            if name.startswith("bucket/"):
                lake.client.put_object(Bucket=BUCKET, Key=name.removeprefix("bucket/"), Body=made.read(name))
        table = boto3.client("dynamodb")
        for item in json.loads(made.read("table.json")):
            table.put_item(TableName=TABLE, Item=item)
    return Pipeline(lake, overlap=None)


def address(name: str) -> str:
    return f"s3://{BUCKET}/uploads/{name}.parquet"


def served(api: Api) -> tuple[str, float]:
    found = api.lookup(**PERU).json
    return found["model"]["version"], found["voucher_amount"]


def test_the_model_of_1_0_0_is_served_on_every_route(pipeline: Pipeline, api: Api):
    assert served(api) == (REMODELLED, 3520.0)
    bulk = {"customers": [PERU, {"country_code": "Chile", "segment_name": "frequent_segment", "total_orders": "3"}]}
    amounts = api("POST", "/vouchers", json.dumps(bulk), Content_Type="application/json").json["vouchers"]
    assert [amount["voucher_amount"] for amount in amounts] == [3520.0, 1.5]

    health, model = api("GET", "/health").json, api("GET", "/model").json
    assert (health["status"], health["model"]["run_id"]) == ("ok", "remodel")
    assert (model["version"], model["counts_run_id"], model["countries"]) == (REMODELLED, "append", ["Peru", "Chile"])
    assert (model["rows"]["rows_read"], model["rows"]["kept"], model["quality"]) == (10, 8, None)
    assert api("GET", f"/model?version={FULL}").json["rows"]["kept"] == 6
    exports = ("model.json", "model.sql?dialect=duckdb", "segments.csv", "report.csv?table=amounts")
    pages = ("report", "segments?country=Chile", "search_voucher")
    for route in (*exports, *pages, "selection_criteria"):
        assert api("GET", f"/{route}").status == 200, route


def test_a_model_of_1_0_0_has_no_fallback_and_says_what_to_do(pipeline: Pipeline, api: Api):
    without_support = PERU | {"total_orders": 20, "fallback": "country"}

    answer = api.lookup(**without_support)

    assert (answer.status, answer.json["code"]) == (404, "no_support")
    assert "an older version made the model, without them: run the whole history once" in answer.json["detail"]


def test_its_versions_are_listed_and_rolled_back_to(pipeline: Pipeline, api: Api):
    listed = api("GET", "/versions").json["versions"]
    assert [(each["version"], each["segments"], each["is_served"]) for each in listed] == [
        (REMODELLED, 18, True),
        (APPENDED, 18, False),
        (FULL, 18, False),
    ]

    before = pipeline.sum_up("back", {"mode": "rollback"})
    assert (before["served_version"], before["previous_version"]) == (APPENDED, REMODELLED)
    assert served(api) == (APPENDED, 3520.0)

    pipeline.sum_up("further", {"mode": "rollback", "version": FULL})
    assert served(api) == (FULL, 4400.0)


def test_its_runs_are_shown(executions: Any, pipeline: Pipeline, api: Api):  # noqa: F811 - the fixture
    for run_id in ("full", "append", "remodel", "assign", "held"):
        execute(executions, run_id, {})
        arn = f"{STATE_MACHINE.replace('stateMachine', 'execution')}:{run_id}"
        executions.stop_execution(executionArn=arn)

    listed = {run["run_id"]: run for run in api("GET", "/executions").json["runs"]}
    assert {run_id: (run["mode"], run["outcome"], run["version"]) for run_id, run in listed.items()} == {
        "full": ("full", "published", FULL),
        "append": ("append", "published", APPENDED),
        "remodel": ("remodel", "published", REMODELLED),
        "assign": ("assign", "assigned", REMODELLED),
        "held": ("full", None, None),
    }
    assert listed["full"]["rows"]["rejected"]["malformed"] == 1
    for run_id in listed:
        assert api("GET", f"/executions/{run_id}").status == 200, run_id
        assert api("GET", f"/runs/{run_id}", Accept="text/html").status == 200, run_id


def test_customers_get_amounts_of_its_model(pipeline: Pipeline):
    request = {"mode": "assign", "customers": address("customers")}

    pipeline.assign(pipeline.ingest("amounts", request))
    summary = pipeline.sum_up("amounts", request)

    assert (summary["version"], summary["assigned"]) == (REMODELLED, 1)
    assert summary["output"] == f"s3://{BUCKET}/assigned/run_id=amounts/vouchers/"


def test_what_builds_on_its_counts_asks_for_a_full_run(pipeline: Pipeline):
    for build in (
        lambda: pipeline.append("more", address("malformed")),
        lambda: pipeline.sum_up("again", {"mode": "remodel"}),
        lambda: pipeline.sum_up("older", {"mode": "remodel", "run_id": "full"}),
        lambda: ask_what_if(cur_date="2018-10-01"),
    ):
        with pytest.raises(errors.OldCounts, match="are of an older version, .*: run the whole history once"):
            build()


def test_a_run_that_1_0_0_held_back_is_started_again(pipeline: Pipeline):
    with pytest.raises(errors.ObjectAltered, match="an older version may have written it; .* start the run again"):
        pipeline.sum_up("yes", {"mode": "approve", "run_id": "held"})

    request = {"source": address("malformed"), "gate": {"most_malformed_share": 0.1}}
    with pytest.raises(errors.HeldBack):
        pipeline.run("held-again", request)


def test_after_one_full_run_everything_goes_on_and_its_versions_stay(pipeline: Pipeline, api: Api):
    whole = pipeline.run("whole", {"source": address("history")})["version"]
    assert served(api) == (whole, 4400.0)

    pipeline.append("more", address("day"))
    remodelled = pipeline.sum_up("again", {"mode": "remodel", "cur_date": "2018-10-01"})["version"]

    assert served(api) == (remodelled, 3520.0)
    assert ask_what_if(cur_date="2018-11-01")["segments"]
    assert {each["version"] for each in api("GET", "/versions").json["versions"]} >= {FULL, APPENDED, REMODELLED, whole}
    pipeline.sum_up("back", {"mode": "rollback", "version": APPENDED})
    assert served(api) == (APPENDED, 3520.0)


def test_the_api_still_has_the_routes_fields_and_codes_of_1_0_0():
    with ZipFile(MADE) as made:
        before = json.loads(made.read("openapi.json"))
    now = openapi.document("api_key")

    assert operations(before) <= operations(now)
    assert codes(before) <= codes(now)
    for name in before["components"]["schemas"].keys() - {"ServedModelFacts"}:  # which is `Health` and `ModelFacts` now
        fields, old = now["components"]["schemas"][name], before["components"]["schemas"][name]
        assert old.get("properties", {}).keys() <= fields.get("properties", {}).keys(), name
        if name.endswith("Request"):
            assert {*fields.get("required", [])} <= {*old.get("required", [])}, name


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method, path) for path, methods in document["paths"].items() for method in methods}


def codes(document: Any) -> set[str]:
    """Return the codes of problems that a part of a document names."""
    parts = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    own = document.get("code", {}) if isinstance(document, dict) else {}
    named = own.get("enum", []) if isinstance(own, dict) else []
    return {*named}.union(*map(codes, parts))

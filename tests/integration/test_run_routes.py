"""The routes and pages of runs: listed, told, started; and who may start them."""

import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import boto3
import pyarrow as pa
import pytest

from tests.environment import STATE_MACHINE
from tests.histories import history, parquet_bytes
from tests.integration.conftest import Api, Pipeline
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.state_machine import StateMachine
from voucher_selection.domain.errors import NoRun

ROLE = "arn:aws:iam::123456789012:role/states"
DEFINITION = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})


@pytest.fixture
def executions(aws: None) -> Any:
    """Step Functions with the pipeline's state machine: moto keeps its executions, and does not run them."""
    client = boto3.client("stepfunctions")
    client.create_state_machine(name="pipeline", definition=DEFINITION, roleArn=ROLE)
    return client


def started(executions: Any, name: str) -> dict[str, Any]:
    described = executions.describe_execution(
        executionArn=f"{STATE_MACHINE.replace('stateMachine', 'execution')}:{name}"
    )
    return json.loads(described["input"])


def start(api: Api, request: Any, **headers: str):
    return api("POST", "/executions", json.dumps(request), Content_Type="application/json", **headers)


def form(api: Api, **fields: str):
    return api("POST", "/runs", urlencode(fields), Content_Type="application/x-www-form-urlencoded", Accept="text/html")


def execute(executions: Any, run_id: str, request: dict[str, Any]) -> None:
    executions.start_execution(stateMachineArn=STATE_MACHINE, name=run_id, input=json.dumps(request))


def test_a_run_is_started_with_what_is_asked(executions, api: Api):
    request = {"mode": "remodel", "cur_date": "2018-10-01"}

    answer = start(api, request)

    run_id = answer.json["run_id"]
    assert (answer.status, answer.headers["Location"]) == (202, f"executions/{run_id}")
    assert started(executions, run_id) == request


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        ({}, {"source"}),
        ({"source": "ftp://x", "cur_date": "today"}, {"source", "cur_date"}),
        ({"mode": "rollback", "version": 7}, {"version"}),
        ({"mode": "delete"}, set()),
        ([], {""}),
        ("run", {""}),
    ],
)
def test_what_cannot_be_used_of_a_request_is_named_and_nothing_is_started(executions, api: Api, request_, fields):
    answer = start(api, request_)

    assert (answer.status, answer.json["code"]) == (422, "invalid_run")
    assert {error["field"] for error in answer.json.get("errors", [])} == fields
    assert not executions.list_executions(stateMachineArn=STATE_MACHINE)["executions"]


def test_a_stage_that_starts_no_runs_refuses_and_offers_none(executions, environment, aws):
    environment.setenv("START_RUNS", "false")
    api = Api()

    answers = [start(api, {"mode": "remodel"}), form(api, mode="remodel")]

    assert [answer.status for answer in answers] == [403, 403]
    assert answers[0].json["code"] == "runs_not_started"
    assert 'method="post"' not in api("GET", "/runs").text
    assert not executions.list_executions(stateMachineArn=STATE_MACHINE)["executions"]


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 202), ("none", 202)]
)
def test_a_page_of_another_site_cannot_start_a_run(executions, api: Api, site: str, status: int):
    answer = start(api, {"mode": "remodel"}, Sec_Fetch_Site=site)

    assert answer.status == status
    assert (answer.json.get("code") == "cross_site") is (status == 403)


def test_a_form_starts_a_run_and_leads_to_its_page(executions, api: Api):
    answer = form(api, mode="append", source=" s3://bucket/days/ ", countries="Peru, Latvia", cur_date="")

    run_id = answer.headers["Location"].removeprefix("runs/")
    assert answer.status == 303
    assert started(executions, run_id) == {
        "mode": "append",
        "source": "s3://bucket/days/",
        "countries": ["Peru", "Latvia"],
    }


def test_errors_of_the_form_stand_beside_its_fields(executions, api: Api):
    answer = form(api, mode="full", source="vouchers.parquet", countries="Peru,Peru")

    assert answer.status == 422
    assert 'value="vouchers.parquet" aria-invalid="true" aria-describedby="source_error source_hint"' in answer.text
    assert "expected s3://bucket/key" in answer.text
    assert 'id="history_countries_error"' in answer.text
    assert 'id="file_countries_error"' not in answer.text  # this is of the form with a file


def test_an_error_of_no_field_is_a_notice(executions, api: Api):
    answer = form(api, mode="delete")

    assert answer.status == 422
    assert "got &#39;delete&#39;" in answer.text


def test_runs_are_listed_with_what_they_did(executions, put, pipeline: Pipeline, api: Api):
    source = put("uploads/x.parquet", parquet_bytes(history({}, {"country_code": "Latvia"})))
    execute(executions, "run-1", {"source": source})
    summary = pipeline.run("run-1", {"source": source})
    execute(executions, "run-2", {"source": source})

    runs = {run["run_id"]: run for run in api("GET", "/executions").json["runs"]}

    assert runs["run-1"]["rows"] == summary["rows"]
    assert (runs["run-1"]["mode"], runs["run-1"]["outcome"], runs["run-1"]["version"]) == (
        "full", "published", summary["version"],
    )  # fmt: skip
    assert (runs["run-2"]["rows"], runs["run-2"]["outcome"]) == (None, None)
    page = " ".join(api("GET", "/runs").text.split())
    assert 'href="runs/run-1">run-1</a>' in page
    assert '<td class="number">2</td> <td class="number">1</td> <td>published a model</td>' in page


def test_a_run_and_its_page_tell_the_dates_of_a_striking_part_of_its_rows(executions, put, pipeline, api: Api):
    usual = [{"last_order_ts": f"2018-{month:02}-{day:02}"} for month in (4, 5, 6) for day in range(1, 29)]
    source = put("uploads/x.parquet", parquet_bytes(history(*usual, {"last_order_ts": "1900-01-01"})))
    for run_id, null_dates in (("run-1", []), ("run-2", ["1900-01-01"])):
        request = {"source": source, "null_dates": null_dates}
        execute(executions, run_id, request)
        pipeline.run(run_id, request)

    told, named = (api("GET", f"/executions/{name}").json["summary"]["striking_dates"] for name in ("run-1", "run-2"))

    assert told == [{"column": "last_order_ts", "date": "1900-01-01", "rows": 1, "share": 1 / 85}]
    assert named == []
    advice = "1900-01-01 is the last_order_ts of 1 rows (1.2% of the countries"
    pages = [api("GET", f"/runs/{run_id}", Accept="text/html").text for run_id in ("run-1", "run-2")]
    assert [advice in page for page in pages] == [True, False]


def test_a_run_tells_how_many_amounts_it_rounded(executions, put, pipeline: Pipeline, api: Api):
    for run_id, amount in (("noisy", 0.1 + 0.2), ("clean", 0.3)):
        rows = history({"voucher_amount": amount}, {"voucher_amount": amount}, {"voucher_amount": 2640.0})
        request = {"source": put(f"uploads/{run_id}.parquet", parquet_bytes(rows))}
        execute(executions, run_id, request)
        pipeline.run(run_id, request)

    noisy, clean = (api("GET", f"/executions/{run_id}").json["rows"] for run_id in ("noisy", "clean"))
    pages = [api("GET", f"/runs/{run_id}", Accept="text/html").text for run_id in ("noisy", "clean")]

    assert (noisy["amounts_rounded"], clean["amounts_rounded"]) == (2, 0)
    assert "<dt>Amounts rounded to 15 digits</dt><dd>2</dd>" in pages[0]
    assert "Amounts rounded" not in pages[1]


def test_the_page_of_a_run_that_assigns_tells_what_its_amounts_add_up_to(
    executions, version: str, put, pipeline: Pipeline, api: Api
):
    asked_for = [("Peru", 5), ("Peru", 3), ("Peru", 14), ("Chile", 5)]
    rows = [{"customer_id": 1, "country_code": country, "total_orders": orders} for country, orders in asked_for]
    customers = pa.Table.from_pylist(rows)
    address = put("uploads/customers.parquet", parquet_bytes(customers))
    request = {"mode": "assign", "customers": address, "segment_name": "frequent_segment", "fallback": "country"}
    execute(executions, "run-2", request)
    pipeline.assign(pipeline.ingest("run-2", request))
    pipeline.sum_up("run-2", request)

    page = api("GET", "/runs/run-2", Accept="text/html").text

    assert "<dt>Fallback</dt><dd>country</dd>" in page
    assert rows_below(page, "By country") == [["Peru", "3", "2", "1", "9,680", "2640", "7,920"]]
    assert sorted(rows_below(page, "By segment and amount")) == [
        ["Peru", "frequent_segment", "1-4", "segment", "2640", "1", "2,640"],
        ["Peru", "frequent_segment", "14-37", "country", "2640", "1", "2,640"],
        ["Peru", "frequent_segment", "5-13", "segment", "4400", "1", "4,400"],
    ]


def rows_below(page: str, caption: str) -> list[list[str]]:
    """Return the texts of the rows of a table."""
    body = page.partition(f"<caption>{caption}</caption>")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in cells]


def test_a_run_lists_the_rows_of_other_countries_and_points_out_a_misspelt_one(executions, put, pipeline, api: Api):
    others = [*["Perú"] * 3, *["PERU\u0301"] * 2, "Chile", None, *(f"Land {number:02}" for number in range(30))]
    rows = [{}, {"country_code": " PERU"}, *({"country_code": name} for name in others)]
    request = {"source": put("uploads/x.parquet", parquet_bytes(history(*rows)))}
    execute(executions, "run-1", request)
    pipeline.run("run-1", request)

    listed = {"Perú": 5, "Chile": 1} | {f"Land {number:02}": 1 for number in range(18)}
    told, model = api("GET", "/executions/run-1").json, api("GET", "/model").json
    pages = [" ".join(api("GET", path, Accept="text/html").text.split()) for path in ("/runs/run-1", "/report")]

    assert told["rows"]["other_countries"] == told["summary"]["rows"]["other_countries"] == listed
    assert model["rows"]["other_countries"] == listed
    assert (told["rows"]["kept"], told["rows"]["other_country"]) == (2, 37)
    for page in pages:
        misspelt = (
            '<tr><th scope="row">Perú<span class="hint">did you mean Peru?</span></th><td class="number">5</td></tr>'
        )
        assert misspelt in page
        assert '<tr><th scope="row">Land 17</th><td class="number">1</td></tr>' in page
        assert '<tr><th scope="row">all others</th><td class="number">13</td></tr>' in page
        assert page.count("did you mean") == 1


def test_a_run_and_its_page_tell_when_its_vouchers_were_given(executions, put, pipeline: Pipeline, api: Api):
    days = ["2018-06-30", "2018-07-01", "2018-07-31", None]
    rows = [{"timestamp": day} for day in days] + [{"timestamp": "2018-05-01"}, {"timestamp": "x"}]
    request = {"source": put("uploads/x.parquet", parquet_bytes(history(*rows)))}
    execute(executions, "run-1", request)
    pipeline.run("run-1", request)

    told = api("GET", "/executions/run-1").json["summary"]["assigned_on"]
    page = " ".join(api("GET", "/runs/run-1", Accept="text/html").text.split())

    assert told == {
        "months": {"2018-05": 1, "2018-06": 1, "2018-07": 2},
        "other_months": 0,
        "days": ["2018-05-01", "2018-07-31"],
        "undated": 1,
        "before_last_order": 1,
    }
    assert "From 2018-05-01 to 2018-07-31." in page
    assert "1 row has a last order after the day of the voucher." in page
    assert '<th scope="row">2018-07</th><td class="number">2</td><td class="number">40.0 %</td>' in page
    assert '<th scope="row">without a day</th><td class="number">1</td>' in page


def test_before_the_first_run_there_are_none(executions, api: Api):
    assert api("GET", "/executions").json == {"runs": []}
    page = api("GET", "/runs").text
    assert "No run has started yet." in page
    assert "No model has been published yet." in page


def test_a_run_that_there_is_not_is_named(executions, api: Api):
    answer, page = api("GET", "/executions/run-x"), api("GET", "/runs/run-x", Accept="text/html")

    assert (answer.status, answer.json["code"]) == (404, "no_run")
    assert "run 'run-x' does not exist" in answer.json["detail"]
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("run_id", ["a b", "%2e%2e", "x" * 90, "run:1", "*"])
def test_a_name_that_no_run_can_have_is_no_run(executions, api: Api, run_id: str):
    assert api("GET", f"/executions/{run_id}").status == 404


def test_the_page_of_a_failed_run_says_why(executions, lake: Lake, api: Api, monkeypatch):
    request = {"mode": "append", "source": "s3://gone/<script>alert(1)</script>"}
    execute(executions, "run-1", request)
    record = {
        "run_id": "run-1",
        "status": "failed",
        "request": request,
        "error": "SourceNotFound",
        "cause": "no <object>",
    }
    lake.client.put_object(Bucket=lake.bucket, Key=RunKeys("run-1").summary, Body=json.dumps(record))
    machine = api.handler.page_routes.state_machine()
    told = machine.execution("run-1")
    failed = {"status": "FAILED", "error": "SourceNotFound", "cause": "no <object>"}
    monkeypatch.setattr(
        machine, "execution", lambda _: SimpleNamespace(**vars(told) | failed, ended=True, current="Ingest")
    )

    page = api("GET", "/runs/run-1", Accept="text/html").text

    assert "SourceNotFound" in page
    assert "no &lt;object&gt;" in page
    assert "<script>alert" not in page
    assert "A model that was served before stays served." in page
    assert '<span class="mark failed">failed</span>' in page
    assert "Publish it as it is" not in page


def test_what_the_gate_held_back_can_be_approved_from_its_page(executions, api: Api, monkeypatch):
    execute(executions, "run-1", {"source": "s3://bucket/x.parquet"})
    machine = api.handler.page_routes.state_machine()
    held = {"status": "FAILED", "error": "HeldBack", "cause": "50.00% of the rows are malformed"}
    told = vars(machine.execution("run-1")) | held
    monkeypatch.setattr(machine, "execution", lambda _: SimpleNamespace(**told, ended=True, current="Model"))

    page = " ".join(api("GET", "/runs/run-1", Accept="text/html").text.split())
    approved = form(api, mode="approve", run_id="run-1")

    assert '<form method="post" action="../runs"> <input type="hidden" name="mode" value="approve">' in page
    assert "Publish it as it is" in page
    assert started(executions, approved.headers["Location"].removeprefix("runs/")) == {
        "mode": "approve",
        "run_id": "run-1",
    }


def test_a_refresh_that_was_held_back_says_why_although_its_execution_succeeded(
    version: str, executions, lake: Lake, api: Api, monkeypatch
):
    request = {"mode": "remodel", "scheduled": True}
    execute(executions, "night", request)
    cause = json.dumps({"errorMessage": "segments that lost support: …", "errorType": "RefreshHeldBack"})
    record = {"run_id": "night", "status": "failed", "request": request, "error": "RefreshHeldBack", "cause": cause}
    lake.client.put_object(Bucket=lake.bucket, Key=RunKeys("night").summary, Body=json.dumps(record))
    machine = api.handler.page_routes.state_machine()
    told = vars(machine.execution("night")) | {"status": "SUCCEEDED"}
    monkeypatch.setattr(machine, "execution", lambda _: SimpleNamespace(**told, ended=True, current="Model"))

    run = api("GET", "/executions/night").json
    page = api("GET", "/runs/night", Accept="text/html").text

    assert (run["status"], run["error"], run["published"]) == ("SUCCEEDED", "RefreshHeldBack", False)
    assert run["cause"] == "segments that lost support: …"
    assert "segments that lost support: …" in page
    assert "A model that was served before stays served." in page
    assert "Publish it as it is" in page
    assert "<td>RefreshHeldBack</td>" in api("GET", "/runs", Accept="text/html").text


def test_on_a_stage_with_a_key_pages_are_shells_and_views_have_the_data(version: str, executions, environment):
    environment.setenv("AUTH", "api_key")
    api = Api()

    for page in ("search_voucher", "segments", "report", "runs", "runs/run-1"):
        shell = api("GET", f"/{page}", Accept="text/html")
        assert shell.status == 200
        assert "data-shell" in shell.text
        assert not {"2640", "3520", version, "Peru"} & set(shell.text.replace("<", " ").replace(">", " ").split()), page
        assert 'id="key"' in shell.text
        assert api("GET", f"/{page}", Accept="application/json").text == shell.text
    for page in ("search_voucher", "segments", "report", "runs"):
        view = api("GET", f"/views/{page}", Accept="text/html")
        assert view.status == 200
        assert "data-shell" not in view.text
        assert version in view.text


def test_links_hold_at_every_depth(version: str, executions, api: Api):
    execute(executions, "run-1", {})

    assert 'href="report"' in api("GET", "/runs").text
    assert 'href="../report"' in api("GET", "/runs/run-1").text
    assert 'href="../report"' in api("GET", "/views/runs/run-1").text  # they are those of the page that shows it


def test_the_root_leads_to_the_first_page(api: Api):
    answer = api("GET", "/")

    assert (answer.status, answer.headers["Location"]) == (302, "https://api.example/test/search_voucher")


T0 = datetime(2026, 1, 1, tzinfo=UTC)


def events(*told: tuple[str, str | None]) -> list[dict[str, Any]]:
    """A history, an event a second: each its type, and the state where it names one."""
    found: list[dict[str, Any]] = []
    for second, (kind, name) in enumerate(told):
        event: dict[str, Any] = {"type": kind, "timestamp": T0 + timedelta(seconds=second)}
        if name and kind.endswith("Entered"):
            event["stateEnteredEventDetails"] = {"name": name}
        if name and kind.endswith("Exited"):
            event["stateExitedEventDetails"] = {"name": name}
        if kind == "MapRunStarted":
            event["mapRunStartedEventDetails"] = {"mapRunArn": name}
        found.append(event)
    return found


class StatesService:
    """Step Functions as far as one execution asks it."""

    exceptions = SimpleNamespace(ExecutionDoesNotExist=KeyError, InvalidArn=ValueError)

    def __init__(self, status: str, history_: list[dict[str, Any]], **more: Any) -> None:
        self.described = {"status": status, "startDate": T0, "input": "{}", **more}
        self.history = history_

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        assert executionArn.endswith(":execution:pipeline:run-1")
        return self.described

    def get_paginator(self, _: str) -> Any:
        half = len(self.history) // 2
        pages = [{"events": self.history[:half]}, {"events": self.history[half:]}]
        return SimpleNamespace(paginate=lambda **_: pages)

    def describe_map_run(self, mapRunArn: str) -> dict[str, Any]:  # noqa: N803
        counts = {"shards": (9, 5, 1, 1, 1), "groups": (3, 2, 0, 0, 0)}[mapRunArn]
        return {"itemCounts": dict(zip(("total", "succeeded", "failed", "timedOut", "aborted"), counts, strict=True))}


def execution_of(service: StatesService):
    return StateMachine(STATE_MACHINE, service).execution("run-1")


INGESTED = (
    ("ChoiceStateEntered", "ByMode"), ("ChoiceStateExited", "ByMode"), ("TaskStateEntered", "Ingest"),
    ("TaskSucceeded", None), ("TaskStateExited", "Ingest"),
)  # fmt: skip
MAPPED = (("MapStateEntered", "CleanShards"), ("MapRunStarted", "shards"))


def test_an_execution_is_told_by_its_states():
    told = execution_of(StatesService("RUNNING", events(*INGESTED, *MAPPED)))

    assert [(s.name, s.seconds, s.failed) for s in told.states] == [
        ("Ingest", 2.0, False),
        ("CleanShards", None, False),
    ]
    assert (told.current, told.ended, told.seconds) == ("CleanShards", False, {"Ingest": 2.0})
    assert (told.shards, told.shards_done, told.shards_failed) == (9, 5, 3)
    assert (told.groups, told.groups_done) == (0, 0)


def test_a_second_map_is_that_of_the_groups():
    merging = (
        ("MapRunSucceeded", None), ("MapStateExited", "CleanShards"), ("ChoiceStateEntered", "ByGroups"),
        ("MapStateEntered", "MergeShards"), ("MapRunStarted", "groups"),
    )  # fmt: skip

    told = execution_of(StatesService("RUNNING", events(*INGESTED, *MAPPED, *merging)))

    assert [state.name for state in told.states] == ["Ingest", "CleanShards", "MergeShards"]
    assert (told.shards, told.shards_done, told.groups, told.groups_done) == (9, 5, 3, 2)


def test_a_state_is_what_its_last_try_was():
    tried_again = (
        ("TaskStateEntered", "Ingest"), ("TaskFailed", None), ("TaskSucceeded", None), ("TaskStateExited", "Ingest"),
        *MAPPED, ("MapRunFailed", None), ("MapStateExited", "CleanShards"), ("TaskStateEntered", "Model"),
    )  # fmt: skip

    told = execution_of(StatesService("RUNNING", events(*tried_again)))

    assert [(s.name, s.failed) for s in told.states] == [("Ingest", False), ("CleanShards", True), ("Model", False)]


def test_what_lambda_wraps_around_a_cause_is_left_out():
    cause = json.dumps({"errorMessage": "no such file", "errorType": "SourceNotFound"})

    told = execution_of(StatesService("FAILED", events(), error="SourceNotFound", cause=cause, stopDate=T0))

    assert (told.error, told.cause, told.current) == ("SourceNotFound", "no such file", None)


def test_an_input_that_is_no_json_is_told_as_it_is():
    assert execution_of(StatesService("RUNNING", [], input="nonsense")).request == "nonsense"


def test_an_execution_that_is_not_there_is_no_run(executions):
    with pytest.raises(NoRun, match="run 'run-1' does not exist"):
        StateMachine(STATE_MACHINE, executions).execution("run-1")


def test_a_run_that_was_stopped_after_it_had_published_says_so(version: str, executions, api: Api):
    stop(executions, "run-1")

    report = api("GET", "/executions/run-1").json

    assert (report["status"], report["published"], report["version"]) == ("ABORTED", True, version)
    assert "published all the same" in api("GET", "/runs/run-1").text


def test_a_run_that_was_stopped_before_it_had_published_says_what_stays(version: str, executions, api: Api):
    stop(executions, "run-2")

    report = api("GET", "/executions/run-2").json

    assert (report["status"], report["published"]) == ("ABORTED", False)
    assert "A model that was served before stays served" in api("GET", "/runs/run-2").text


def stop(executions: Any, run_id: str) -> None:
    execute(executions, run_id, {"source": "s3://bucket/days/"})
    arn = f"{STATE_MACHINE.replace(':stateMachine:', ':execution:')}:{run_id}"
    executions.stop_execution(executionArn=arn, error="Stopped", cause="by somebody")


def test_the_page_of_a_run_tells_which_objects_it_has_not_read(put, pipeline: Pipeline, executions, api: Api):
    put("uploads/days/a.parquet", parquet_bytes(history({})))
    put("uploads/days/<b>.doc", b"x")
    execute(executions, "run-1", {"source": "s3://lake/uploads/days/"})

    pipeline.run("run-1", {"source": "s3://lake/uploads/days/"})

    page = api("GET", "/runs/run-1", Accept="text/html").text
    assert "<dt>Not read (not named like parquet, CSV or JSON lines)</dt><dd>1 object: &lt;b&gt;.doc</dd>" in page

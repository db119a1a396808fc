"""What is watched: every alarm and graph is of a metric that is really emitted, and the runbook has every alarm."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.stages import StageError, stage
from tests.infrastructure.conftest import ALL_GUARDS, Synthesized, plain
from voucher_selection.contract.functions import ALL_FUNCTIONS, API, INBOX, WATCH, WHAT_IF
from voucher_selection.contract.metrics import METRICS

RUNBOOK = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text()
_, _, ALARMS = RUNBOOK.partition("\n## Alarms\n")
ALARMS, _, _ = ALARMS.partition("\n## ")
HEADINGS = re.findall(r"^### (.+)$", ALARMS, re.MULTILINE)
OWN_DOMAIN = {name: ALL_GUARDS[name] for name in ("domain_name", "certificate_arn")}
# With a setting of its own each: the alarm that there is not without it.
NEEDING = {
    "The refresh was not started": {"refresh_schedule": ""},
    "Nothing was published": {"refresh_schedule": ""},
    "The model is old": {"most_model_age_hours": None},
    "Callers are throttled": {"execution_logs": False},
    "The API does not answer": {"health_check": False},
}


def alarms(synthesized: Synthesized) -> dict[str, Any]:
    """The properties of the alarms by what is wrong: their names without the stack's."""
    found = synthesized.resources("AWS::CloudWatch::Alarm").items()
    told = [alarm for name, alarm in found if not name.startswith("FunctionsCanary")]  # which only CodeDeploy reads
    return {alarm["AlarmName"].removeprefix(f"{synthesized.stack.stack_name}: "): alarm for alarm in told}


def metrics_of(alarm: Any) -> list[Any]:
    """The metrics that an alarm looks at, each with its namespace, name and dimensions."""
    if "MetricName" in alarm:
        return [alarm]
    return [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]


def own(synthesized: Synthesized, metrics: Any) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """The metrics of the stage's own namespace: names and dimensions."""
    return {
        (metric["MetricName"], frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions", [])))
        for metric in metrics
        if metric["Namespace"] == synthesized.stack.stack_name
    }


def graphs(synthesized: Synthesized) -> list[Any]:
    """What the dashboard's graphs show: lists as CloudWatch has them."""
    body = synthesized.only("AWS::CloudWatch::Dashboard")["DashboardBody"]
    text = "".join(part if isinstance(part, str) else "?" for part in body["Fn::Join"][1])
    widgets = json.loads(text)["widgets"]
    return [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]


def emitted() -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {(metric.name, frozenset({("service", metric.service)})) for metric in METRICS if not metric.dimension}


THROTTLED = ("RequestsThrottled", frozenset[tuple[str, str]]())


def test_the_alarm_on_throttling_is_on_the_metric_that_is_counted_in_the_access_log(prod):
    watched = own(prod, metrics_of(alarms(prod)["Callers are throttled"]))

    (filtered,) = prod.only("AWS::Logs::MetricFilter")["MetricTransformations"]
    assert watched == {THROTTLED}
    assert (filtered["MetricNamespace"], filtered["MetricName"]) == (prod.stack.stack_name, THROTTLED[0])


def test_the_dashboard_shows_every_metric_that_is_emitted_and_no_other(prod):
    shown, searched = set(), set()
    for first, *rest in graphs(prod):
        if first == prod.stack.stack_name:
            name, *dimensions = [part for part in rest if isinstance(part, str)]
            shown.add((name, frozenset(zip(dimensions[::2], dimensions[1::2], strict=True))))
        elif isinstance(first, dict) and f'SEARCH(\'{{"{prod.stack.stack_name}"' in first.get("expression", ""):
            found = re.search(r"\{\"(.+)\",(\w+),service\} MetricName=\"(\w+)\" service=\"(\w+)\"", first["expression"])
            searched.add(found.groups())

    assert shown - {THROTTLED} == emitted()
    assert searched == {
        (prod.stack.stack_name, metric.dimension, metric.name, metric.service) for metric in METRICS if metric.dimension
    }


@pytest.mark.parametrize("name", ALL_FUNCTIONS)
def test_the_functions_emit_into_the_namespace_that_is_watched(prod, synthesize, name):
    synthesized = synthesize("prod", inbox=True)
    assert synthesized.stack.stack_name == prod.stack.stack_name
    variables = synthesized.function(name)["Environment"]["Variables"]

    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == prod.stack.stack_name
    assert variables["POWERTOOLS_SERVICE_NAME"] == name


def test_services_metrics_are_those_of_the_stack(prod):
    by_namespace: dict[str, set[tuple[str, ...]]] = {}
    for alarm in alarms(prod).values():
        for metric in metrics_of(alarm):
            names = tuple(sorted(dimension["Name"] for dimension in metric.get("Dimensions", [])))
            by_namespace.setdefault(metric["Namespace"], set()).add(names)
    by_namespace.pop(prod.stack.stack_name)

    assert by_namespace == {
        "AWS/States": {("StateMachineArn",)},
        "AWS/SQS": {("QueueName",)},
        "AWS/ApiGateway": {("ApiName", "Stage")},
        "AWS/Lambda": {("FunctionName",)},
        "AWS/DynamoDB": {("TableName",)},
    }
    of_api = {d["Value"] for d in metrics_of(alarms(prod)["The API is slow"])[0]["Dimensions"]}
    assert of_api == {"VoucherSelection-prod", "prod"}


def test_every_alarm_has_its_heading_in_the_runbook_and_every_heading_its_alarm(synthesize):
    assert sorted(alarms(synthesize("prod", inbox=True))) == HEADINGS


def test_every_alarm_says_what_is_wrong_what_to_do_first_and_where_to_read_on(synthesize):
    for heading, alarm in alarms(synthesize("prod", inbox=True)).items():
        says, _, place = alarm["AlarmDescription"].partition("Runbook: ")
        assert len(re.findall(r"[.;,](?= |$)", says.strip())) > 1, f"{heading}: expected a first step, too"
        assert says.strip().endswith("."), heading
        assert place == f'docs/runbook.md, "{heading}"'


def test_with_the_runbooks_address_every_alarm_links_to_its_heading(synthesize):
    address = "https://wiki.example.com/vouchers/runbook"
    anchors = {re.sub(r"[^a-z0-9-]", "", heading.lower().replace(" ", "-")) for heading in HEADINGS}

    found = alarms(synthesize("prod", inbox=True, runbook_url=address)).values()

    links = {alarm["AlarmDescription"].partition("Runbook: ")[2] for alarm in found}
    assert links == {f"{address}#{anchor}" for anchor in anchors}


def test_a_runbooks_address_is_one_that_a_phone_can_open():
    assert stage("dev", runbook_url="https://wiki.example.com/a/b/").runbook_url == "https://wiki.example.com/a/b/"
    for given in ("docs/runbook.md", "http://wiki.example.com", "https://wiki.example.com/page#alarms"):
        with pytest.raises(StageError, match=r"runbook_url: expected an address like https://wiki\.example\.com"):
            stage("dev", runbook_url=given)
    with pytest.raises(StageError, match="runbook_url: expected monitoring with it"):
        stage("dev", runbook_url="https://wiki.example.com", monitoring=False)


def test_the_dashboard_has_the_region_in_its_name_because_an_account_has_one_list_of_them(prod):
    name = prod.only("AWS::CloudWatch::Dashboard")["DashboardName"]

    assert name == {"Fn::Join": ["", ["VoucherSelection-prod-", {"Ref": "AWS::Region"}]]}


def test_every_alarm_goes_to_the_topic_when_it_comes_and_when_it_goes(prod):
    for alarm in alarms(prod).values():
        (action,), (ok,) = alarm["AlarmActions"], alarm["OKActions"]
        assert action == ok
        assert action["Ref"].startswith("ObservabilityAlarms")
        assert alarm["ActionsEnabled"] is True


def test_no_data_is_fine_where_it_means_that_nothing_happened(prod):
    missing = {heading: alarm["TreatMissingData"] for heading, alarm in alarms(prod).items()}

    assert missing.pop("The API does not answer") == "breaching", "nobody asked"
    assert missing.pop("Nothing was published") == "ignore", "before the first publication there is no age"
    assert missing.pop("A model was held back") == "ignore", "it lasts until a model is published"
    assert missing.pop("The model is old") == "ignore", "it gets no younger while nobody asks"
    assert set(missing.values()) == {"notBreaching"}


def test_a_model_is_old_and_publications_are_missed_after_the_same_hours(synthesize):
    found = alarms(synthesize("dev", most_model_age_hours=3))

    assert found["The model is old"]["Threshold"] == 3 * 3600
    assert found["Nothing was published"]["Threshold"] == 3 * 3600


@pytest.mark.parametrize("heading", NEEDING)
def test_an_alarm_is_there_only_with_what_it_watches(synthesize, prod, heading):
    assert heading in alarms(prod)
    assert heading not in alarms(synthesize("prod", **NEEDING[heading]))


def test_cloudwatch_may_publish_to_the_topic_and_use_its_key(prod):
    policy = prod.named("AWS::SNS::TopicPolicy", "ObservabilityAlarms")["PolicyDocument"]["Statement"]
    (allowed,) = (statement for statement in policy if statement["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}

    key = prod.only("AWS::KMS::Key")
    _, of_cloudwatch = key["KeyPolicy"]["Statement"]
    assert key["EnableKeyRotation"] is True
    assert of_cloudwatch["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert of_cloudwatch["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    topic = prod.named("AWS::SNS::Topic", "ObservabilityAlarms")
    assert topic["KmsMasterKeyId"]["Fn::GetAtt"][0].startswith("ObservabilityKey")


def test_whoever_is_named_is_written_to_of_alarms_and_of_failed_runs(synthesize, prod):
    subscriptions = synthesize("prod", alarm_email="on-call@example.com").resources("AWS::SNS::Subscription").values()

    assert {(found["Protocol"], found["Endpoint"]) for found in subscriptions} == {("email", "on-call@example.com")}
    assert sorted(found["TopicArn"]["Ref"][:10] for found in subscriptions) == ["Observabil", "PipelineRu"]
    assert not prod.resources("AWS::SNS::Subscription")


def test_queries_over_the_logs_are_saved_with_the_stack(prod):
    queries = prod.resources("AWS::Logs::QueryDefinition").values()

    assert {query["Name"] for query in queries} == {
        f"VoucherSelection-prod/{name}" for name in ("a run", "a request", "what failed")
    }
    for query in queries:
        assert len(query["LogGroupNames"]) == len({*ALL_FUNCTIONS} - {INBOX})
        assert f"`{query['Name'].partition('/')[2]}`" in RUNBOOK


def test_without_monitoring_there_is_nothing_of_it(local, synthesize):
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::Logs::QueryDefinition", "AWS::KMS::Key")

    for synthesized in (local, synthesize("dev", monitoring=False)):
        assert not any(synthesized.resources(kind) for kind in kinds)
        handlers = [function["Handler"] for function in synthesized.resources("AWS::Lambda::Function").values()]
        assert not any(handler.startswith(WATCH) for handler in handlers)


@pytest.mark.parametrize(
    ("name", "settings", "requests", "runs"),
    [
        ("dev", {}, False, True),
        ("prod", {}, False, True),
        ("prod", {"trace_requests": True}, True, True),
        ("prod", {"tracing": False}, False, False),
    ],
)
def test_requests_and_runs_are_traced_each_where_the_stage_says_so(synthesize, name, settings, requests, runs):
    synthesized = synthesize(name, inbox=True, **settings)
    traced = {name: "TracingConfig" in synthesized.function(name) for name in ALL_FUNCTIONS}

    assert synthesized.only("AWS::ApiGateway::Stage").get("TracingEnabled", False) is requests
    machine = synthesized.only("AWS::StepFunctions::StateMachine")
    assert machine.get("TracingConfiguration", {}).get("Enabled", False) is runs
    assert traced.pop(WATCH) is False
    assert (traced.pop(API), traced.pop(WHAT_IF)) == (requests, requests)
    assert set(traced.values()) == {runs}


def test_the_emulator_traces_nothing(local):
    assert not any("TracingConfig" in function for function in local.resources("AWS::Lambda::Function").values())
    assert not local.only("AWS::StepFunctions::StateMachine").get("TracingConfiguration", {}).get("Enabled")


def test_watch_looks_every_five_minutes_at_the_address_that_callers_use(prod, synthesize):
    rule = prod.named("AWS::Events::Rule", "ObservabilityWatch")
    (target,) = rule["Targets"]

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert target["Arn"]["Fn::GetAtt"][0].startswith("FunctionsWatch")
    assert health_url(synthesize("prod", **OWN_DOMAIN)) == f"https://{OWN_DOMAIN['domain_name']}/health"
    address = plain(health_url(prod))
    assert re.fullmatch(r"https://ApiRestApi\w*\.execute-api\.<AWS::Region>\.<AWS::URLSuffix>/\w+/health", address)


def test_without_a_health_check_watch_still_looks_for_publications_and_joins_the_subnets(synthesize):
    subnets = {"subnet_ids": ("subnet-0a1b2c3d",), "security_group_ids": ("sg-0c3d4e5f",)}

    asking, not_asking = (synthesize("prod", health_check=asks, **subnets) for asks in (True, False))

    assert health_url(not_asking) == ""
    assert "VpcConfig" in not_asking.function(WATCH)
    assert "VpcConfig" not in asking.function(WATCH), "from within, the public address may not be reachable"
    assert "Nothing was published" in alarms(not_asking)


def health_url(synthesized: Synthesized) -> Any:
    return synthesized.function(WATCH)["Environment"]["Variables"]["HEALTH_URL"]


def test_watch_may_read_items_of_the_catalog_and_nothing_else(prod):
    rights = {action for action in prod.rights("FunctionsWatchRole") if not action.startswith("logs:")}

    assert rights == {"dynamodb:GetItem"}


def test_the_runbooks_table_has_every_metric():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \| (.*?) \| (.+?) \|$", RUNBOOK, re.MULTILINE)

    assert rows == [
        (
            metric.name,
            metric.unit,
            metric.service,
            f"`{metric.dimension}`" if metric.dimension else "",
            metric.says,
        )
        for metric in METRICS
    ]

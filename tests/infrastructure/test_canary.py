"""On prod a new version of the API gets 10 % of the requests first, and goes if it fails."""

import json
from typing import Any

import pytest

from infra_cdk.stages import StageError, stage
from tests.infrastructure.conftest import Synthesized, plain


@pytest.fixture
def alarm(prod: Synthesized) -> dict[str, Any]:
    return prod.named("AWS::CloudWatch::Alarm", "FunctionsCanaryAlarm")


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    return [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]


def test_only_prod_has_it_by_default_and_it_needs_no_monitoring(dev: Synthesized, synthesize: Any):
    assert [stage(name).deployment for name in ("local", "dev", "prod")] == ["all_at_once", "all_at_once", "canary"]
    assert not dev.resources("AWS::CodeDeploy::DeploymentGroup")
    assert "UpdatePolicy" not in next(iter(dev.template.find_resources("AWS::Lambda::Alias").values()))
    unwatched = synthesize("dev", deployment="canary", monitoring=False)
    assert len(unwatched.resources("AWS::CloudWatch::Alarm")) == 1
    with pytest.raises(StageError, match="deployment: the emulator has nothing of the kind"):
        stage("local", deployment="canary")


def test_the_alias_moves_as_code_deploy_says_and_back_if_the_alarm_is_raised(prod: Synthesized):
    (alias,) = prod.template.find_resources("AWS::Lambda::Alias").values()
    group = prod.only("AWS::CodeDeploy::DeploymentGroup")
    ((alarm, _),) = [
        (name, properties)
        for name, properties in prod.resources("AWS::CloudWatch::Alarm").items()
        if name.startswith("FunctionsCanary")
    ]

    update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert {name: plain(value) for name, value in update.items()} == {
        "ApplicationName": "FunctionsCanaryGroupApplication",
        "DeploymentGroupName": "FunctionsCanaryGroup",
    }
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert group["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": {"Ref": alarm}}]}
    assert set(group["AutoRollbackConfiguration"]["Events"]) == {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"}


def test_the_alarm_is_of_the_new_version_alone(prod: Synthesized, alarm: dict[str, Any]):
    (version,) = (name for name in prod.resources("AWS::Lambda::Version") if name.startswith("FunctionsApi"))
    number = {"Fn::GetAtt": [version, "Version"]}
    found = {
        (metric["Namespace"], metric["MetricName"]): {d["Name"]: d["Value"] for d in metric["Dimensions"]}
        for metric in metrics(alarm)
    }

    crashes = found.pop(("AWS/Lambda", "Errors"))
    assert crashes["ExecutedVersion"] == number
    assert (plain(crashes["FunctionName"]), plain(crashes["Resource"])) == ("FunctionsApi", "FunctionsApi:served")
    assert found == {("VoucherSelection-prod", "RequestsFailed"): {"service": "api", "version": number}}
    # another name makes another alarm, which has no state of before
    assert json.dumps(number) in json.dumps(alarm["AlarmName"])


def test_the_first_failed_request_raises_the_alarm_and_no_requests_do_not(alarm: dict[str, Any]):
    (expression,) = (query["Expression"] for query in alarm["Metrics"] if "Expression" in query)

    assert expression == "FILL(crashes, 0) + FILL(failed, 0)"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "AlarmActions" not in alarm

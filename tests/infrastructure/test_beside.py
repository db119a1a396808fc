"""A deployment beside a stage's own one: `-c suffix=trial-1` makes a stack that shares no name with it."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from infra_cdk.context import stage_from_context
from infra_cdk.stages import StageError, stack_name, stage

SUFFIX = "trial-1"
IN_ITS_PARENT = {
    "AWS::ApiGateway::Stage/StageName",
    "AWS::CodeDeploy::DeploymentGroup/DeploymentConfigName",
    "AWS::DynamoDB::Table/AttributeDefinitions.AttributeName",
    "AWS::DynamoDB::Table/KeySchema.AttributeName",
    "AWS::DynamoDB::Table/TimeToLiveSpecification.AttributeName",
    "AWS::IAM::Policy/PolicyName",
    "AWS::IAM::Role/Policies.PolicyName",
    "AWS::Lambda::Alias/Name",
    "AWS::SNS::Topic/DisplayName",
}
"""Names that count only within a table, a role, a function or an API, or that are AWS's own."""
A_METRIC = re.compile("AWS::(CloudWatch::Alarm|Logs::MetricFilter|WAFv2::WebACL)/.*(MetricName|Dimensions.Name)")
A_RULE = re.compile(r"AWS::WAFv2::(WebACL/Rules|LoggingConfiguration/RedactedFields)\..*Name")


@pytest.fixture(scope="module")
def beside(synthesize: Any) -> Any:
    """The prod stage beside the deployed one."""
    return synthesize("prod", suffix=SUFFIX)


def names(properties: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the paths and values of all properties that are called a name."""
    match properties:
        case dict():
            for key, value in properties.items():
                if key.endswith("Name"):
                    yield f"{path}{key}", value
                yield from names(value, f"{path}{key}.")
        case list():
            for value in properties:
                yield from names(value, path)


def names_in_the_account(synthesized: Any) -> dict[str, set[str]]:
    """Return the names that the template itself gives to resources, by property."""
    found: dict[str, set[str]] = {}
    for resource in synthesized.json["Resources"].values():
        for path, name in names(resource.get("Properties", {}), f"{resource['Type']}/"):
            if path in IN_ITS_PARENT or A_METRIC.match(path) or A_RULE.match(path):
                continue
            if "Ref" not in json.dumps(name) and "GetAtt" not in json.dumps(name):  # else it has another one's name
                found.setdefault(path, set()).add(str(name))
    return found


def kinds(synthesized: Any) -> Counter[str]:
    return Counter(resource["Type"] for resource in synthesized.json["Resources"].values())


def test_a_suffix_ends_the_name_of_the_stack(beside: Any) -> None:
    assert beside.stack.stack_name == stack_name("prod", SUFFIX) == "VoucherSelection-prod-trial-1"
    assert stage("prod").stack_name == stack_name("prod") == "VoucherSelection-prod"


def test_no_name_is_that_of_the_stages_own_stack(beside: Any, prod: Any) -> None:
    own, others = names_in_the_account(prod), names_in_the_account(beside)

    assert own.keys() == others.keys() >= {"AWS::CloudWatch::Alarm/AlarmName", "AWS::Logs::LogGroup/LogGroupName"}
    assert [(path, name) for path in own for name in own[path] & others[path]] == []


def test_both_stacks_have_the_same_resources(beside: Any, prod: Any) -> None:
    assert kinds(beside) == kinds(prod)


def test_a_suffix_is_no_setting_of_the_stack(beside: Any) -> None:
    assert json.loads(beside.json["Outputs"]["Settings"]["Value"]) == {}


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"stage": "dev", "suffix": "Trial_1"}, "suffix: expected up to 20 small letters, digits and hyphens, like tr"),
        ({"stage": "dev", "suffix": "a" * 21}, "suffix: expected up to 20 small letters"),
        ({"stage": "dev", "suffix": "trial-"}, "suffix: expected up to 20 small letters"),
        ({"suffix": "trial-1"}, "suffix: the emulator has nothing of the kind; set it on dev or prod only"),
    ],
)
def test_a_suffix_that_cannot_be_used_is_refused(context: dict[str, str], message: str) -> None:
    with pytest.raises(StageError, match=message):
        stage_from_context(context)
    assert stage_from_context({"stage": "dev", "suffix": "prove-1a2b"}).stack_name == "VoucherSelection-dev-prove-1a2b"

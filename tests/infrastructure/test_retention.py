"""What stays, for how long, and what is protected, by stage; and by which tags the costs are told apart."""

import json
from typing import Any

import pytest

from tests.infrastructure.conftest import Synthesized

# CloudFormation has no tags for these; https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference
UNTAGGABLE = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::UsagePlanKey",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::Policy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
    "Custom::S3AutoDeleteObjects",
}
HOLDS_DATA = ("AWS::S3::Bucket", "AWS::DynamoDB::Table")


def test_every_resource_that_can_have_tags_names_project_and_stage(each_stage: Synthesized):
    tags = {"project": "voucher-selection", "stage": each_stage.stage.name}

    assert each_stage.stack.tags.tag_values() == tags
    for name, resource in each_stage.json["Resources"].items():
        # the CDK's own function for emptying buckets is tagged with the stack's tags, by CloudFormation
        if resource["Type"] in UNTAGGABLE or name.startswith("CustomS3AutoDeleteObjects"):
            continue
        given = resource["Properties"]["Tags"]
        found = given if isinstance(given, dict) else {tag["Key"]: tag["Value"] for tag in given}
        assert tags.items() <= found.items(), name


@pytest.mark.parametrize(("name", "protected"), [("local", False), ("dev", False), ("prod", True)])
def test_on_prod_neither_the_stack_nor_the_table_can_be_deleted_by_mistake(
    request: pytest.FixtureRequest,
    name: str,
    protected: bool,  # noqa: FBT001 - a case
):
    synthesized: Synthesized = request.getfixturevalue(name)

    assert bool(synthesized.stack.termination_protection) is protected
    assert synthesized.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is protected


def test_a_dev_whose_data_is_kept_is_protected_as_well(synthesize: Any):
    dev = synthesize("dev", removal="retain")

    assert dev.stack.termination_protection is True
    assert not dev.resources("Custom::S3AutoDeleteObjects")


def kept(synthesized: Synthesized) -> set[str]:
    return {r["Type"] for r in synthesized.json["Resources"].values() if r.get("DeletionPolicy", "Delete") != "Delete"}


def test_on_prod_all_data_and_nothing_else_of_the_stage_stays(prod: Synthesized, guarded: Synthesized):
    # a version goes with its function
    assert kept(prod) == {*HOLDS_DATA, "AWS::Lambda::Version"}
    # API Gateway's role for logs is the account's, and other APIs may write with it
    assert kept(guarded) == {*HOLDS_DATA, "AWS::Lambda::Version", "AWS::ApiGateway::Account", "AWS::IAM::Role"}
    of_data = [r for r in prod.json["Resources"].values() if r["Type"] in HOLDS_DATA]
    assert {r["UpdateReplacePolicy"] for r in of_data} == {"Retain"}


def test_a_first_deployment_that_fails_leaves_no_bucket_and_does_not_fail_again_on_the_protected_table(
    prod: Synthesized,
):
    policies = {(r["Type"], r.get("DeletionPolicy")) for r in prod.json["Resources"].values()}

    assert {found for found in policies if found[0] in HOLDS_DATA} == {
        ("AWS::S3::Bucket", "RetainExceptOnCreate"),
        ("AWS::DynamoDB::Table", "Retain"),
    }
    assert prod.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize(("name", "days"), [("local", 30), ("dev", 7), ("prod", 90)])
def test_every_log_ends_after_the_days_of_the_stage(request: pytest.FixtureRequest, name: str, days: int):
    groups = request.getfixturevalue(name).resources("AWS::Logs::LogGroup")

    assert {group["RetentionInDays"] for group in groups.values()} == {days}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_nothing_on_aws_names_this_machine_or_its_emulator(request: pytest.FixtureRequest, name: str):
    template = json.dumps(request.getfixturevalue(name).json).lower()

    found = [word for word in ("localhost", "localstack", "127.0.0.1", "4566", "_custom_id_") if word in template]
    assert found == []
    assert "000000000000" not in template  # the emulator's account


def test_the_bootstrap_that_the_quickstart_asks_for_is_the_templates(dev: Synthesized):
    from local.quickstart.aws.prerequisites import LEAST_BOOTSTRAP  # noqa: PLC0415 - with it comes botocore

    (rule,) = dev.json["Rules"]["CheckBootstrapVersion"]["Assertions"]
    ((refused, _),) = [condition["Fn::Contains"] for condition in rule["Assert"]["Fn::Not"]]

    assert max(map(int, refused)) + 1 == LEAST_BOOTSTRAP
    assert dev.json["Parameters"]["BootstrapVersion"]["Default"] == "/cdk-bootstrap/hnb659fds/version"

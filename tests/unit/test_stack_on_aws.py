"""A stage's stack at its end: what stays, protection, and failures."""

import json
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from local.quickstart.aws.account import Account, Identity, Role
from local.quickstart.aws.stack import Resource, Stack, deployed_settings
from local.quickstart.machine.steps import StepError
from local.quickstart.settings.starting import NOT_DEPLOYED, Deployed

IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:user/deployer")
NAME = "VoucherSelection-prod"
STACK_ID = f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{NAME}/1"
TEMPLATE = {
    "Resources": {
        "Table": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"},
        "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"},
        "Topic": {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Delete"},
        "Version": {"Type": "AWS::Lambda::Version", "DeletionPolicy": "RetainExceptOnCreate"},
        "NeverMade": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
    }
}


class FakeAccount(Account):
    """An account whose CloudFormation answers what a test has written down."""

    region = "eu-west-1"

    def __init__(self, client: Any) -> None:
        super().__init__()
        object.__setattr__(self, "given", client)

    def client_of_deployer(self, service: str, identity: Identity, role: Role = "deploy") -> Any:
        assert (service, identity, role) == ("cloudformation", IDENTITY, "deploy")
        return self.given


@pytest.fixture
def stubbed() -> Any:
    session = botocore.session.get_session()
    client = session.create_client("cloudformation", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
    with Stubber(client) as stubber:
        stubber.client = client
        yield stubber
        stubber.assert_no_pending_responses()


def described(stubbed: Any, status: str = "CREATE_COMPLETE", by: str = NAME, **more: Any) -> None:
    stack = {"StackName": NAME, "StackId": STACK_ID, "CreationTime": datetime.now(UTC), "StackStatus": status, **more}
    stubbed.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": by})


def events(stubbed: Any, *found: dict[str, str]) -> None:
    of_all = {"StackId": STACK_ID, "StackName": NAME, "EventId": "1", "Timestamp": datetime.now(UTC)}
    stubbed.add_response(
        "describe_stack_events", {"StackEvents": [of_all | event for event in found]}, {"StackName": STACK_ID}
    )


def prod(stubbed: Any) -> Stack:
    return Stack(FakeAccount(stubbed.client), IDENTITY, "prod")


def test_what_the_template_retains_is_kept_under_its_physical_name_but_a_version_goes_with_its_function(stubbed: Any):
    described(stubbed)
    made = {"Table": "table-1", "Bucket": "lake-1", "Topic": "topic-1", "Version": "function:1"}
    stubbed.add_response("get_template", {"TemplateBody": json.dumps(TEMPLATE)}, {"StackName": NAME})
    types = {name: resource["Type"] for name, resource in TEMPLATE["Resources"].items()}
    events(
        stubbed,
        *({"LogicalResourceId": k, "PhysicalResourceId": v, "ResourceType": types[k]} for k, v in made.items()),
    )

    assert prod(stubbed).retained() == [
        Resource("AWS::S3::Bucket", "lake-1"),
        Resource("AWS::DynamoDB::Table", "table-1"),
    ]


def test_outputs_are_read_by_name(stubbed: Any):
    described(stubbed, Outputs=[{"OutputKey": "ApiUrl", "OutputValue": "https://x/"}])

    assert prod(stubbed).outputs == {"ApiUrl": "https://x/"}


def settings_in(output: str) -> dict[str, Any]:
    return {"Outputs": [{"OutputKey": "Settings", "OutputValue": output}]}


def test_its_settings_are_those_of_its_output(stubbed: Any):
    described(stubbed, **settings_in('{"countries":"Per\\u00fa,Latvia","refresh_schedule":""}'))

    settings = {"countries": "Perú,Latvia", "refresh_schedule": ""}
    assert prod(stubbed).settings == Deployed(is_there=True, settings=settings)


def test_an_update_that_was_rolled_back_has_the_settings_of_before(stubbed: Any):
    described(stubbed, "UPDATE_ROLLBACK_COMPLETE", **settings_in('{"auth":"iam"}'))

    assert prod(stubbed).settings == Deployed(is_there=True, settings={"auth": "iam"})


@pytest.mark.parametrize("outputs", [{}, settings_in("Peru"), settings_in("[]")])
def test_settings_that_are_not_kept_or_cannot_be_read_are_unknown(stubbed: Any, outputs: dict[str, Any]):
    described(stubbed, **outputs)

    assert prod(stubbed).settings == Deployed(is_there=True, settings=None)


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED"])
def test_a_stack_that_has_never_been_deployed_has_no_settings(stubbed: Any, status: str):
    described(stubbed, status)

    assert prod(stubbed).settings == NOT_DEPLOYED


def test_a_stack_that_is_not_there_has_no_settings(stubbed: Any):
    stubbed.add_client_error("describe_stacks", "ValidationError", f"Stack with id {NAME} does not exist")

    assert deployed_settings(FakeAccount(stubbed.client), IDENTITY, "prod") == NOT_DEPLOYED


def test_a_stack_that_is_not_there_may_be_an_empty_answer(stubbed: Any):
    stubbed.add_response("describe_stacks", {"Stacks": []}, {"StackName": NAME})

    assert deployed_settings(FakeAccount(stubbed.client), IDENTITY, "prod") == NOT_DEPLOYED


def test_protection_is_lifted_before_it_is_deleted_and_then_it_waits_for_the_end(stubbed: Any):
    described(stubbed, EnableTerminationProtection=True)
    lifted = {"StackName": NAME, "EnableTerminationProtection": False}
    stubbed.add_response("update_termination_protection", {}, lifted)
    stubbed.add_response("delete_stack", {}, {"StackName": STACK_ID})
    described(stubbed, "DELETE_COMPLETE", by=STACK_ID)

    prod(stubbed).delete()


def test_an_unprotected_one_is_deleted_as_it_is(stubbed: Any):
    described(stubbed)
    stubbed.add_response("delete_stack", {}, {"StackName": STACK_ID})
    stubbed.add_client_error("describe_stacks", "ValidationError", "does not exist", expected_params={"StackName": ANY})

    prod(stubbed).delete()


def test_what_could_not_be_deleted_is_named_with_the_reason(stubbed: Any):
    described(stubbed)
    stubbed.add_response("delete_stack", {}, {"StackName": STACK_ID})
    described(stubbed, "DELETE_FAILED", by=STACK_ID)
    failure = {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": "the bucket is not empty"}
    events(stubbed, {"LogicalResourceId": "Bucket", **failure}, {"LogicalResourceId": NAME, **failure})

    with pytest.raises(StepError, match=f"{NAME} could not be deleted as a whole: Bucket: the bucket is not empty$"):
        prod(stubbed).delete()


def test_a_stack_that_is_not_there_is_told_with_where_it_was_looked_for(stubbed: Any):
    stubbed.add_client_error("describe_stacks", "ValidationError", f"Stack with id {NAME} does not exist")

    with pytest.raises(StepError, match=f"there is no stack {NAME} in account 123456789012, region eu-west-1"):
        prod(stubbed)


def test_one_that_is_only_planned_keeps_nothing(stubbed: Any):
    described(stubbed, "REVIEW_IN_PROGRESS")

    assert prod(stubbed).retained() == []


def test_a_deployment_that_goes_on_is_awaited(stubbed: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    described(stubbed, "CREATE_IN_PROGRESS")
    described(stubbed, "CREATE_IN_PROGRESS", by=STACK_ID)
    described(stubbed, "CREATE_COMPLETE", by=STACK_ID)

    prod(stubbed).settle()

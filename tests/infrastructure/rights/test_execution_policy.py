"""The example of a policy for CloudFormation is enough for every resource of every stage, and for nothing else."""

import pytest

from tests.infrastructure.rights.cloudformation import ASSET, KEY, asked_by_cloudformation
from tests.infrastructure.rights.conftest import Deployed
from tests.infrastructure.rights.examples import BOUNDARY, MOST_CHARACTERS, document_of, example
from tests.infrastructure.rights.handlers import UNNEEDED, permissions_of, wrongly_unneeded
from tests.infrastructure.rights.named import ACCOUNT, REGION, NamedTemplate
from tests.infrastructure.rights.policies import Request, fits, is_allowed

OF_BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}"


@pytest.fixture(scope="module")
def policy():
    return example("execution-policy.json")


@pytest.fixture(scope="module")
def template(deployed: Deployed) -> NamedTemplate:
    return deployed.as_named


def test_it_is_enough_for_every_handler_of_every_resource(template: NamedTemplate, policy):
    denied = sorted(
        f"{kind}: {request.action} on {request.resource} {dict(request.context) or ''}"
        for kind in template.kinds
        for request in asked_by_cloudformation(kind, template)
        if not is_allowed(policy, request)
    )

    assert not denied, "docs/examples/execution-policy.json lacks:\n" + "\n".join(denied)


def test_no_template_has_a_property_of_those_permissions_that_are_left_out(template: NamedTemplate):
    assert list(wrongly_unneeded(template)) == []


def test_every_permission_that_is_left_out_is_one_that_a_schema_names_and_has_a_reason():
    for each in UNNEEDED:
        assert any(fits(each.action.lower(), action.lower()) for action in permissions_of(each.kind)), each
        assert each.properties or each.why, each


ROLE = f"arn:aws:iam::{ACCOUNT}:role/VoucherSelection-prod-X"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/Administrator"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"


@pytest.mark.parametrize(
    "request_",
    [
        Request("iam:CreateRole", ROLE),
        Request.of("iam:CreateRole", ROLE, iam__PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"),
        Request.of("iam:CreateRole", OTHER_ROLE, iam__PermissionsBoundary=OF_BOUNDARY),
        Request("iam:PutRolePolicy", ROLE),
        Request("iam:AttachRolePolicy", ROLE),
        Request.of("iam:DeleteRolePermissionsBoundary", ROLE, iam__PermissionsBoundary=OF_BOUNDARY),
        Request.of("iam:PutRolePermissionsBoundary", ROLE, iam__PermissionsBoundary="arn:aws:iam::aws:policy/X"),
        Request("iam:CreatePolicyVersion", OF_BOUNDARY),
        Request("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/VoucherSelection-x"),
        Request.of("iam:PassRole", ROLE, iam__PassedToService="ec2.amazonaws.com"),
        Request.of("iam:PassRole", OTHER_ROLE, iam__PassedToService="lambda.amazonaws.com"),
        Request.of(
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/X",
            iam__AWSServiceName="ecs.amazonaws.com",
        ),
        Request("lambda:UpdateFunctionCode", f"{FUNCTION}:payments"),
        Request("lambda:InvokeFunction", f"{FUNCTION}:payments"),
        Request("states:UpdateStateMachine", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:payments"),
        Request("s3:GetObject", "arn:aws:s3:::payments/x"),
        Request("s3:PutObject", ASSET),
        Request("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/payments"),
        Request("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:payments"),
        Request("logs:GetLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:payments:log-stream:x"),
        Request("ssm:GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/payments/password"),
        Request("kms:Decrypt", KEY),
        Request.of("kms:Decrypt", KEY, kms__ViaService=f"secretsmanager.{REGION}.amazonaws.com"),
        Request("sts:AssumeRole", OTHER_ROLE),
    ],
    ids=lambda request: request.action,
)
def test_what_is_beyond_the_stack_is_not_allowed(policy, request_: Request):
    assert not is_allowed(policy, request_)


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "AttachRolePolicy"])
def test_a_role_of_the_stack_is_made_and_changed_with_the_boundary(policy, action: str):
    assert is_allowed(policy, Request.of(f"iam:{action}", ROLE, iam__PermissionsBoundary=OF_BOUNDARY))


def test_all_of_iam_is_named_action_by_action(policy):
    assert [
        statement.action for statement in policy if statement.action.startswith("iam:") and "*" in statement.action
    ] == []


@pytest.mark.parametrize("name", ["execution-policy.json", "permissions-boundary.json"])
def test_a_policy_is_no_longer_than_iam_takes(name: str):
    assert len("".join(str(document_of(name)).split())) <= MOST_CHARACTERS

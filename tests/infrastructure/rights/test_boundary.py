"""The example of a boundary takes no right from any role of the stack, and allows nothing that would lift it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from tests.infrastructure.rights.conftest import Deployed
from tests.infrastructure.rights.examples import BOUNDARY, example
from tests.infrastructure.rights.named import ACCOUNT, REGION
from tests.infrastructure.rights.policies import (
    Request,
    Statement,
    fits,
    is_allowed,
    many,
    policies_of_roles,
    statements_of,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"
# AWS's policies name no functions: CodeDeploy is asked to move those of the stack.
FUNCTIONS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:VoucherSelection-*"
# What they give besides, and no role of ours uses: the files and the hooks of other kinds of deployments.
UNUSED_OF_AWS = {
    ("AWSCodeDeployRoleForLambdaLimited", "s3:GetObject"),
    ("AWSCodeDeployRoleForLambdaLimited", "s3:GetObjectVersion"),
    ("AWSCodeDeployRoleForLambdaLimited", "lambda:InvokeFunction"),
}


@cache
def aws_policies() -> dict[str, dict]:
    """AWS's own policies by their names; moto has a copy."""
    return json.loads(aws_managed_policies_data)


def statements_of_all_roles(deployed: Deployed) -> Iterator[Statement]:
    """All that the roles may do: by their own policies, by AWS's, and by those of the stack's buckets."""
    template = deployed.as_named
    for statements in policies_of_roles(template).values():
        yield from statements
    for role, properties in template.resources("AWS::IAM::Role"):
        for arn in properties.get("ManagedPolicyArns", []):
            name = arn.rpartition("/")[2]
            for statement in statements_of(role, aws_policies()[name]["Document"]):
                if (name, statement.action) not in UNUSED_OF_AWS:
                    of_lambda = statement.action.startswith("lambda:")
                    yield statement._replace(resource=FUNCTIONS) if of_lambda else statement
    for bucket, properties in template.resources("AWS::S3::BucketPolicy"):
        for part in properties["PolicyDocument"]["Statement"]:
            if part["Effect"] == "Allow" and any(
                ":role/" in str(arn) for arn in many(part["Principal"].get("AWS", ""))
            ):
                yield from statements_of(bucket, {"Statement": [part]})


def test_every_right_of_every_role_is_within_it(deployed: Deployed):
    boundary = example("permissions-boundary.json")
    beyond = sorted(
        f"{statement.owner}: {statement}"
        for statement in statements_of_all_roles(deployed)
        if statement.effect == "Allow"
        and not any(
            fits(each.action.lower(), statement.action.lower()) and fits(each.resource, statement.resource)
            for each in boundary
        )
    )

    assert not beyond, "docs/examples/permissions-boundary.json lacks:\n" + "\n".join(beyond)


@pytest.mark.parametrize(
    "request_",
    [
        Request("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/VoucherSelection-prod-X"),
        Request("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/VoucherSelection-prod-X"),
        Request("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Administrator"),
        Request("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:VoucherSelection-prod-X"),
        Request("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:payments"),
        Request("states:StartExecution", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:payments"),
        Request("s3:GetObject", "arn:aws:s3:::payments/x"),
        Request("s3:PutObject", "arn:aws:s3:::histories/x"),
        Request("s3:DeleteObject", "arn:aws:s3:::voucherselection-prod-lakebucket-x/raw/x"),
        Request("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/payments"),
        Request("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/VoucherSelection-prod-X"),
        Request("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payments"),
    ],
    ids=lambda request: request.action,
)
def test_it_allows_no_role_more_than_the_stack_needs(request_: Request):
    assert not is_allowed(example("permissions-boundary.json"), request_)


def test_it_lets_functions_use_a_table_that_is_restored_as_the_guide_says():
    names = set(re.findall(r"--target-table-name (\S+)", (DOCS / "how-to/restore.md").read_text()))

    assert names
    for name in names:
        read = Request("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
        assert is_allowed(example("permissions-boundary.json"), read)


def test_it_names_every_action():
    actions = {statement.action for statement in example("permissions-boundary.json")}

    assert {action for action in actions if "*" in action} == {"s3:DeleteObject*", "s3:GetBucket*", "s3:List*"}


def test_every_role_of_a_stage_that_names_it_has_it(deployed: Deployed):
    arns = {role["PermissionsBoundary"] for _, role in deployed.as_named.resources("AWS::IAM::Role")}

    assert arns == {f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}"}

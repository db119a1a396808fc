"""The evaluator decides as IAM does, as far as the policies of the stack need it."""

import pytest

from tests.infrastructure.rights.named import NamedTemplate
from tests.infrastructure.rights.policies import Request, fits, is_allowed, policies_of_roles, statements_of, used_by

OBJECTS = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::lake/raw/*"}
LISTS = {
    "Effect": "Allow",
    "Action": "s3:ListBucket",
    "Resource": "arn:aws:s3:::lake",
    "Condition": {"StringLike": {"s3:prefix": ["raw/*", "runs/*"]}},
}
NOT_FROM_CODE = {
    "Effect": "Deny",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
}


def decided(*statements, request: Request) -> bool:
    return is_allowed([*statements_of("role", {"Statement": [*statements]})], request)


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:GetObject", "arn:aws:s3:::lake/raw/x", True),
        ("S3:getobject", "arn:aws:s3:::lake/raw/x", True),
        ("s3:GetObject", "arn:aws:s3:::lake/raw/a/b", True),
        ("s3:GetObject", "arn:aws:s3:::lake/RAW/x", False),
        ("s3:GetObject", "arn:aws:s3:::lake/raw", False),
        ("s3:GetObjectTagging", "arn:aws:s3:::lake/raw/x", False),
        ("s3:DeleteObject", "arn:aws:s3:::lake/raw/x", False),
    ],
)
def test_an_action_and_a_resource_must_both_fit(action, resource, expected):
    assert decided(OBJECTS, request=Request(action, resource)) is expected


@pytest.mark.parametrize(("prefix", "expected"), [("runs/run-1", True), ("uploads/x", False), ("", False)])
def test_a_condition_must_hold(prefix, expected):
    assert decided(LISTS, request=Request.of("s3:ListBucket", "arn:aws:s3:::lake", s3__prefix=prefix)) is expected


def test_a_condition_on_a_key_that_the_request_has_not_does_not_hold():
    assert not decided(LISTS, request=Request("s3:ListBucket", "arn:aws:s3:::lake"))


def test_a_denial_wins():
    request = Request.of("s3:GetObject", "arn:aws:s3:::lake/raw/x", lambda__SourceFunctionArn="arn:aws:lambda:f")

    assert not decided(OBJECTS, NOT_FROM_CODE, request=request)
    assert decided(OBJECTS, NOT_FROM_CODE, request=request._replace(context=frozenset()))


def test_an_operator_that_is_not_known_is_not_passed_over():
    unknown = OBJECTS | {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}

    with pytest.raises(KeyError, match="IpAddress"):
        decided(unknown, request=Request.of("s3:GetObject", "arn:aws:s3:::lake/raw/x", aws__SourceIp="10.0.0.1"))


def test_each_value_of_a_condition_is_used_or_unused():
    statements = [*statements_of("role", {"Statement": [LISTS]})]

    used = used_by(statements, [Request.of("s3:ListBucket", "arn:aws:s3:::lake", s3__prefix="raw/run-1")])

    assert [statement.conditions[0].values for statement in set(statements) - used] == [("runs/*",)]


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("arn:aws:s3:::lake*", "arn:aws:s3:::lake/raw/*", True),
        ("arn:aws:s3:::lake/raw/*", "arn:aws:s3:::lake/*", False),
        ("*", "*", True),
        ("a[b]?", "a[b]c", True),
        ("a.c", "abc", False),
    ],
)
def test_a_pattern_holds_another_pattern(wide, narrow, expected):
    assert fits(wide, narrow) is expected


def test_references_become_names_and_arns():
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["RoleA1B2C3D4", "Arn"]}}}
    version = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "FunctionA1B2C3D4"}}}
    statement = {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": [
            {"Ref": "VersionA1B2C3D4"},
            {"Fn::Join": ["", [{"Fn::GetAtt": ["FunctionA1B2C3D4", "Arn"]}, ":*"]]},
        ],
    }
    policy = {"Roles": [{"Ref": "RoleA1B2C3D4"}], "PolicyDocument": {"Statement": [statement]}}
    template = {
        "FunctionA1B2C3D4": function,
        "VersionA1B2C3D4": version,
        "RoleA1B2C3D4": {"Type": "AWS::IAM::Role"},
        "PolicyA1B2C3D4": {"Type": "AWS::IAM::Policy", "Properties": policy},
    }

    found = policies_of_roles(NamedTemplate({"Resources": template}, "stack", {"Function": "clean"}))

    function_arn = "arn:aws:lambda:us-east-1:123456789012:function:clean"
    assert [(each.action, each.resource) for each in found["Role"]] == [
        ("lambda:InvokeFunction", f"{function_arn}:1"),
        ("lambda:InvokeFunction", f"{function_arn}:*"),
    ]

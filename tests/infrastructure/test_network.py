"""The functions in a VPC: where the stage names subnets, and with rights that their own code does not have."""

import pytest

from tests.infrastructure.rights.asked_of_iam import INTERFACES

SUBNETS, GROUPS = ("subnet-0a1b2c3d", "subnet-0b2c3d4e"), ("sg-0c3d4e5f",)


@pytest.fixture(scope="module")
def inside(synthesize):
    """The dev stage in two subnets."""
    return synthesize("dev", subnet_ids=SUBNETS, security_group_ids=GROUPS)


def ours(synthesized):
    """The project's functions but Watch, which asks the API from outside."""
    functions = synthesized.resources("AWS::Lambda::Function").items()
    return [
        function
        for name, function in functions
        if function["Runtime"].startswith("python") and not name.startswith("FunctionsWatch")
    ]


def interface_statements(synthesized):
    return [
        statement
        for role in synthesized.resources("AWS::IAM::Role").values()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if "ec2:CreateNetworkInterface" in statement["Action"]
    ]


def test_all_functions_are_in_the_subnets(inside):
    assert [function["VpcConfig"] for function in ours(inside)] == [
        {"SubnetIds": [*SUBNETS], "SecurityGroupIds": [*GROUPS]}
    ] * 6


def test_lambda_makes_the_interfaces_and_the_functions_code_cannot(inside):
    by_effect = {
        effect: [statement for statement in interface_statements(inside) if statement["Effect"] == effect]
        for effect in ("Allow", "Deny")
    }

    assert [len(statements) for statements in by_effect.values()] == [6, 6]
    assert all(set(statement["Action"]) >= INTERFACES for statement in by_effect["Allow"])
    for statement in by_effect["Deny"]:
        assert (set(statement["Action"]), statement["Resource"]) == (INTERFACES, "*")
        assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_without_subnets_there_is_neither_a_vpc_nor_a_right_to_it(each_stage):
    assert not [function for function in ours(each_stage) if "VpcConfig" in function]
    assert not interface_statements(each_stage)

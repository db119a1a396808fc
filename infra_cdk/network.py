"""The functions' place in a VPC, where the stage names subnets; these are there before the stack."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from infra_cdk.rights import Right
from infra_cdk.stages import Stage

# Of the managed policy AWSLambdaVPCAccessExecutionRole, without its logs.
_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def join_subnets(function: lambda_.Function, stage: Stage) -> None:
    """Put a function into the stage's subnets, if it names any.

    Set on the resource itself: the CDK wants the VPC for what it would look up or open there, and neither is done.
    """
    resource = function.node.default_child
    if stage.subnet_ids and isinstance(resource, lambda_.CfnFunction):
        resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=[*stage.subnet_ids], security_group_ids=[*stage.security_group_ids]
        )


def network_rights(stage: Stage) -> list[Right]:
    """Return the rights with which Lambda makes a function's network interfaces; the function's own code has none."""
    if not stage.subnet_ids:
        return []
    why = "Lambda makes and deletes interfaces whose ids nobody knows before; the function's code is denied all of it."
    from_code = {"Null": {"lambda:SourceFunctionArn": "false"}}
    return [
        Right(_INTERFACES, ["*"], why),
        Right(_INTERFACES, ["*"], conditions=from_code, effect=iam.Effect.DENY),
    ]

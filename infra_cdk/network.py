"""The functions in a VPC, for a stage that names subnets; the subnets exist before the stack."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from infra_cdk.rights import Right
from infra_cdk.stages import Stage

# The actions of the managed policy AWSLambdaVPCAccessExecutionRole, without those on logs.
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

    They are set on the resource itself: the CDK would need the VPC to look things up and to open ports in it.
    """
    resource = function.node.default_child
    if stage.subnet_ids and isinstance(resource, lambda_.CfnFunction):
        resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=[*stage.subnet_ids], security_group_ids=[*stage.security_group_ids]
        )


def network_rights(stage: Stage) -> list[Right]:
    """Return the rights with which Lambda makes a function's network interfaces. The function's code is denied them."""
    if not stage.subnet_ids:
        return []
    why = "Lambda makes and deletes interfaces with ids that AWS chooses. The function's own code is denied all of it."
    from_code = {"Null": {"lambda:SourceFunctionArn": "false"}}
    return [
        Right(_INTERFACES, ["*"], why),
        Right(_INTERFACES, ["*"], conditions=from_code, effect=iam.Effect.DENY),
    ]

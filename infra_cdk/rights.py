"""Roles that have only the rights that are written here."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct

from infra_cdk.acknowledged import acknowledge


class Right(NamedTuple):
    """Actions, each by its whole name, on resources, by their ARNs."""

    actions: Sequence[str]
    resources: Sequence[str]
    why: str = ""
    """Why a resource has a wildcard; empty if none has one."""
    conditions: Mapping[str, Any] | None = None
    effect: iam.Effect = iam.Effect.ALLOW

    def statement(self) -> iam.PolicyStatement:
        """Return the right as a statement of a policy."""
        return iam.PolicyStatement(
            effect=self.effect, actions=[*self.actions], resources=[*self.resources], conditions=self.conditions
        )


def arns_below(state_machine: sfn.IStateMachine, resource: str, pattern: str) -> str:
    """Return the ARNs of what belongs to a state machine, like its `execution`s; the pattern follows its name."""
    name = cdk.Fn.select(6, cdk.Fn.split(":", state_machine.state_machine_arn))
    return cdk.Stack.of(state_machine).format_arn(
        service="states",
        resource=resource,
        resource_name=f"{name}{pattern}",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def role_of(scope: Construct, construct_id: str, *, service: str, rights: Sequence[Right]) -> iam.Role:
    """Return a new role of an AWS service, with its rights as one inline policy."""
    role = iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal(service),
        inline_policies={"Rights": iam.PolicyDocument(statements=[right.statement() for right in rights])},
    )
    acknowledge_wildcards(role, rights)
    return role


def acknowledge_wildcards(policy: IConstruct, rights: Sequence[Right]) -> None:
    """Note at a role or policy why its rights have wildcards; a wildcard without a reason stays a finding."""
    stack = cdk.Stack.of(policy)
    for right in rights:
        for resource in right.resources if right.why else ():
            if "*" in resource:
                acknowledge(policy, right.why, f"IAM5[Resource::{_flat(stack.resolve(resource))}]")


def _flat(resource: Any) -> str:  # noqa: ANN401 - CloudFormation's JSON
    """Return a resource in one line, as cdk-nag writes it."""
    match resource:
        case str():
            return resource
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_flat, parts))
        case _:
            return json.dumps(resource, separators=(",", ":"))

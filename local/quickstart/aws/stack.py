"""A stage's stack in an account: its outputs, its deletion, and what stays then."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from infra_cdk import settings_record
from local.quickstart.aws.account import Account, Identity, Role
from local.quickstart.machine.steps import StepError
from local.quickstart.settings.starting import NOT_DEPLOYED, Deployed

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

_PAUSE_SECONDS = 5
_PATIENCE_SECONDS = 60 * 60
_NEVER_DEPLOYED = ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_")
"""The beginnings of the status of a stack that was never deployed as a whole."""


class NoStackError(StepError):
    """The stack does not exist."""


class Retained(NamedTuple):
    """A resource that stays when its stack is deleted."""

    kind: str
    name: str


class Stack:
    """The stack, read and deleted with the rights of the CDK's role; raises `NoStackError` if it does not exist."""

    def __init__(self, account: Account, identity: Identity, stage: str, *, role: Role = "deploy") -> None:
        self.name = stack_name(stage)
        self._client: CloudFormationClient = account.client_of_deployer("cloudformation", identity, role)
        found = self._described(self.name)
        if not found:
            raise NoStackError(f"there is no stack {self.name} in account {identity.account}, region {account.region}")
        self._found = found

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        return {output["OutputKey"]: output["OutputValue"] for output in self._found.get("Outputs", [])}

    @property
    def settings(self) -> Deployed:
        """The settings of its last deployment; an update that fails leaves them as they were."""
        if self._found["StackStatus"].startswith(_NEVER_DEPLOYED):
            return NOT_DEPLOYED
        try:
            return Deployed(is_there=True, settings=settings_record.read(self.outputs[settings_record.OUTPUT]))
        except (KeyError, ValueError):
            return Deployed(is_there=True, settings=None)

    @property
    def is_protected(self) -> bool:
        """Whether CloudFormation refuses to delete it."""
        return bool(self._found.get("EnableTerminationProtection"))

    def retained(self) -> list[Retained]:
        """Return the resources that stay when the stack is deleted: data, and what other stacks may share."""
        resources: Mapping[str, Any] = self._client.get_template(StackName=self.name)["TemplateBody"]["Resources"]
        names = {
            event["LogicalResourceId"]: event["PhysicalResourceId"]
            for event in self._events()
            if event.get("PhysicalResourceId")
        }
        return [
            Retained(resource["Type"], names[logical_id])
            for logical_id, resource in sorted(resources.items())
            if resource.get("DeletionPolicy") == "Retain" and logical_id in names
        ]

    def delete(self) -> None:
        """Delete the stack, protected or not, and wait until it is gone; raise `StepError` if something stays."""
        stack_id = self._found["StackId"]  # a deleted stack is found only by its id
        if self.is_protected:
            self._client.update_termination_protection(StackName=self.name, EnableTerminationProtection=False)
        self._client.delete_stack(StackName=stack_id)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (status := self._status(stack_id)) != "DELETE_COMPLETE":
            if status == "DELETE_FAILED":
                raise StepError(f"{self.name} could not be deleted as a whole: {self._failures()}")
            if time.monotonic() > deadline:
                raise StepError(f"{self.name} is still {status} after an hour; CloudFormation continues")
            time.sleep(_PAUSE_SECONDS)

    def _status(self, stack_id: str) -> str:
        found = self._described(stack_id)
        return found["StackStatus"] if found else "DELETE_COMPLETE"  # some implementations forget it at once

    def _described(self, stack: str) -> "StackTypeDef | None":
        try:
            found = self._client.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None
        return found[0] if found else None  # some implementations answer with an empty list

    def _failures(self) -> str:
        failed = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in self._events()
            if event.get("ResourceStatus") == "DELETE_FAILED" and event.get("LogicalResourceId") != self.name
        ]
        return "; ".join(failed) or "CloudFormation names no resource"

    def _events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the events of the stack, the newest first."""
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=self._found["StackId"]):
            yield from page["StackEvents"]


def deployed_settings(account: Account, identity: Identity, stage: str, role: Role = "deploy") -> Deployed:
    """Return the settings of a stage's deployment, read with a role of the CDK's."""
    try:
        return Stack(account, identity, stage, role=role).settings
    except NoStackError:
        return NOT_DEPLOYED


def stack_name(stage: str) -> str:
    """Return the name of a stage's stack, as `infra_cdk` gives it."""
    return f"VoucherSelection-{stage}"

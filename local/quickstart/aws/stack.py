"""A stage's stack in an account: its outputs, its deletion, and what stays then."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from infra_cdk import settings_record
from infra_cdk.stages import stack_name
from local.quickstart.aws.account import Account, Identity, Role
from local.quickstart.machine.steps import StepError
from local.quickstart.settings.starting import NOT_DEPLOYED, Deployed

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

_PAUSE_SECONDS = 5
_PATIENCE_SECONDS = 60 * 60
_ONLY_PLANNED = "REVIEW_IN_PROGRESS"
"""The status of a stack that has a change set, and nothing else yet."""
_NEVER_DEPLOYED = (_ONLY_PLANNED, "CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_")
"""The beginnings of the status of a stack that was never deployed as a whole."""

_STAYS = ("Retain", "RetainExceptOnCreate")
_VERSION = "AWS::Lambda::Version"
"""A version is kept for as long as its function."""


class NoStackError(StepError):
    """The stack does not exist."""


class Resource(NamedTuple):
    """A resource of a stack: its type in CloudFormation, and the name that it got."""

    kind: str
    name: str


class Stack:
    """The stack, read and deleted with the rights of the CDK's role; raises `NoStackError` if it does not exist.

    A suffix names a deployment beside the stage's own one.
    """

    def __init__(
        self, account: Account, identity: Identity, stage: str, suffix: str = "", *, role: Role = "deploy"
    ) -> None:
        self.name = stack_name(stage, suffix)
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

    def settle(self) -> None:
        """Wait until CloudFormation has ended what it does with the stack: somebody may have stopped a deployment."""
        self._awaited(lambda status: status == _ONLY_PLANNED or not status.endswith("_IN_PROGRESS"))

    def retained(self) -> list[Resource]:
        """Return the resources that stay when the stack is deleted: data, and what other stacks may share."""
        if self._found["StackStatus"] == _ONLY_PLANNED:
            return []
        resources: Mapping[str, Any] = self._client.get_template(StackName=self.name)["TemplateBody"]["Resources"]
        stays = {
            logical_id
            for logical_id, resource in resources.items()
            if resource.get("DeletionPolicy") in _STAYS and resource["Type"] != _VERSION
        }
        return [found for logical_id, found in sorted(self._resources().items()) if logical_id in stays]

    def functions(self) -> list[str]:
        """Return the names of its functions, those of the CDK too."""
        return [found.name for found in self._resources().values() if found.kind == "AWS::Lambda::Function"]

    def _resources(self) -> dict[str, Resource]:
        return {
            event["LogicalResourceId"]: Resource(event["ResourceType"], event["PhysicalResourceId"])
            for event in self._events()
            if event.get("PhysicalResourceId")
        }

    def delete(self) -> None:
        """Delete the stack, protected or not, and wait until it is gone; raise `StepError` if something stays."""
        stack_id = self._found["StackId"]  # a deleted stack is found only by its id
        if self.is_protected:
            self._client.update_termination_protection(StackName=self.name, EnableTerminationProtection=False)
        self._client.delete_stack(StackName=stack_id)
        status = self._awaited(lambda status: status in {"DELETE_COMPLETE", "DELETE_FAILED"})
        if status == "DELETE_FAILED":
            raise StepError(f"{self.name} could not be deleted as a whole: {self._failures()}")

    def _awaited(self, is_awaited: Callable[[str], bool]) -> str:
        """Return the stack's status once it is awaited; raise `StepError` if it is another one for an hour."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not is_awaited(status := self._status(self._found["StackId"])):
            if time.monotonic() > deadline:
                raise StepError(f"{self.name} is still {status} after an hour; CloudFormation continues")
            time.sleep(_PAUSE_SECONDS)
        return status

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

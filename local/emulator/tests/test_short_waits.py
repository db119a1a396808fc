"""How soon LocalStack looks again whether something is done."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.waiter import SingleWaiterConfig, Waiter
from localstack import config
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProviderExecutor,
)

from process_emulator.short_waits import look_again_at_resources, wait_shortly_between_attempts

SCHEMA = {"primaryIdentifier": ["/properties/Id"]}
PAYLOAD: dict[str, Any] = {
    "awsAccountId": "000000000000",
    "callbackContext": {},
    "stackId": "stack",
    "resourceType": "AWS::Lambda::Function",
    "resourceTypeVersion": "1",
    "bearerToken": "token",
    "region": "eu-west-1",
    "action": "Add",
    "requestData": {
        "logicalResourceId": "function",
        "resourceProperties": {"Id": "one"},
        "previousResourceProperties": None,
        "callerCredentials": {"accessKeyId": "none", "secretAccessKey": "none", "sessionToken": ""},
        "providerCredentials": {"accessKeyId": "none", "secretAccessKey": "none", "sessionToken": ""},
        "systemTags": {},
        "previousSystemTags": {},
        "stackTags": {},
        "previousStackTags": {},
    },
}


def deploy(monkeypatch: pytest.MonkeyPatch, ready_after: int, **given: float) -> ProgressEvent[Any]:
    """Deploy a resource that is ready when it is looked at for the nth time."""
    monkeypatch.setattr(ResourceProviderExecutor, "deploy_loop", ResourceProviderExecutor.deploy_loop)
    monkeypatch.setattr(config, "CFN_NO_WAIT_ITERATIONS", 5)
    look_again_at_resources()
    looks = iter(range(1, 1000))

    def create(_: object) -> ProgressEvent[Any]:
        status = OperationStatus.SUCCESS if next(looks) >= ready_after else OperationStatus.IN_PROGRESS
        return ProgressEvent(status=status, resource_model={"Id": "one"})

    provider = SimpleNamespace(create=create, SCHEMA=SCHEMA)
    return ResourceProviderExecutor(stack_name="stack", stack_id="stack").deploy_loop(provider, {}, PAYLOAD, **given)


def test_a_resource_that_is_not_ready_is_looked_at_soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()

    event = deploy(monkeypatch, ready_after=9)

    assert event.status is OperationStatus.SUCCESS
    assert time.monotonic() - started < 1


def test_a_resource_that_never_gets_ready_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()

    with pytest.raises(TimeoutError):
        deploy(monkeypatch, ready_after=900, max_timeout=1)

    assert 0.5 < time.monotonic() - started < 3


def test_a_waiter_asks_often_and_gives_up_after_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "BOTO_WAITER_DELAY", 1)
    monkeypatch.setattr(config, "BOTO_WAITER_MAX_ATTEMPTS", 7)
    wait_shortly_between_attempts()
    answers = iter(["InProgress"] * 20 + ["Successful"])

    def get_function(**_: object) -> dict[str, Any]:
        return {"Configuration": {"LastUpdateStatus": next(answers)}}

    model = {
        "operation": "GetFunction",
        "delay": 5,
        "maxAttempts": 3,
        "acceptors": [
            {
                "matcher": "path",
                "argument": "Configuration.LastUpdateStatus",
                "state": "success",
                "expected": "Successful",
            }
        ],
    }
    started = time.monotonic()
    Waiter("function_updated", SingleWaiterConfig(model), get_function).wait()

    assert 0.5 < time.monotonic() - started < 5
    assert config.BOTO_WAITER_MAX_ATTEMPTS == 140

"""What LocalStack's CloudFormation does not do with API Gateway's resources: most of their updates.

Of an update it takes nothing for a stage and a gateway response, and only the integration for a method. A stage would
keep its deployment, which the stack then deletes, and answer 404 to everything. At creation, a stage's method settings
are missing.
"""

from __future__ import annotations

import json
from typing import Any

from localstack.services.apigateway.resource_providers.aws_apigateway_gatewayresponse import (
    ApiGatewayGatewayResponseProvider,
)
from localstack.services.apigateway.resource_providers.aws_apigateway_method import ApiGatewayMethodProvider
from localstack.services.apigateway.resource_providers.aws_apigateway_stage import ApiGatewayStageProvider
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceRequest,
)
from localstack.utils.aws.arns import get_partition

Properties = dict[str, Any]
Patch = dict[str, str]

_STAGE_PATHS = {
    "DeploymentId": "/deploymentId",
    "Description": "/description",
    "TracingEnabled": "/tracingEnabled",
}
_METHOD_SETTING_PATHS = {
    "CacheDataEncrypted": "caching/dataEncrypted",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CachingEnabled": "caching/enabled",
    "DataTraceEnabled": "logging/dataTrace",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}


class StageProvider(ApiGatewayStageProvider):  # type: ignore[misc]
    """Stages, with their method settings and updates; a cache, a canary and access logs are not updated."""

    def create(self, request: ResourceRequest) -> ProgressEvent:
        """Create the stage, then give it its method settings: the service takes them as a change only."""
        event = super().create(request)
        _patch(request, event.resource_model, _method_settings(event.resource_model))
        return event

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Give the stage what is declared, and take from it the variables and tags that no longer are."""
        before = request.previous_state
        after = {**request.desired_state, "StageName": before["StageName"]}  # a name can be left to CloudFormation
        _patch(request, after, [*_settings(after), *_variables(before, after), *_method_settings(after)])
        _tag(request, after, remove=_tags(before).keys() - _tags(after).keys())
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=after)


class MethodProvider(ApiGatewayMethodProvider):  # type: ignore[misc]
    """Methods, whose updates are taken whole: also whether a key is needed."""

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Put the method anew, with its integration and its responses: what is put replaces what is there."""
        return self.create(request)


class GatewayResponseProvider(ApiGatewayGatewayResponseProvider):  # type: ignore[misc]
    """Gateway responses, with their updates."""

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Put the response anew, under the id that it has: creation would give it another."""
        event = self.create(request)
        event.resource_model["Id"] = request.previous_state["Id"]
        return event


class StagePlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """In the place of LocalStack's plugin."""

    name = StageProvider.TYPE
    factory = StageProvider


class MethodPlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """In the place of LocalStack's plugin."""

    name = MethodProvider.TYPE
    factory = MethodProvider


class GatewayResponsePlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """In the place of LocalStack's plugin."""

    name = GatewayResponseProvider.TYPE
    factory = GatewayResponseProvider


def _patch(request: ResourceRequest, stage: Properties, operations: list[Patch]) -> None:
    request.aws_client_factory.apigateway.update_stage(
        restApiId=stage["RestApiId"], stageName=stage["StageName"], patchOperations=operations
    )


def _tag(request: ResourceRequest, stage: Properties, *, remove: set[str]) -> None:
    gateway, region = request.aws_client_factory.apigateway, request.region_name
    path = f"/restapis/{stage['RestApiId']}/stages/{stage['StageName']}"
    arn = f"arn:{get_partition(region)}:apigateway:{region}::{path}"
    gateway.untag_resource(resourceArn=arn, tagKeys=sorted(remove))
    gateway.tag_resource(resourceArn=arn, tags=_tags(stage))


def _settings(stage: Properties) -> list[Patch]:
    return [_replace(path, stage[name]) for name, path in _STAGE_PATHS.items() if name in stage]


def _variables(before: Properties, after: Properties) -> list[Patch]:
    old, new = before.get("Variables") or {}, after.get("Variables") or {}
    removed = [{"op": "remove", "path": f"/variables/{name}"} for name in sorted(old.keys() - new.keys())]
    return removed + [_replace(f"/variables/{name}", value) for name, value in new.items()]


def _method_settings(stage: Properties) -> list[Patch]:
    return [
        _replace(f"/{_resource(setting['ResourcePath'])}/{setting['HttpMethod']}/{path}", setting[name])
        for setting in stage.get("MethodSettings") or []
        for name, path in _METHOD_SETTING_PATHS.items()
        if name in setting
    ]


def _resource(path: str) -> str:
    """Return a template's path of a resource, like `/~1runs~1{run_id}`, as a part of a JSON pointer."""
    return {"/*": "*", "/": "~1"}.get(path, path.removeprefix("/").replace("/", "~1"))


def _tags(stage: Properties) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in stage.get("Tags") or []}


def _replace(path: str, value: object) -> Patch:
    return {"op": "replace", "path": path, "value": value if isinstance(value, str) else json.dumps(value)}

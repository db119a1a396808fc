"""The API: a REST API that passes every request to its function."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.log_groups import log_group_of
from infra_cdk.stages import LOCAL_API_ID, Stage

# Who watches over the API has no key, nor has a browser that opens the documentation.
_OPEN = ("/health", "/openapi.json", "/docs", "/docs/{file}")
# Pages, which are shells for whoever GETs them without a key; what is sent to them is answered with data.
_SHELLS = ("/", "/search_voucher", "/segments", "/report", "/runs", "/runs/{run_id}")


class _Refusal(NamedTuple):
    """An answer of API Gateway itself; without a status it has the one of its cause, which can be several."""

    code: str
    detail: str
    status: int | None = None
    title: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


_RETRY = {"Retry-After": "'1'"}
_KEY_NEEDED = _Refusal("api_key_required", "expected an API key in the header x-api-key", 403, "Forbidden")
_REFUSALS = {
    "INVALID_API_KEY": _KEY_NEEDED,
    "ACCESS_DENIED": _KEY_NEEDED,
    # The routes take every path and every method that API Gateway knows: what has none of them is TRACE and its like.
    # Which methods the path has, API Gateway cannot tell: these are those of the API.
    "MISSING_AUTHENTICATION_TOKEN": _Refusal(
        "method_not_allowed",
        "the API takes GET, HEAD, OPTIONS, POST",
        405,
        "Method Not Allowed",
        {"Allow": "'GET, HEAD, OPTIONS, POST'"},
    ),
    "THROTTLED": _Refusal("throttled", "too many requests: try again later", 429, "Too Many Requests", _RETRY),
    "QUOTA_EXCEEDED": _Refusal("quota_exceeded", "the key's quota is used up", 429, "Too Many Requests", _RETRY),
    "REQUEST_TOO_LARGE": _Refusal(
        "body_too_large", "expected a body of at most 1,048,576 bytes: send less at once", 413, "Content Too Large"
    ),
    "INTEGRATION_TIMEOUT": _Refusal("gateway_timeout", "the answer took too long", 504, "Gateway Timeout"),
    "INTEGRATION_FAILURE": _Refusal("gateway_timeout", "there was no answer", 504, "Gateway Timeout"),
    "DEFAULT_4XX": _Refusal("gateway_refused", "API Gateway refused the request"),
    "DEFAULT_5XX": _Refusal("gateway_error", "API Gateway could not answer the request"),
}
_HEADERS = {
    "Content-Type": "'application/problem+json'",
    "X-Request-Id": "context.requestId",
    "Cache-Control": "'no-store'",
    "X-Content-Type-Options": "'nosniff'",
}


class Api(Construct):
    """The REST API of the stage; where it asks for a key, what holds no data does without."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._api = self._rest_api()
        self._routes(function)
        self._refusals()
        self.key = self._key() if stage.auth == "api_key" else None

    @property
    def url(self) -> str:
        """Where the API is reached, with a slash at the end."""
        return self._stage.local_api_url or self._api.url

    def _rest_api(self) -> apigateway.RestApi:
        stage = self._stage
        api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=cdk.Stack.of(self).stack_name,
            description="The voucher amount used most in a customer's segment",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # An account has one role with which API Gateway writes logs: it stays when this stack goes
            cloud_watch_role=stage.execution_logs,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN if stage.execution_logs else None,
            deploy_options=self._deployment(),
        )
        api.node.try_remove_child("Endpoint")  # an output that the stack's own ApiUrl says better
        if stage.is_local:
            cdk.Tags.of(api).add("_custom_id_", LOCAL_API_ID)  # LocalStack's way to choose an API's id
        return api

    def _deployment(self) -> apigateway.StageOptions:
        stage = self._stage
        destination = access_log = None
        if stage.execution_logs:
            destination = apigateway.LogGroupLogDestination(log_group_of(self, "Access", stage=stage))
            access_log = _access_log()
        return apigateway.StageOptions(
            stage_name=stage.name,
            throttling_rate_limit=stage.rate_limit,
            throttling_burst_limit=stage.burst_limit,
            tracing_enabled=stage.tracing,
            access_log_destination=destination,
            access_log_format=access_log,
        )

    def _routes(self, function: lambda_.IFunction) -> None:
        integration = apigateway.LambdaIntegration(function, scope_permission_to_method=False)
        root = self._api.root
        if self._stage.auth == "none":
            for path in ("/", "/{proxy+}"):
                root.resource_for_path(path).add_method("ANY", integration)
            return
        for path in (*_SHELLS, "/{proxy+}"):
            # A browser asks with OPTIONS, and without the key, whether a page may send it.
            without_key = ["GET", "HEAD", "OPTIONS"] if path in _SHELLS else ["OPTIONS"]
            for method in ("ANY", *without_key):
                resource = root.resource_for_path(path)
                resource.add_method(method, integration, api_key_required=method == "ANY")
        for path in _OPEN:
            root.resource_for_path(path).add_method("ANY", integration)

    def _refusals(self) -> None:
        """Give the answers of API Gateway itself the form of the function's."""
        for name, refusal in _REFUSALS.items():
            self._api.add_gateway_response(
                name.title().replace("_", ""),
                type=apigateway.ResponseType.of(name),
                status_code=str(refusal.status) if refusal.status else None,
                response_headers=self._headers_of(refusal),
                templates={"application/json": _problem(refusal)},
            )

    def _headers_of(self, refusal: "_Refusal") -> dict[str, str]:
        headers = {**_HEADERS, **refusal.headers}
        # These answers are fixed: they can name one origin, or any.
        origins = self._stage.cors_origins
        allowed = "*" if "*" in origins else origins[0] if len(origins) == 1 else None
        return headers | {"Access-Control-Allow-Origin": f"'{allowed}'"} if allowed else headers

    def _key(self) -> apigateway.IApiKey:
        key = self._api.add_api_key("Key")
        plan = self._api.add_usage_plan(
            "Usage",
            throttle=apigateway.ThrottleSettings(
                rate_limit=self._stage.rate_limit, burst_limit=self._stage.burst_limit
            ),
            api_stages=[apigateway.UsagePlanPerApiStage(api=self._api, stage=self._api.deployment_stage)],
        )
        plan.add_api_key(key)
        return key


def _problem(refusal: _Refusal) -> str:
    body = {"type": "about:blank"}
    status = {"title": refusal.title, "status": refusal.status} if refusal.status else {}
    return json.dumps(body | status | {"code": refusal.code, "detail": refusal.detail})


def _access_log() -> apigateway.AccessLogFormat:
    """What happened, and nothing of who asked: no address, no browser, no key, no query."""
    fields = {
        "request_id": "$context.requestId",
        "time": "$context.requestTimeEpoch",
        "method": "$context.httpMethod",
        "resource": "$context.resourcePath",
        "status": "$context.status",
        "error": "$context.error.responseType",
        "latency_ms": "$context.responseLatency",
        "integration_latency_ms": "$context.integrationLatency",
        "response_bytes": "$context.responseLength",
    }
    pairs = ", ".join(f'"{name}": "{value}"' for name, value in fields.items())
    return apigateway.AccessLogFormat.custom(f"{{{pairs}}}")

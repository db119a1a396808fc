"""The API: a REST API that passes every request to its function."""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.log_groups import log_group_of
from infra_cdk.stages import Stage

_LOCAL_ID = "voucher"


class Api(Construct):
    """The REST API of the stage; where the stage asks for a key, only ``GET /health`` is open without one."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._api = self._rest_api()
        self._routes(function)
        self.key = self._key() if stage.auth == "api_key" else None

    @property
    def url(self) -> str:
        """Where the API is reached, with a slash at the end."""
        if self._stage.is_local:
            endpoint = self._stage.public_endpoint.rstrip("/")
            return f"{endpoint}/_aws/execute-api/{_LOCAL_ID}/{self._stage.name}/"
        return self._api.url

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
            cdk.Tags.of(api).add("_custom_id_", _LOCAL_ID)  # LocalStack's way to choose an API's id
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
        needs_key = self._stage.auth == "api_key"
        root = self._api.root
        root.add_method("ANY", integration, api_key_required=needs_key)
        root.add_resource("{proxy+}").add_method("ANY", integration, api_key_required=needs_key)
        if needs_key:
            root.add_resource("health").add_method("GET", integration, api_key_required=False)

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

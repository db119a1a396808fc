"""The API: a REST API that passes every request to its function."""

from typing import NamedTuple, cast

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.log_groups import log_group_of
from infra_cdk.refusals import headers_of, problem_of, refusals_of
from infra_cdk.stages import LOCAL_API_ID, Stage
from voucher_selection.contract.api import OPEN_PATHS, SHELL_PATHS, Auth

_NO_VALIDATOR = (
    "The function checks every field and names each invalid one in its answer. API Gateway's validator would refuse "
    "such a request earlier, but names no field."
)
_ACCOUNTS_ROLE = "API Gateway uses one role for all logs of an account. AWS maintains the role's policy."
_NO_FIREWALL_HERE = "The emulator has no firewall and answers only this machine."
_NO_FIREWALL = "A stage for trials, throttled and closed by its key. The setting waf adds a firewall; prod has one."
_NOT_OBSERVED = "The emulator's API Gateway writes no logs."
_OPEN_HERE = "The emulator listens only on this machine's loopback, and its data stays on this machine."
_BY_KEY = (
    "Callers send an API key, which API Gateway checks. Answers have amounts of segments and reports of runs, no data"
    " of customers. With auth=iam, callers sign requests instead."
)
_WITHOUT_KEY = {
    "ANY": "The answer is the API's health or documentation: no amounts, no data of customers.",
    "GET": "A page's shell, without data. Its script asks for the key and sends it with each request for data.",
    "HEAD": "The headers of a page's shell. They hold no data.",
    "OPTIONS": "A browser asks without credentials whether a page may send a request. The answer holds no data.",
}
_SIGNED = "AWS identities sign the requests. The callers are programs, which need no pool of users."
_LEAST_TLS = "TLS_1_2"
_EVERY_METHOD = "/*/*"
_USED_METHODS = ("GET", "POST")
"""The methods of the API's routes that callers use with a key; they have methods of their own in API Gateway."""


class Route(NamedTuple):
    """A path and a method of API Gateway; `ANY` is every method that the path has not. An open one needs no proof."""

    path: str
    method: str
    is_open: bool


def _routes_of(auth: Auth) -> list[Route]:
    """Return the routes of API Gateway. What they need is decided here, what they answer in the function."""
    if auth == "none":
        return [Route("/", "ANY", is_open=True), Route("/{proxy+}", "ANY", is_open=True)]
    # A browser asks with OPTIONS, without the key, whether a page may send the key. A shell cannot sign requests.
    open_of_shells = ("GET", "HEAD", "OPTIONS") if auth == "api_key" else ("OPTIONS",)
    open_by_path = dict.fromkeys(SHELL_PATHS, open_of_shells) | {"/{proxy+}": ("OPTIONS",)}
    return [
        *(
            Route(path, method, is_open=method in open_methods)
            for path, open_methods in open_by_path.items()
            for method in sorted({"ANY", *_USED_METHODS, *open_methods})
        ),
        *(Route(path, "ANY", is_open=True) for path in OPEN_PATHS),
    ]


class Api(Construct):
    """The REST API of the stage. What holds no data needs neither a key nor a signature."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self.access_logs = log_group_of(self, "Access", stage=stage) if stage.execution_logs else None
        self.rest_api = self._rest_api()
        """The API itself, for its domain, firewall and alarms."""
        self._routes(function)
        self._refusals()
        self._acknowledge()
        self.key = self._key() if stage.auth == "api_key" else None

    @property
    def url(self) -> str:
        """The address of the API, with a slash at the end."""
        own_domain = f"https://{self._stage.domain_name}/" if self._stage.domain_name else ""
        return self._stage.local_api_url or own_domain or self.rest_api.url

    @property
    def origin(self) -> str:
        """The origin of the API's pages on AWS. It depends on the API itself, not on its routes."""
        if self._stage.domain_name:
            return f"https://{self._stage.domain_name}"
        region, suffix = cdk.Aws.REGION, cdk.Aws.URL_SUFFIX
        return f"https://{self.rest_api.rest_api_id}.execute-api.{region}.{suffix}"

    def _rest_api(self) -> apigateway.RestApi:
        stage = self._stage
        api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=cdk.Stack.of(self).stack_name,
            description="The voucher amount used most in a customer's segment",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # An account has one role with which API Gateway writes logs: it stays when this stack is deleted
            cloud_watch_role=self._has_log_role,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN if self._has_log_role else None,
            deploy_options=self._deployment(),
            disable_execute_api_endpoint=True if stage.domain_name else None,
        )
        api.node.try_remove_child("Endpoint")  # the stack has a better output, ApiUrl
        if stage.is_local:
            cdk.Tags.of(api).add("_custom_id_", LOCAL_API_ID)  # LocalStack's way to choose an API's id
        else:
            # A regional API takes TLS 1.0 too unless it says otherwise, also through a domain that would not
            cast("apigateway.CfnRestApi", api.node.default_child).security_policy = _LEAST_TLS
        if stage.execution_logs:
            self._keep_execution_log(api)
        return api

    @property
    def _has_log_role(self) -> bool:
        """Whether the stack makes the role with which API Gateway writes the logs of the account."""
        return self._stage.execution_logs and self._stage.api_log_role == "own"

    def _keep_execution_log(self, api: apigateway.RestApi) -> None:
        """Make the group of API Gateway's log first: API Gateway would make one that never expires."""
        name = f"API-Gateway-Execution-Logs_{api.rest_api_id}/{self._stage.name}"
        log_group = log_group_of(self, "Gateway", stage=self._stage, name=name)
        api.deployment_stage.node.add_dependency(log_group)

    def _deployment(self) -> apigateway.StageOptions:
        stage = self._stage
        destination = access_log = None
        if self.access_logs:
            destination = apigateway.LogGroupLogDestination(self.access_logs)
            access_log = _access_log()
        return apigateway.StageOptions(
            stage_name=stage.name,
            tracing_enabled=stage.trace_requests,
            access_log_destination=destination,
            access_log_format=access_log,
            method_options=self._method_settings(),
        )

    def _method_settings(self) -> dict[str, apigateway.MethodDeploymentOptions]:
        """Return the limits by path and method. API Gateway counts the requests of each method separately.

        Only the closed methods that callers use are named: API Gateway refuses an update of a stage with too many
        settings. Every other method has the limits of an open one.
        """
        stage = self._stage
        closed = self._settings(stage.rate_limit, stage.burst_limit)
        if stage.auth == "none":
            return {_EVERY_METHOD: closed}
        return {
            _EVERY_METHOD: self._settings(stage.open_rate_limit, stage.open_burst_limit),
            **{
                f"{route.path}/{route.method}": closed
                for route in _routes_of(stage.auth)
                if not route.is_open and route.method in _USED_METHODS
            },
        }

    def _settings(self, rate_limit: float, burst_limit: int) -> apigateway.MethodDeploymentOptions:
        logged = self._stage.execution_logs
        return apigateway.MethodDeploymentOptions(
            throttling_rate_limit=rate_limit,
            throttling_burst_limit=burst_limit,
            # errors of API Gateway, without requests and answers; a method with limits of its own inherits no logging
            logging_level=apigateway.MethodLoggingLevel.ERROR if logged else None,
            data_trace_enabled=False if logged else None,
        )

    def _routes(self, function: lambda_.IFunction) -> None:
        integration = apigateway.LambdaIntegration(function, scope_permission_to_method=False)
        for route in _routes_of(self._stage.auth):
            added = self.rest_api.root.resource_for_path(route.path).add_method(
                route.method,
                integration,
                api_key_required=not route.is_open and self._stage.auth == "api_key",
                authorization_type=(
                    apigateway.AuthorizationType.IAM if not route.is_open and self._stage.auth == "iam" else None
                ),
            )
            self._acknowledge_method(added, route)

    def _acknowledge_method(self, added: apigateway.Method, route: Route) -> None:
        """Note why the method has no authorizer, or none for users."""
        rules = ["APIG4"]
        if route.method != "OPTIONS":
            rules.append("COG4")
        if self._stage.auth == "none":
            if self._stage.is_local:
                acknowledge(added, _OPEN_HERE, *rules)
        elif route.is_open:
            acknowledge(added, _WITHOUT_KEY[route.method], *rules)
        elif self._stage.auth == "api_key":
            acknowledge(added, _BY_KEY, *rules)
        else:
            acknowledge(added, _SIGNED, "COG4")

    def _acknowledge(self) -> None:
        stage = self._stage
        if api := self.rest_api.node.default_child:
            acknowledge(api, _NO_VALIDATOR, "APIG2")
        if stage.is_local:
            acknowledge(self.rest_api.deployment_stage, _NO_FIREWALL_HERE, "APIG3")
            acknowledge(self.rest_api.deployment_stage, _NOT_OBSERVED, "APIG1", "APIG6")
        elif stage.name == "dev" and not stage.waf:
            acknowledge(self.rest_api.deployment_stage, _NO_FIREWALL, "APIG3")
        if self._has_log_role:
            acknowledge(
                self.rest_api.node.find_child("CloudWatchRole"),
                _ACCOUNTS_ROLE,
                "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
            )

    def _refusals(self) -> None:
        """Give the answers of API Gateway itself the form of the function's answers."""
        for name, refusal in refusals_of(self._stage).items():
            self.rest_api.add_gateway_response(
                name.title().replace("_", ""),
                type=apigateway.ResponseType.of(name),
                status_code=str(refusal.status.value) if refusal.status else None,
                response_headers=headers_of(refusal, self._stage),
                templates={"application/json": problem_of(refusal)},
            )

    def _key(self) -> apigateway.IApiKey:
        stage = self._stage
        quota = apigateway.QuotaSettings(limit=stage.quota_per_day, period=apigateway.Period.DAY)
        key = self.rest_api.add_api_key("Key")
        plan = self.rest_api.add_usage_plan(
            "Usage",
            throttle=apigateway.ThrottleSettings(rate_limit=stage.rate_limit, burst_limit=stage.burst_limit),
            quota=quota if stage.quota_per_day else None,
            api_stages=[apigateway.UsagePlanPerApiStage(api=self.rest_api, stage=self.rest_api.deployment_stage)],
        )
        plan.add_api_key(key)
        return key


def _access_log() -> apigateway.AccessLogFormat:
    """Return what is logged of a request. Nothing identifies the caller: no address, browser, key or query."""
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

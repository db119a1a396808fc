"""What API Gateway answers when a function has no environment for a request in time: 429, as when it throttles.

LocalStack tries again, for minutes, and answers 502 then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.services.apigateway.next_gen.execute_api.gateway_response import IntegrationFailureError, ThrottledError
from localstack.services.apigateway.next_gen.execute_api.integrations import aws
from localstack.utils.aws.arns import extract_region_from_arn

if TYPE_CHECKING:
    from localstack.services.apigateway.next_gen.execute_api.context import EndpointResponse, RestApiInvocationContext

_THROTTLED = "TooManyRequestsException"
_ONCE = Config(retries={"total_max_attempts": 1})


def throttle() -> None:
    """Put this into LocalStack's integration of functions; call it before the gateway is made."""
    integration = aws.RestApiAwsProxyIntegration
    invoke = integration.invoke

    def invoke_or_throttle(self: aws.RestApiAwsProxyIntegration, context: RestApiInvocationContext) -> EndpointResponse:
        try:
            return invoke(self, context)
        except IntegrationFailureError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == _THROTTLED:
                raise ThrottledError("Too Many Requests") from error
            raise

    integration.invoke = invoke_or_throttle
    integration.call_lambda = staticmethod(_call_once)


def _call_once(function_arn: str, event: bytes, source_arn: str, credentials: str | None = None) -> bytes:
    region = extract_region_from_arn(function_arn)
    clients = (
        connect_to.with_assumed_role(role_arn=credentials, region_name=region, config=_ONCE)
        if credentials
        else connect_to(region_name=region, config=_ONCE)
    )
    client = clients.lambda_.request_metadata(service_principal="apigateway", source_arn=source_arn)
    answer = client.invoke(FunctionName=function_arn, Payload=event, InvocationType="RequestResponse")
    payload: bytes = answer["Payload"].read()
    return payload

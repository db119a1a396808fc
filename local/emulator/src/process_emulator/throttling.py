"""What API Gateway answers when a function has no environment for a request in time: 429, as when it throttles.

LocalStack answers 502.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.apigateway.next_gen.execute_api.gateway_response import IntegrationFailureError, ThrottledError
from localstack.services.apigateway.next_gen.execute_api.integrations import aws

if TYPE_CHECKING:
    from localstack.services.apigateway.next_gen.execute_api.context import EndpointResponse, RestApiInvocationContext


def throttle() -> None:
    """Put this into LocalStack's integration of functions; call it before the gateway is made."""
    integration = aws.RestApiAwsProxyIntegration
    invoke = integration.invoke

    def invoke_or_throttle(self: aws.RestApiAwsProxyIntegration, context: RestApiInvocationContext) -> EndpointResponse:
        try:
            return invoke(self, context)
        except IntegrationFailureError as error:
            if isinstance(error.__cause__, TooManyRequestsException):
                raise ThrottledError("Too Many Requests") from error
            raise

    integration.invoke = invoke_or_throttle

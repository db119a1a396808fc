"""An API calls its function within this process.

LocalStack's gateway asks its own Lambda API over HTTP: for each request that comes it sends a second one, signed, which
is received, checked, parsed and answered as the first. That was more than half of the time of a request.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from localstack.aws.api.lambda_ import InvocationType
from localstack.services.apigateway.next_gen.execute_api.integrations import aws
from localstack.services.lambda_.api_utils import function_locators_from_arn

from process_emulator.assignment import as_request_of_an_api

if TYPE_CHECKING:
    from localstack.services.lambda_.invocation.lambda_service import LambdaService


def call_directly(functions: LambdaService) -> None:
    """Let every API call these functions; before any function is there, LocalStack's own way finds none either."""

    # An integration's credentials say who calls, which nothing here asks.
    def call_lambda(function_arn: str, event: bytes, source_arn: str, credentials: str | None = None) -> bytes:  # noqa: ARG001
        name, qualifier, account_id, region = function_locators_from_arn(function_arn)
        with as_request_of_an_api():
            result = functions.invoke(
                function_name=name,
                qualifier=qualifier,
                region=region,
                account_id=account_id,
                invocation_type=InvocationType.RequestResponse,
                client_context=None,
                request_id=str(uuid.uuid4()),
                payload=event,
            )
        payload: bytes = result.payload
        return payload

    aws.RestApiAwsProxyIntegration.call_lambda = staticmethod(call_lambda)

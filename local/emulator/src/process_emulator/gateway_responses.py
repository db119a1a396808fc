"""What API Gateway answers by itself, as an API's gateway responses declare it: LocalStack takes only their status.

A header's value can be static, a variable of the context or one of the stage. Of the bodies it is always the one for
`application/json`; as on AWS, variables of the context are put into it, and it is no template of the Velocity language.
See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from localstack.constants import APPLICATION_JSON
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import EndpointResponse
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    ThrottledError,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import GatewayExceptionHandler
from localstack.services.apigateway.next_gen.execute_api.parameters_mapping import ParametersMapper

if TYPE_CHECKING:
    from localstack.aws.api.apigateway import GatewayResponse
    from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
    from localstack.services.apigateway.next_gen.execute_api.gateway_response import BaseGatewayException
    from rolo import Response

RETRY_AFTER_SECONDS = 1
"""When to ask again after 429, which AWS leaves to the client: environments get free all the time."""

_HEADER = "gatewayresponse.header."
_VARIABLE = re.compile(r"\$context\.(\w+(?:\.\w+)*)")


class DeclaredResponses(GatewayExceptionHandler):  # type: ignore[misc]
    """LocalStack's answer, with the headers and the body that are declared for it."""

    def create_exception_response(self, exception: BaseGatewayException, context: RestApiInvocationContext) -> Response:
        """Return the answer to a request that the gateway refuses, or could not have answered."""
        response = super().create_exception_response(exception, context)
        if isinstance(exception, ThrottledError):
            response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        declared = get_gateway_response_or_default(exception.type, context.deployment.rest_api.gateway_responses)
        response.headers.update(_headers(declared, context))
        if template := declared["responseTemplates"].get(APPLICATION_JSON):
            response.set_data(_body(template, exception, context))
        return response


def answer_as_declared() -> None:
    """Put this in the place of LocalStack's handler; call it before the gateway is made."""
    handlers.gateway_exception_handler = DeclaredResponses()


def _headers(declared: GatewayResponse, context: RestApiInvocationContext) -> dict[str, str]:
    values = {name.removeprefix(_HEADER): value for name, value in declared["responseParameters"].items()}
    # The mapper is the one of a method's headers, which can also come from a back end's answer: here there is none.
    no_answer = EndpointResponse(headers={}, body=b"")
    mapped = ParametersMapper().map_integration_response(
        values, no_answer, context.context_variables, context.stage_variables or {}
    )
    headers: dict[str, str] = mapped["header"]
    return headers


def _body(template: str, exception: BaseGatewayException, context: RestApiInvocationContext) -> str:
    # On AWS this variable has its quotes: the default body is {"message":$context.error.messageString}.
    error = {**context.context_variables["error"], "messageString": json.dumps(exception.message)}
    variables = {**context.context_variables, "error": error}
    return _VARIABLE.sub(lambda found: _value(variables, found[1]), template)


def _value(variables: dict[str, Any], path: str) -> str:
    """Return a variable, or nothing where there is none, as on AWS."""
    value: Any = variables
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)

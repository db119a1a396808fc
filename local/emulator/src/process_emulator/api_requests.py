"""The short way of a request to an API: past what LocalStack does only for requests to its services.

LocalStack asks some twenty handlers what a request is for, and compares its path with every route of its services.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from rolo.gateway import Gateway

if TYPE_CHECKING:
    from localstack.aws.chain import HandlerChain
    from localstack.services.apigateway.next_gen.execute_api.router import ApiGatewayEndpoint
    from rolo import Response
    from rolo.gateway.chain import Handler

PREFIX = "/_aws/execute-api/"
_ADDRESS = re.compile(rf"{PREFIX}(?P<api_id>[a-zA-Z0-9-]+)/(?P<stage>[a-zA-Z0-9_-]+)(?:[/?].*)?", re.DOTALL)


class ApiRequests:
    """The handler that answers requests to APIs, once LocalStack has its own end of the way ready."""

    def __init__(self) -> None:
        self._endpoint: ApiGatewayEndpoint | None = None

    def lead_to(self, endpoint: ApiGatewayEndpoint) -> None:
        """Answer requests with LocalStack's endpoint of all APIs."""
        self._endpoint = endpoint

    def __call__(self, chain: HandlerChain, context: RequestContext, response: Response) -> None:
        """Answer the request if its path is that of an API; LocalStack's routes know all other forms of it."""
        match = _ADDRESS.fullmatch(context.request.environ["RAW_URI"])
        if match and self._endpoint:
            response.update_from(self._endpoint(context.request, **match.groupdict()))
            chain.stop()


API_REQUESTS = ApiRequests()


def short_way(gateway: Gateway, otherwise: Handler) -> Gateway:
    """Return a gateway for paths that begin with the prefix; what no route is for is answered by `otherwise`."""
    return Gateway(
        request_handlers=[
            handlers.handle_runtime_shutdown,
            handlers.content_decoder,
            API_REQUESTS,
            handlers.serve_edge_router_rules,
            otherwise,
        ],
        response_handlers=[handlers.run_custom_response_handlers, handlers.log_response],
        finalizers=gateway.finalizers,
        exception_handlers=gateway.exception_handlers,
        context_class=RequestContext,
    )

"""Logger, metrics and tracer, made once for a function. Powertools' environment variables name and configure them."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

type Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


class Untraced:
    """Replaces the tracer if tracing is off; it has the only method that handlers use.

    A Tracer that is off still imports X-Ray's SDK and makes segments that nobody reads, at the cost of every start and
    every request.
    """

    def capture_lambda_handler[H](
        self,
        lambda_handler: H | None = None,
        capture_response: bool | None = None,  # noqa: ARG002, FBT001 - the Tracer's own signature
    ) -> H | Callable[[H], H]:
        """Return the handler unchanged, or a decorator that returns it unchanged."""
        return (lambda handler: handler) if lambda_handler is None else lambda_handler


def _tracer() -> Tracer:
    is_off = os.environ.get("POWERTOOLS_TRACE_DISABLED") == "true"
    return cast("Tracer", Untraced()) if is_off else Tracer()


def observed(*, traces_answer: bool = True) -> Callable[[Handler], Handler]:
    """Return a decorator that logs, traces and measures the handler of a pipeline's function.

    It logs an exception with the keys of the handler's log lines: Lambda's own line names neither run nor shard.
    """

    def decorated(lambda_handler: Handler) -> Handler:
        @wraps(lambda_handler)
        def logged(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            try:
                return lambda_handler(event, context)
            except Exception:
                logger.exception("failed")
                raise

        measured = metrics.log_metrics(logged, capture_cold_start_metric=True)
        traced = tracer.capture_lambda_handler(measured, capture_response=traces_answer)
        return logger.inject_lambda_context(traced, clear_state=True)

    return decorated


logger = Logger()
metrics = Metrics()
tracer = _tracer()

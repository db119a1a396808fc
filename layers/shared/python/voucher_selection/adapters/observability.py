"""Logger, metrics and tracer, made once for a function. Powertools' environment variables name and configure them."""

import os
from collections.abc import Callable
from functools import wraps
from typing import cast

from aws_lambda_powertools import Logger, Metrics, Tracer


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


def log_failures[**P, R](lambda_handler: Callable[P, R]) -> Callable[P, R]:
    """Log a handler's exception with the keys of its log lines: Lambda's own line names neither run nor shard."""

    @wraps(lambda_handler)
    def logged(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return lambda_handler(*args, **kwargs)
        except Exception:
            logger.exception("failed")
            raise

    return logged


logger = Logger()
metrics = Metrics()
tracer = _tracer()

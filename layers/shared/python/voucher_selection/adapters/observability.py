"""Logger, metrics and tracer, made once for a function; named and configured by Powertools' environment variables."""

import os
from collections.abc import Callable
from functools import wraps
from typing import cast

from aws_lambda_powertools import Logger, Metrics, Tracer


class Untraced:
    """Stands for the tracer where tracing is off, with the one method of it that handlers use.

    A Tracer that is off imports X-Ray's SDK all the same, and makes segments for nobody: every start and every request
    would pay for it.
    """

    def capture_lambda_handler[H](
        self,
        lambda_handler: H | None = None,
        capture_response: bool | None = None,  # noqa: ARG002, FBT001 - the Tracer's own signature
    ) -> H | Callable[[H], H]:
        """Return the handler as it is, or a decorator that does."""
        return (lambda handler: handler) if lambda_handler is None else lambda_handler


def _tracer() -> Tracer:
    is_off = os.environ.get("POWERTOOLS_TRACE_DISABLED") == "true"
    return cast("Tracer", Untraced()) if is_off else Tracer()


def log_failures[**P, R](lambda_handler: Callable[P, R]) -> Callable[P, R]:
    """Log what a handler raises, with the keys of its lines: Lambda's own line of it names neither run nor shard."""

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

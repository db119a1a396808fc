"""Logger and metrics, made once for a function. Powertools' environment variables name and configure them.

Traces are the services' own: docs/decisions/0025-traces-without-an-sdk.md.
"""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

type Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def observed() -> Callable[[Handler], Handler]:
    """Return a decorator that logs and measures the handler of a function.

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
        return logger.inject_lambda_context(measured, clear_state=True)

    return decorated


logger = Logger()
metrics = Metrics()
# Powertools warns of each invocation without metrics, in a line that is no JSON. Most requests have none.
warnings.filterwarnings("ignore", "No application metrics to publish", UserWarning)

"""DynamoDB by moto, in LocalStack's process: LocalStack's own provider downloads a Java server.

Requests are answered one at a time: moto checks a condition and writes in two steps, and two requests at once would
both find their condition true, or lose one of two updates.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Any, Any], Any]

_ONE_AT_A_TIME = threading.RLock()


def moto_service(api: type) -> Service:
    """Return the service whose operations moto answers; tables and their streams share their data, and so the lock."""
    return Service.for_provider(api(), dispatch_table_factory=_dispatch_table)


def _dispatch_table(provider: object) -> dict[str, Handler]:
    handlers: dict[str, Handler] = MotoFallbackDispatcher(provider)
    return {operation: functools.partial(_handle, handler) for operation, handler in handlers.items()}


def _handle(handler: Handler, context: Any, request: Any) -> Any:
    with _ONE_AT_A_TIME:
        return handler(context, request)

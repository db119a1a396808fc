"""Every call of AWS that the functions make, with the function that made it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import botocore.client
import pytest
from botocore.exceptions import ClientError


class Call(NamedTuple):
    """A call of a function: the service and operation as botocore names them, and the code of the error, if any."""

    function: str
    service: str
    operation: str
    parameters: dict[str, Any]
    error: str = ""


class Recorder:
    """Records the calls of botocore's clients while a function runs, in whichever thread."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._running: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record until the end of the block."""
        make = botocore.client.BaseClient._make_api_call

        def recorded(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            given, error = dict(parameters), ""  # as the code gave them: botocore changes some
            try:
                return make(client, operation, parameters)
            except ClientError as refusal:
                error = refusal.response["Error"]["Code"]
                raise
            finally:
                self._record(client.meta.service_model.service_name, operation, given, error)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.client.BaseClient, "_make_api_call", recorded)
            yield

    def watched[**Arguments, Result](
        self, function: str, work: Callable[Arguments, Result]
    ) -> Callable[Arguments, Result]:
        """Return what a function does, such that its calls are recorded as the function's."""

        def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
            self._running.append(function)
            try:
                return work(*arguments, **named)
            finally:
                self._running.pop()

        return run

    def _record(self, service: str, operation: str, parameters: dict[str, Any], error: str) -> None:
        with self._lock:
            if self._running:
                self.calls.append(Call(self._running[-1], service, operation, parameters, error))

"""What an invocation is answered: by the function, or by the Lambda service when the function cannot.

The service's messages are as seen on AWS; see https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass

TIMED_OUT = "Sandbox.Timedout"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
EXITED = "Runtime.ExitError"


@dataclass(frozen=True)
class Answer:
    """A JSON payload; `service_error` is the type of an error that the service, not the function, answers."""

    payload: bytes
    is_error: bool
    service_error: str | None = None


def timed_out(request_id: str, seconds: float) -> Answer:
    """Return the answer for an invocation that took longer than the function's timeout."""
    return _error(TIMED_OUT, f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds", TIMED_OUT)


def exited(request_id: str, return_code: int, *, out_of_memory: bool) -> Answer:
    """Return the answer for a process that ended; a negative code is the signal that killed it.

    Lambda answers the same for a process killed for its memory; only its log names the reason.
    """
    message = f"RequestId: {request_id} Error: {_exit_reason(return_code)}"
    return _error(EXITED, message, OUT_OF_MEMORY if out_of_memory else EXITED)


def _exit_reason(return_code: int) -> str:
    if return_code == 0:
        return "Runtime exited without providing a reason"
    if return_code < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-return_code) or str(-return_code)).lower()}"
    return f"Runtime exited with error: exit status {return_code}"


def _error(error_type: str, message: str, service_error: str) -> Answer:
    payload = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return Answer(payload, is_error=True, service_error=service_error)

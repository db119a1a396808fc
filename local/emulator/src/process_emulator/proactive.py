"""Proactive initialization: an execution of a state machine gets its functions' environments before it needs them.

Lambda may initialize environments before they are invoked, and so does this emulator: while a state works, the
environments of the states after it start. A first execution would otherwise wait for one cold start after the other.
"""

from __future__ import annotations

import json
import re
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

from localstack.services.plugins import SERVICE_PLUGINS
from localstack.services.stepfunctions.provider import StepFunctionsProvider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localstack.aws.api import RequestContext

_WITHOUT_VERSION = re.compile(r":function:[^:]+$")
_LAMBDA_TASK = ":states:::lambda:invoke"


class ProactiveStepFunctions(StepFunctionsProvider):  # type: ignore[misc]
    """LocalStack's provider, which prepares the functions of each execution that it starts."""

    def start_execution(self, context: RequestContext, **arguments: Any) -> Any:
        """Start the execution, and environments for its functions after the first, which is invoked at once."""
        started = super().start_execution(context, **arguments)
        execution = self.get_store(context).executions[started["executionArn"]]
        definition = json.loads(execution.state_machine.definition)
        later = list(islice(functions_on_the_way(definition), 1, None))
        threading.Thread(target=_prepare, args=(later,), daemon=True, name="proactive-initialization").start()
        return started


def functions_on_the_way(definition: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ARNs of the functions of a state machine, each once, in the order of its states.

    The way is that of an execution in which no state fails and each Choice takes its default.
    """
    seen: dict[str, None] = {}
    for function in _functions(definition):
        if function not in seen:
            seen[function] = None
            yield function


def _functions(part: Mapping[str, Any]) -> Iterator[str]:
    name, passed = part["StartAt"], set()
    while name and name not in passed:
        passed.add(name)
        state = part["States"][name]
        if inner := state.get("ItemProcessor") or state.get("Iterator"):
            yield from _functions(inner)
        elif function := _function_of(state):
            yield function
        name = state.get("Next") or state.get("Default")


def _function_of(state: Mapping[str, Any]) -> str | None:
    resource = state.get("Resource", "")
    if resource.endswith(_LAMBDA_TASK):
        return (state.get("Parameters") or state.get("Arguments") or {}).get("FunctionName")
    return resource if ":lambda:" in resource else None


def _prepare(functions: list[str]) -> None:
    service = SERVICE_PLUGINS.require("lambda")._provider.lambda_service
    for function in functions:
        # An ARN without a version means the newest code. An alias is left alone.
        arn = f"{function}:$LATEST" if _WITHOUT_VERSION.search(function) else function
        if manager := service.lambda_running_versions.get(arn):
            service.assignment_service.prepare(manager.id, manager.function_version)

"""One execution environment of a function: a process that is started, answers events, and is replaced when it dies."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from process_emulator import answer as answers
from process_emulator import invocation_log
from process_emulator.function_process import FunctionProcess
from process_emulator.memory import MEBIBYTE, MEMORY_WATCH, peak_bytes
from process_emulator.runtime_api import Invocation, RuntimeApi, RuntimeStopped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from process_emulator.answer import Answer
    from process_emulator.sandbox import Sandbox

INIT_SECONDS = 50
"""How long an initialization may take; AWS gives it 10 s, but a laptop's processors have other things to do."""


@dataclass(frozen=True)
class FunctionSettings:
    """What a function's configuration says of its processes."""

    version: str
    handler: str
    timeout_seconds: int
    memory_mb: int


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended, and the lines that it logged."""

    answer: Answer
    logs: str


class EnvironmentStopped(Exception):
    """The environment was stopped while it was in use."""


class Environment:
    """An execution environment in a folder of its own; one invocation at a time."""

    def __init__(
        self,
        function: FunctionSettings,
        sandbox: Sandbox,
        command: tuple[str, ...],
        variables: Mapping[str, str],
        folder: Path,
    ) -> None:
        self._function = function
        self._command = (*sandbox.command, *command, function.handler)
        self._variables = variables
        self._folder = folder
        self._output = invocation_log.Output(folder / "output.log")
        self._api: RuntimeApi | None = None
        self._process: FunctionProcess | None = None
        self._init_ms: float | None = None
        self._failed: Answer | None = None
        self._stopped = False

    def start(self) -> None:
        """Start the process, and wait until it asks for its first event.

        An initialization that fails is answered to the first invocation, so that its output reaches the function's log.
        """
        self._failed = self._initialize("")

    def invoke(self, invocation: Invocation) -> Outcome:
        """Answer the event; what goes wrong in the function or its process is an answer too.

        Raises EnvironmentStopped if `stop` was called meanwhile.
        """
        answer, self._failed = self._failed, None
        if answer is None and not (self._process and self._process.running):
            answer = self._initialize(invocation.request_id)
        started = time.perf_counter()
        api, process = self._api, self._process
        if answer is None and api and process:
            answer = self._ask(invocation, api, process)
        duration_ms = (time.perf_counter() - started) * 1000
        if self._stopped or answer is None or process is None:
            raise EnvironmentStopped
        report = invocation_log.Report(
            request_id=invocation.request_id,
            version=self._function.version,
            duration_ms=duration_ms,
            init_ms=self._init_ms,
            timeout_seconds=self._function.timeout_seconds,
            memory_mb=self._function.memory_mb,
            peak_mb=max(process.seen_bytes, peak_bytes(process.pid)) // MEBIBYTE,
            error_type=answer.service_error,
        )
        self._init_ms = None
        return Outcome(answer, self._output.collect(report))

    def stop(self) -> None:
        """Kill the process and remove the environment's folder."""
        self._stopped = True
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def logs(self) -> str:
        """Return what the environment has written and no invocation has collected."""
        return self._output.peek()

    def _initialize(self, request_id: str) -> Answer | None:
        """Start a process; return None, or the answer that says why it failed."""
        self._end()
        started = time.perf_counter()
        api = RuntimeApi()
        variables = {**self._variables, "AWS_LAMBDA_RUNTIME_API": api.address}
        process = FunctionProcess(self._command, variables, self._output.path, on_exit=api.close)
        api.serve(process.pid)
        self._api, self._process = api, process
        if self._stopped:
            self._end()
        with MEMORY_WATCH.limit(process, self._function.memory_mb * MEBIBYTE):
            try:
                failed = api.initialized.result(INIT_SECONDS)
            except RuntimeStopped:
                failed = _exit_answer(process, request_id)
            except TimeoutError:
                failed = answers.timed_out(request_id, INIT_SECONDS)
        self._init_ms = (time.perf_counter() - started) * 1000
        if failed:
            self._end()
        return failed

    def _ask(self, invocation: Invocation, api: RuntimeApi, process: FunctionProcess) -> Answer:
        timeout = self._function.timeout_seconds
        with MEMORY_WATCH.limit(process, self._function.memory_mb * MEBIBYTE):
            try:
                return api.invoke(invocation, timeout)
            except RuntimeStopped:
                return _exit_answer(process, invocation.request_id)
            except TimeoutError:
                process.kill()
                return answers.timed_out(invocation.request_id, timeout)

    def _end(self) -> None:
        if self._process:
            self._process.kill()
        if self._api:
            self._api.close()


def _exit_answer(process: FunctionProcess, request_id: str) -> Answer:
    return answers.exited(request_id, process.return_code, out_of_memory=process.out_of_memory)

"""LocalStack's runtime executor: turns its function versions into environments of local processes."""

from __future__ import annotations

import functools
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

from localstack import config as localstack_settings
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from process_emulator.code_store import CodeStore, StoredCode
from process_emulator.environment import Environment, EnvironmentStopped, FunctionSettings
from process_emulator.interpreter import RUNTIME, inspect_interpreter
from process_emulator.layered_code import CodeTooLargeError, LayeredCode, check_size
from process_emulator.offline import CERTIFICATE_VARIABLES, PROXY_VARIABLES, no_proxy
from process_emulator.runtime_api import Invocation
from process_emulator.sandbox import make_sandbox
from process_emulator.settings import HOST, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, LayerVersion, S3Code

    from process_emulator.sandbox import Sandbox

LOG = logging.getLogger(__name__)


class ProcessRuntimeExecutor(RuntimeExecutor):  # type: ignore[misc]
    """Runs one execution environment; LocalStack makes one for each invocation that finds no other free."""

    function_version: FunctionVersion

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002  (LocalStack's name)
        super().__init__(id, function_version)
        self._environment: Environment | None = None

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unzip the code and its layers.

        LambdaRuntimeException says why the function cannot run here, and fails its creation.
        """
        config = function_version.config
        if config.runtime != RUNTIME:
            raise LambdaRuntimeException(
                f"expected runtime {RUNTIME}, found {config.runtime}: functions run in the emulator's own interpreter"
            )
        own, layers = _stored_code(config.code), _stored_layers(config.layers)
        try:
            check_size([own, *layers], localstack_settings.LAMBDA_LIMITS_CODE_SIZE_UNZIPPED)
        except CodeTooLargeError as error:
            raise LambdaRuntimeException(str(error)) from error
        _layered(own, layers)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Keep the code: another function may have the same, and it is removed when it was not used for a week."""

    def start(self, env_vars: dict[str, str]) -> None:
        """Start the process and wait until it is ready."""
        settings, config = _settings(), self.function_version.config
        interpreter = inspect_interpreter(settings.lambda_python)
        code = _layered(_stored_code(config.code), _stored_layers(config.layers))
        folder = settings.state / "environments" / self.id
        (folder / "tmp").mkdir(parents=True)
        readable = [Path(os.environ[name]) for name in CERTIFICATE_VARIABLES if name in os.environ]
        sandbox = make_sandbox(code, folder / "tmp", interpreter, readable, settings.isolation)
        self._environment = Environment(
            FunctionSettings(self.function_version.id.qualifier, config.handler, config.timeout, config.memory_size),
            sandbox,
            (str(interpreter.executable), "-m", "awslambdaric"),
            _variables({name: str(value) for name, value in env_vars.items()}, sandbox, code),
            folder,
        )
        self._environment.start()

    def stop(self) -> None:
        """Kill the process; an invocation that it works on fails."""
        if self._environment:
            self._environment.stop()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Answer one invocation, given as LocalStack gives it."""
        if not self._environment:
            raise LambdaRuntimeException("expected an environment that was started; this is an error of the emulator")
        timeout_ms = self.function_version.config.timeout * 1000
        invocation = Invocation(
            request_id=payload["invoke-id"],
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            payload=payload["payload"].encode(),
            deadline_ms=int(time.time() * 1000) + timeout_ms,
        )
        try:
            outcome = self._environment.invoke(invocation)
        except EnvironmentStopped as error:
            raise LambdaRuntimeException("the environment was stopped while it worked on the invocation") from error
        answer = outcome.answer
        return InvocationResult(invocation.request_id, answer.payload, is_error=answer.is_error, logs=outcome.logs)

    def get_logs(self) -> str:
        """Return what the process has written since its last invocation."""
        return self._environment.logs() if self._environment else ""

    def get_address(self) -> str:
        """Return the host that functions run on."""
        return HOST

    def get_endpoint_from_executor(self) -> str:
        """Return the host at which functions find LocalStack: an address, so that S3's bucket goes into the path."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Return what LocalStack's own client in a container would call; ours has a server of its own."""
        return f"http://{HOST}:{_settings().port}/_localstack_lambda/{self.id}"


@functools.cache
def _settings() -> Settings:
    return Settings.from_environment()


@functools.cache
def _code_store() -> CodeStore:
    return CodeStore(_settings().code_cache)


def _stored_code(code: S3Code) -> StoredCode:
    def download(archive: IO[bytes]) -> None:
        code._download_archive_to_file(archive)

    return _code_store().get(cast("str", code.code_sha256), download)


def _stored_layers(versions: Sequence[LayerVersion]) -> list[StoredCode]:
    return [_stored_code(cast("S3Code", version.code)) for version in versions]


def _layered(own: StoredCode, layers: Sequence[StoredCode]) -> LayeredCode:
    code = LayeredCode(own, _code_store().laid(layers) if layers else None)
    code.bytecode.mkdir(exist_ok=True)
    return code


def _variables(given: dict[str, str], sandbox: Sandbox, code: LayeredCode) -> dict[str, str]:
    """Return the environment of a function's process: LocalStack's, as AWS has it, and nothing else of this machine."""
    inherited = {name: os.environ[name] for name in (*CERTIFICATE_VARIABLES, *PROXY_VARIABLES) if name in os.environ}
    task_root, tmp, opt = str(sandbox.task_root), str(sandbox.tmp), sandbox.layers_root
    # In the order of AWS: a module of the function's own comes before one of a layer.
    modules = [f"{opt}/python/lib/{RUNTIME}/site-packages", f"{opt}/python"] if opt else []
    return {
        **inherited,
        "NO_PROXY": no_proxy(os.environ),
        "PATH": "/usr/local/bin:/usr/bin:/bin" + (f":{opt}/bin" if opt else ""),
        **({"LD_LIBRARY_PATH": f"{opt}/lib"} if opt else {}),
        "LANG": "en_US.UTF-8",
        "HOME": tmp,
        "TMPDIR": tmp,
        **{name: value for name, value in given.items() if not name.startswith("LOCALSTACK_RUNTIME_")},
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
        "LAMBDA_TASK_ROOT": task_root,
        "PYTHONPATH": ":".join(filter(None, [task_root, *modules, given.get("PYTHONPATH")])),
        # An import of pandas compiles for seconds: it does so once for each code, not in each cold start.
        **({} if code.brings_bytecode else {"PYTHONPYCACHEPREFIX": str(code.bytecode)}),
        "PYTHONNOUSERSITE": "1",
    }

"""Real emulators on free ports, and functions in them.

PROCESS_EMULATOR_LAMBDA_PYTHON names the interpreter that functions run with.
"""

from __future__ import annotations

import base64
import configparser
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psutil
import pytest
from botocore.config import Config

from process_emulator.credentials import FILE
from process_emulator.settings import HOST, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SOURCE = Path(__file__).parents[1] / "src"
REGION = "eu-west-1"
INHERITED_VARIABLES = {"SSL_CERT_FILE": __file__, "HTTPS_PROXY": "http://proxy.example:3128"}
START_SECONDS = 60
LOADED = "route53"
ROLE = "arn:aws:iam::000000000000:role/function"


@dataclass
class Reply:
    """What `invoke` got: the payload, whether it is an error, and the invocation's log."""

    payload: Any
    is_error: bool
    log: str


@dataclass
class Function:
    """A function that is active; `mark` is in the environment of its processes."""

    emulator: Emulator
    name: str
    mark: str

    def invoke(self, event: Any = None) -> Reply:
        client = self.emulator.client("lambda")
        reply = client.invoke(FunctionName=self.name, Payload=json.dumps(event or {}), LogType="Tail")
        payload = json.loads(reply["Payload"].read())
        return Reply(payload, "FunctionError" in reply, base64.b64decode(reply.get("LogResult", "")).decode())


@dataclass
class Emulator:
    """An emulator that runs."""

    process: subprocess.Popen[bytes]
    port: int
    state: Path
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        return log_file(self.state).read_text()

    def client(self, service: str) -> Any:
        if service not in self.clients:
            config = Config(retries={"total_max_attempts": 1}, max_pool_connections=50)
            session = boto3.Session(*self.key, region_name=REGION)
            self.clients[service] = session.client(service, endpoint_url=self.url, config=config)
        return self.clients[service]

    @property
    def key(self) -> tuple[str, str]:
        """The id and the secret of the emulator's key."""
        written = configparser.RawConfigParser()
        written.read(self.state / FILE)
        return written["default"]["aws_access_key_id"], written["default"]["aws_secret_access_key"]

    def create_function(self, source: str, *, variables: dict[str, str] | None = None, **settings: Any) -> Function:
        """Create a function whose module `app` is the source, and wait until it is active."""
        function = Function(self, f"function-{uuid.uuid4().hex[:8]}", f"mark-{uuid.uuid4().hex}")
        defaults = {"Runtime": "python3.13", "Role": ROLE, "Handler": "app.handler", "Timeout": 20, "MemorySize": 256}
        client = self.client("lambda")
        client.create_function(
            FunctionName=function.name,
            Code={"ZipFile": zip_source(source)},
            Environment={"Variables": {"TEST_MARK": function.mark, **(variables or {})}},
            **{**defaults, **settings},
        )
        waiter = client.get_waiter("function_active_v2")
        waiter.wait(FunctionName=function.name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
        return function

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=15)


def open_api(emulator: Emulator, function: Function) -> str:
    """Return the address of a new API whose every path is answered by the function."""
    gateway = emulator.client("apigateway")
    api = gateway.create_rest_api(name=f"api-{uuid.uuid4().hex[:8]}")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    target = {
        "restApiId": api,
        "resourceId": gateway.create_resource(restApiId=api, parentId=root, pathPart="{proxy+}")["id"],
        "httpMethod": "ANY",
    }
    arn = f"arn:aws:lambda:{REGION}:000000000000:function:{function.name}"
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    gateway.put_method(**target, authorizationType="NONE")
    gateway.put_integration(**target, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api, stageName="local")
    return f"{emulator.url}/_aws/execute-api/{api}/local"


def zip_source(source: str) -> bytes:
    """Return the zip of a function whose module `app` is the source."""
    return zip_files({"app.py": source})


def zip_files(files: Mapping[str, str]) -> bytes:
    """Return a zip of texts by their places: the same bytes for the same files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        for place, text in files.items():
            contents.writestr(zipfile.ZipInfo(place), textwrap.dedent(text))
    return archive.getvalue()


def log_file(state: Path) -> Path:
    return state.with_name(f"{state.name}.log")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def emulator_command(*options: object) -> list[str]:
    return [sys.executable, "-m", "process_emulator", *map(str, options)]


def emulator_environment(**further: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), **further}


def processes_with(mark: str) -> list[int]:
    """Return the ids of processes that have the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def environments_with(mark: str) -> list[int]:
    """Return the processes that answer events; others of theirs, as the shell that ends them, are in their sessions."""
    return [pid for pid in processes_with(mark) if psutil.pid_exists(pid) and os.getsid(pid) == pid]


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


@pytest.fixture(scope="session")
def lambda_python() -> Path:
    path = os.environ.get(f"{PREFIX}LAMBDA_PYTHON")
    if not path:
        message = f"set {PREFIX}LAMBDA_PYTHON to the interpreter of an environment made from runtime-requirements.txt"
        pytest.exit(message, returncode=4)
    return Path(path)


@pytest.fixture(scope="session")
def start_emulator(lambda_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Emulator]]:
    """Start emulators that end with the session; options go to the command line, variables to the environment."""
    started: list[subprocess.Popen[bytes]] = []
    states: list[Path] = []

    def start(*options: object, **variables: str) -> Emulator:
        state, port = tmp_path_factory.mktemp("state"), free_port()
        share_catalog(states, state / "code")
        states.append(state)
        command = emulator_command("--port", port, "--state", state, "--lambda-python", lambda_python, *options)
        with log_file(state).open("wb") as log:
            process = subprocess.Popen(command, env=emulator_environment(**variables), stdout=log, stderr=log)
        started.append(process)
        emulator = Emulator(process, port, state)
        if not wait_until(lambda: process.poll() is not None or is_healthy(emulator), START_SECONDS):
            pytest.fail(f"not healthy after {START_SECONDS} s:\n{emulator.log}")
        assert process.poll() is None, emulator.log
        return emulator

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
    for process in started:
        process.wait(timeout=15)


def share_catalog(states: list[Path], code: Path) -> None:
    """Put the index of AWS's services where an emulator looks for it, if an earlier one has made it."""
    code.mkdir(mode=0o700)
    for catalog in [file for state in states for file in (state / "code").glob("service-catalog-*")][:1]:
        shutil.copy(catalog, code)


def is_healthy(emulator: Emulator) -> bool:
    try:
        with urllib.request.urlopen(f"{emulator.url}/_localstack/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def emulator(start_emulator: Callable[..., Emulator]) -> Emulator:
    """An emulator as the system allows it: with mounts for functions if the tests run as root."""
    return start_emulator()


@pytest.fixture(scope="session")
def plain_emulator(start_emulator: Callable[..., Emulator]) -> Emulator:
    """An emulator as on a machine without root."""
    host = {"VARIABLE_OF_THE_HOST": "its own", "NO_PROXY": "intranet.example", **INHERITED_VARIABLES}
    return start_emulator("--isolation", "plain", "--load", f"{LOADED},nothing", **host)


@pytest.fixture(scope="session", params=["emulator", "plain_emulator"])
def any_emulator(request: pytest.FixtureRequest) -> Emulator:
    """Both ways that functions can run."""
    emulator: Emulator = request.getfixturevalue(request.param)
    return emulator

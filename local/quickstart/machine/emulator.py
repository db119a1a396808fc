"""The emulator's process: start it, wait for it, stop it."""

import socket
import subprocess
import time

import psutil

from local.quickstart.machine import interrupts
from local.quickstart.machine.http_client import ask
from local.quickstart.machine.record import EmulatorProcess, Record
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.toolchain import EMULATOR, EMULATOR_ENVIRONMENT, LAMBDA_ENVIRONMENT
from local.quickstart.machine.workspace import TOOLS, Workspace

_MODULE = "process_emulator"
_DEPLOYED = "cloudformation,dynamodb,lambda,iam,logs,sns,stepfunctions,apigateway,sqs,events"
"""The services of a deployment, in the order in which it asks them: they are loaded while the CDK starts."""
_START_SECONDS = 90
_STOP_SECONDS = 20


def running(workspace: Workspace) -> EmulatorProcess | None:
    """Return the workspace's emulator if its process is alive."""
    known = Record.read(workspace.state).emulator
    if known is None:
        return None
    try:
        # Not by its start time, which changes when the clock is set.
        arguments = psutil.Process(known.pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    # A process that has just started has no arguments for a moment.
    return known if not arguments or {_MODULE, str(known.port)} <= set(arguments) else None


def check_answering(workspace: Workspace) -> None:
    """Raise `StepError` if the emulator is stopped, or was started before the project was moved."""
    known = running(workspace)
    if known is None:
        return
    process = psutil.Process(known.pid)
    if process.status() == psutil.STATUS_STOPPED:
        raise StepError(
            f"the emulator does not answer: its process {known.pid} was stopped (SIGSTOP). kill -CONT {known.pid}"
            " continues it, ./quickstart stop ends it"
        )
    if str(workspace.emulator_state) not in process.cmdline():
        raise StepError(
            "the emulator was started before the project was moved, and misses its files: ./quickstart stop, then"
            " ./quickstart run"
        )


def check_port(workspace: Workspace) -> None:
    """Check that the port is free; raise `StepError` if something else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", workspace.port))
        except OSError as error:
            raise StepError(
                f"port {workspace.port} is in use by another program: choose another with --port,"
                f" for example --port {workspace.port + 11}"
            ) from error


def start(workspace: Workspace) -> None:
    """Start the emulator in the background; `wait_until_healthy` waits for it."""
    arguments = [
        str(EMULATOR_ENVIRONMENT / "bin/python"),
        "-m",
        _MODULE,
        *("--port", str(workspace.port)),
        *("--state", str(workspace.emulator_state)),
        *("--lambda-python", str(LAMBDA_ENVIRONMENT / "bin/python")),
        *("--code-cache", str(TOOLS / "code")),
        *("--load", _DEPLOYED),
    ]
    with interrupts.held_back(), workspace.log("emulator").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=workspace.state,
            env=_environment(workspace),
            start_new_session=True,  # Ctrl-C is for the quickstart, which stops it in order
        )
        Record(emulator=EmulatorProcess(pid=process.pid, port=workspace.port)).write(workspace.state)


def wait_until_healthy(workspace: Workspace) -> None:
    """Wait until the emulator answers; raise `StepError` if it ends, or does not answer in time."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if running(workspace) is None:
            raise StepError("the emulator did not start", workspace.log("emulator"))
        try:
            if ask(f"{workspace.endpoint_url}/_localstack/health", seconds=2).is_good and _listens(workspace):
                return
        except ConnectionError:
            pass
        time.sleep(0.1)
    raise StepError(f"the emulator did not answer within {_START_SECONDS} s", workspace.log("emulator"))


def wait_until_ended(workspace: Workspace) -> None:
    """Wait until the emulator's process ends."""
    if known := running(workspace):
        psutil.Process(known.pid).wait()


def stop(workspace: Workspace) -> bool:
    """Stop the emulator and everything that it started; return whether one was running."""
    known = running(workspace)
    if known is None:
        Record().write(workspace.state)
        return False
    with step("Stopping the emulator"), interrupts.held_back():
        _end(psutil.Process(known.pid))
        Record().write(workspace.state)
    return True


def _end(process: psutil.Process) -> None:
    family = [*process.children(recursive=True), process]
    process.terminate()
    process.resume()  # a stopped process would not get the signal
    _, left = psutil.wait_procs(family, timeout=_STOP_SECONDS)
    for member in left:
        member.kill()
    psutil.wait_procs(left, timeout=5)


def _listens(workspace: Workspace) -> bool:
    """Return whether our emulator has the port; one of another folder may have taken it meanwhile."""
    known = running(workspace)
    if known is None:
        return False
    connections = psutil.Process(known.pid).net_connections("tcp")
    return any(one.laddr.port == known.port and one.status == psutil.CONN_LISTEN for one in connections)


def _environment(workspace: Workspace) -> dict[str, str]:
    # It is offline: its own process answers LocalStack's requests to AWS, which would go to a proxy.
    proxies = {"http_proxy", "https_proxy", "all_proxy"}
    kept = {name: value for name, value in workspace.inherited_environment.items() if name.lower() not in proxies}
    return kept | {"PYTHONPATH": str(EMULATOR / "src")}

"""The emulator's process: started, waited for, stopped."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

import psutil

from local.quickstart.record import EmulatorProcess, Record
from local.quickstart.steps import StepError
from local.quickstart.toolchain import EMULATOR, EMULATOR_ENVIRONMENT, LAMBDA_ENVIRONMENT
from local.quickstart.workspace import TOOLS, Workspace

_START_SECONDS = 90
_STOP_SECONDS = 20


def running(workspace: Workspace) -> EmulatorProcess | None:
    """Return the workspace's emulator if its process is alive."""
    known = Record.read(workspace.state).emulator
    if known is None:
        return None
    try:
        process = psutil.Process(known.pid)
        alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return known if alive and abs(process.create_time() - known.created) < 1 else None
    except psutil.NoSuchProcess:
        return None


def check_port(workspace: Workspace) -> None:
    """Check that the port is free.

    Raises
    ------
    StepError
        Something else listens there.
    """
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
    """Start the emulator in the background; `wait_until_healthy` tells when it answers."""
    arguments = [
        str(EMULATOR_ENVIRONMENT / "bin/python"),
        "-m",
        "process_emulator",
        *("--port", str(workspace.port)),
        *("--state", str(workspace.emulator_state)),
        *("--lambda-python", str(LAMBDA_ENVIRONMENT / "bin/python")),
        *("--code-cache", str(TOOLS / "code")),
    ]
    with workspace.log("emulator").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=workspace.state,
            env=dict(os.environ) | {"PYTHONPATH": str(EMULATOR / "src")},
            start_new_session=True,  # Ctrl-C is for the quickstart, which stops it in order
        )
    created = psutil.Process(process.pid).create_time()
    Record(emulator=EmulatorProcess(pid=process.pid, created=created, port=workspace.port)).write(workspace.state)


def wait_until_healthy(workspace: Workspace) -> None:
    """Wait until the emulator answers.

    Raises
    ------
    StepError
        It ended, or does not answer within a minute and a half.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if running(workspace) is None:
            raise StepError("the emulator did not start", workspace.log("emulator"))
        try:
            with urllib.request.urlopen(f"{workspace.endpoint_url}/_localstack/health", timeout=2):  # noqa: S310 - ours
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise StepError(f"the emulator did not answer within {_START_SECONDS} s", workspace.log("emulator"))


def wait_until_ended(workspace: Workspace) -> None:
    """Wait until the emulator's process ends."""
    if known := running(workspace):
        psutil.Process(known.pid).wait()


def stop(workspace: Workspace) -> bool:
    """Stop the emulator and everything that it started; return whether there was one."""
    known = running(workspace)
    Record().write(workspace.state)
    if known is None:
        return False
    process = psutil.Process(known.pid)
    family = [*process.children(recursive=True), process]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=_STOP_SECONDS)
    for member in left:
        member.kill()
    psutil.wait_procs(left, timeout=5)
    return True

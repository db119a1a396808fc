"""How an emulator starts, refuses to start, and ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import LOADED, emulator_command, emulator_environment, free_port, processes_with, wait_until
from process_emulator.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Emulator

STARTS_A_CHILD = """
    import subprocess
    def handler(event, context):
        subprocess.Popen(["sleep", "300"])
"""


@pytest.mark.parametrize("isolation", ["auto", "plain"])
def test_nothing_is_left_running_when_the_emulator_is_killed(
    start_emulator: Callable[..., Emulator], isolation: str
) -> None:
    emulator = start_emulator("--isolation", isolation)
    function = emulator.create_function(STARTS_A_CHILD)
    function.invoke()
    assert len(processes_with(function.mark)) >= 2

    emulator.stop(signal.SIGKILL)

    assert wait_until(lambda: not processes_with(function.mark), 3)


def test_sigterm_ends_soon_with_exit_code_0_and_leaves_nothing(start_emulator: Callable[..., Emulator]) -> None:
    emulator = start_emulator()
    idle = emulator.create_function(STARTS_A_CHILD)
    idle.invoke()
    working = emulator.create_function("""
        import time
        def handler(event, context):
            time.sleep(15)
    """)
    emulator.client("lambda").invoke(FunctionName=working.name, InvocationType="Event")
    assert wait_until(lambda: bool(processes_with(working.mark)), 10)

    started = time.monotonic()
    exit_code = emulator.stop()

    assert exit_code == 0
    assert time.monotonic() - started < 6
    assert wait_until(lambda: not processes_with(idle.mark) and not processes_with(working.mark), 3)


def test_it_listens_on_the_loopback_interface_only(emulator: Emulator) -> None:
    emulator.create_function("def handler(event, context): ...").invoke()

    connections = psutil.Process(emulator.process.pid).net_connections("inet")
    listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}

    assert listening == {HOST}


def test_port_in_use_is_one_line_and_an_exit_code(emulator: Emulator, lambda_python: Path, tmp_path: Path) -> None:
    ended = run_emulator("--port", emulator.port, "--state", tmp_path, "--lambda-python", lambda_python)

    assert ended.returncode == 3
    assert ended.stderr == (
        f"error: port {emulator.port} on 127.0.0.1 is in use: stop what listens there, or choose another with --port\n"
    )


def test_state_folder_in_use_is_one_line_and_an_exit_code(emulator: Emulator, lambda_python: Path) -> None:
    ended = run_emulator("--port", free_port(), "--state", emulator.state, "--lambda-python", lambda_python)

    assert ended.returncode == 4
    assert ended.stderr.startswith(f"error: the state folder {emulator.state} is used by another emulator")
    assert ended.stderr.count("\n") == 1


def test_interpreter_without_the_runtime_client_is_refused(tmp_path: Path) -> None:
    ended = run_emulator("--port", free_port(), "--state", tmp_path, "--lambda-python", sys.executable)

    assert ended.returncode == 2
    assert "expected python3.13 with awslambdaric, found python3.13 without awslambdaric" in ended.stderr


def run_emulator(*options: object) -> subprocess.CompletedProcess[str]:
    """Run an emulator that is expected not to start."""
    command = emulator_command(*options)
    return subprocess.run(command, env=emulator_environment(), capture_output=True, text=True, timeout=60, check=False)


def test_the_index_of_services_is_made_once_for_emulators_with_one_code_cache(
    start_emulator: Callable[..., Emulator], tmp_path: Path
) -> None:
    code = tmp_path / "code"
    start_emulator("--code-cache", code).client("sts").get_caller_identity()
    (index,) = code.glob("service-catalog-*")
    made = index.stat()

    start_emulator("--code-cache", code).client("sts").get_caller_identity()

    assert (index.stat().st_ino, index.stat().st_mtime) == (made.st_ino, made.st_mtime)
    assert list(code.iterdir()) == [index]


def test_services_are_loaded_before_they_are_asked(plain_emulator: Emulator) -> None:
    def states() -> dict[str, str]:
        with urllib.request.urlopen(f"{plain_emulator.url}/_localstack/health", timeout=5) as answer:
            return dict(json.load(answer)["services"])

    assert wait_until(lambda: states()[LOADED] == "running", 20)
    assert wait_until(lambda: "The service nothing could not be loaded: no such service" in plain_emulator.log, 5)
    assert states()["ssm"] == "available"

"""How an emulator starts, refuses to start, and ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from conftest import emulator_command, emulator_environment, free_port, processes_with, wait_until

from process_emulator.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Emulator

BUSY = """
    import subprocess, time
    def handler(event, context):
        if event.get("start"):
            subprocess.Popen(["sleep", "300"])
        return "started"
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("isolation", ["auto", "plain"])
def test_nothing_is_left_running(start_emulator: Callable[..., Emulator], how: int, isolation: str) -> None:
    emulator = start_emulator("--isolation", isolation)
    function = emulator.create_function(BUSY)
    assert function.invoke({"start": True}).payload == "started"
    assert len(processes_with(function.mark)) >= 2

    started = time.monotonic()
    emulator.stop(how)

    assert time.monotonic() - started < 5
    assert wait_until(lambda: not processes_with(function.mark), 3)


def test_sigterm_ends_with_exit_code_0_while_a_function_works(start_emulator: Callable[..., Emulator]) -> None:
    emulator = start_emulator()
    function = emulator.create_function("""
        import time
        def handler(event, context):
            time.sleep(15)
    """)
    emulator.client("lambda").invoke(FunctionName=function.name, InvocationType="Event")
    assert wait_until(lambda: bool(processes_with(function.mark)), 10)

    started = time.monotonic()
    exit_code = emulator.stop()

    assert exit_code == 0
    assert time.monotonic() - started < 8
    assert wait_until(lambda: not processes_with(function.mark), 3)


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


def test_code_outlives_the_emulator(start_emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    source = "def handler(event, context): return 'kept'"
    first = start_emulator("--code-cache", tmp_path)
    first.create_function(source).invoke()
    first.stop()
    (folder,) = (entry for entry in tmp_path.iterdir() if entry.is_dir())
    unzipped = (folder / "files" / "app.py").stat().st_mtime_ns

    second = start_emulator("--code-cache", tmp_path)

    assert second.create_function(source).invoke().payload == "kept"
    assert (folder / "files" / "app.py").stat().st_mtime_ns == unzipped


def run_emulator(*options: object) -> subprocess.CompletedProcess[str]:
    """Run an emulator that is expected not to start."""
    command = emulator_command(*options)
    return subprocess.run(command, env=emulator_environment(), capture_output=True, text=True, timeout=60, check=False)

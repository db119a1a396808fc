"""Other users and programs of the machine: they get no events, no files, and nothing of the user's keys."""

from __future__ import annotations

import http.client
import os
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import emulator_command, emulator_environment, free_port, processes_with
from process_emulator.private_folders import SharedFolderError, make_private
from process_emulator.runtime_api import BASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Emulator

COUNTS = """
    import os, time
    calls = 0
    def handler(event, context):
        global calls
        calls += 1
        time.sleep(event.get("seconds", 0))
        return {"calls": calls, "of": event.get("of"), "address": os.environ["AWS_LAMBDA_RUNTIME_API"]}
"""
USERS_OWN = {
    "AWS_ACCESS_KEY_ID": "the-users-own",
    "AWS_SECRET_ACCESS_KEY": "the-users-own",
    "AWS_SESSION_TOKEN": "real-token",
    "AWS_PROFILE": "production",
    "AWS_CONFIG_FILE": "/home/user/.aws/config",
    "AWS_ENDPOINT_URL": "http://elsewhere.example",
    "BOTO_CONFIG": "/home/user/.boto",
    "GITHUB_TOKEN": "real-too",
}


def ask(address: str, method: str, path: str, body: bytes | None = None) -> int:
    """Return the status that a Runtime API answers this process with."""
    connection = http.client.HTTPConnection(address, timeout=3)
    connection.request(method, path, body)
    return connection.getresponse().status


def test_a_function_s_events_are_for_its_process_alone(any_emulator: Emulator) -> None:
    function = any_emulator.create_function(COUNTS)
    address = function.invoke({"of": "first"}).payload["address"]
    started = time.monotonic()

    statuses = {
        ask(address, method, path, b"{}" if method == "POST" else None)
        for method, path in (
            ("GET", f"{BASE}/invocation/next"),
            ("GET", "/"),
            ("GET", "/anything"),
            ("POST", f"{BASE}/invocation/x/response"),
            ("POST", f"{BASE}/init/error"),
            ("PUT", "/"),
        )
    }

    assert statuses == {403}
    assert time.monotonic() - started < 2
    assert function.invoke({"of": "second"}).payload == {"calls": 2, "of": "second", "address": address}


def test_a_stranger_that_waits_for_an_event_gets_none_and_delays_none(any_emulator: Emulator) -> None:
    function = any_emulator.create_function(COUNTS)
    address = function.invoke().payload["address"]

    with ThreadPoolExecutor(9) as pool:
        reply = pool.submit(function.invoke, {"seconds": 1, "of": "of a customer"})
        strangers = [pool.submit(ask, address, "GET", f"{BASE}/invocation/next") for _ in range(8)]

        assert {stranger.result() for stranger in strangers} == {403}
    assert reply.result().payload["of"] == "of a customer"
    assert function.invoke().payload["calls"] == 3


def test_another_user_gets_no_events(any_emulator: Emulator) -> None:
    function = any_emulator.create_function(COUNTS)
    address = function.invoke().payload["address"]
    host, port = address.split(":")
    asks = f"exec 3<>/dev/tcp/{host}/{port}; printf 'GET {BASE}/invocation/next HTTP/1.1\\r\\n\\r\\n' >&3; head -1 <&3"
    user = "nobody" if os.geteuid() == 0 else None

    said = subprocess.run(["bash", "-c", asks], user=user, capture_output=True, text=True, timeout=5, check=True).stdout

    assert said.startswith("HTTP/1.1 403")
    assert function.invoke().payload["calls"] == 2


def test_a_path_that_the_runtime_api_does_not_have_is_not_an_event(any_emulator: Emulator) -> None:
    function = any_emulator.create_function("""
        import http.client, os
        def handler(event, context):
            connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=3)
            connection.request("GET", "/2018-06-01/runtime/invocation/other")
            return connection.getresponse().status
    """)

    assert function.invoke().payload == 404


def test_nothing_of_the_user_s_keys_is_in_the_emulator_s_environment_or_its_functions(
    start_emulator: Callable[..., Emulator],
) -> None:
    emulator = start_emulator(**USERS_OWN)
    function = emulator.create_function("""
        import os
        def handler(event, context):
            return dict(os.environ)
    """)

    variables = function.invoke().payload

    of_processes = [
        Path(f"/proc/{pid}/environ").read_text() for pid in (emulator.process.pid, *processes_with(function.mark))
    ]
    assert len(of_processes) > 1
    for text in (*of_processes, repr(variables)):
        assert [value for value in USERS_OWN.values() if value in text] == []
    assert emulator.key[1] not in "".join(of_processes)
    assert variables["AWS_ACCESS_KEY_ID"] != emulator.key[0]


def test_the_key_is_on_no_command_line(emulator: Emulator) -> None:
    emulator.create_function(COUNTS).invoke()

    for process in psutil.process_iter():
        try:
            assert emulator.key[1] not in " ".join(process.cmdline())
        except psutil.Error:
            continue


def test_all_that_the_emulator_writes_is_its_user_s_whatever_the_umask(
    start_emulator: Callable[..., Emulator], tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        emulator = start_emulator("--code-cache", tmp_path / "code")
    finally:
        os.umask(before)
    emulator.create_function(COUNTS).invoke()

    written = [emulator.state, tmp_path / "code", *emulator.state.rglob("*"), *(tmp_path / "code").rglob("*")]
    writable = [path for path in written if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert writable == []
    assert mode(emulator.state) == mode(tmp_path / "code") == 0o700
    assert mode(emulator.state / "credentials") == 0o600


def test_folders_that_were_open_are_closed(start_emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    code.chmod(0o777)

    start_emulator("--code-cache", code)

    assert mode(code) == 0o700


def test_a_folder_that_all_users_write_to_is_not_closed_but_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)

    with pytest.raises(SharedFolderError, match="is shared with other users of the machine: name one of your own"):
        make_private(shared)

    assert mode(shared) == 0o777


def test_a_shared_state_folder_is_one_line_and_an_exit_code(lambda_python: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    command = emulator_command("--port", free_port(), "--state", tmp_path, "--lambda-python", lambda_python)
    ended = subprocess.run(command, env=emulator_environment(), capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: the folder {tmp_path} is shared with other users")
    assert ended.stderr.count("\n") == 1


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode) & 0o777

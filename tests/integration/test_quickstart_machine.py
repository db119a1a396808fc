"""The quickstart on machines as they are: other people's settings, narrow and plain terminals, what does not answer."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
from botocore.exceptions import ConfigParseError, EndpointConnectionError, ProfileNotFound, ReadTimeoutError

from local.quickstart.aws.account import Account
from local.quickstart.commands import run, session
from local.quickstart.commands.session import explained, in_words
from local.quickstart.machine import emulator, interrupts, toolchain
from local.quickstart.machine.http_client import ask
from local.quickstart.machine.record import EmulatorProcess, Record
from local.quickstart.machine.steps import StepError, command
from local.quickstart.machine.terminal import console
from local.quickstart.machine.workspace import ROOT, Workspace
from local.quickstart.shown import model as model_report

DEAD = "http://127.0.0.1:9"
PROXIES = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), DEAD)
AWS = [
    {"AWS_PROFILE": "nowhere"},
    {"AWS_DEFAULT_PROFILE": "nowhere"},
    {"AWS_CONFIG_FILE": "broken"},
    {"AWS_SHARED_CREDENTIALS_FILE": "broken"},
    {"AWS_CONFIG_FILE": "accelerated"},
    {"AWS_ENDPOINT_URL": DEAD, "AWS_ENDPOINT_URL_S3": DEAD, "AWS_ENDPOINT_URL_SFN": DEAD},
    {"AWS_CA_BUNDLE": "/nowhere", "REQUESTS_CA_BUNDLE": "/nowhere"},
    {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "cn-north-1"},
    {"AWS_DEFAULTS_MODE": "nonsense"},
    {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    {"AWS_RETRY_MODE": "nonsense", "AWS_MAX_ATTEMPTS": "none"},
    {"AWS_REQUEST_CHECKSUM_CALCULATION": "nonsense", "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required"},
    {"AWS_DATA_PATH": "/nowhere", "AWS_SESSION_TOKEN": "of another account"},
    PROXIES,
]
CONFIGURATIONS = {"broken": "[default\nregion=", "accelerated": "[default]\ns3 =\n  use_accelerate_endpoint = true\n"}


@pytest.fixture
def asked() -> Iterator[tuple[int, list[Any]]]:
    """A server on this machine, its port, and the paths and headers that it was asked with."""
    found: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.append((self.path, dict(self.headers)))
            moved = self.path.startswith("/moved")
            self.send_response(302 if moved else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, found
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Sets variables, and writes the configuration files that they name."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def setting(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            if value in CONFIGURATIONS:
                (tmp_path / value).write_text(CONFIGURATIONS[value])
            monkeypatch.setenv(name, str(tmp_path / value) if value in CONFIGURATIONS else value)

    return setting


@pytest.mark.parametrize("variables", AWS, ids="-".join)
def test_the_emulator_is_asked_whatever_the_user_has_set_for_aws(settings, asked, tmp_path: Path, variables):
    port, requests = asked
    settings(variables)

    found = Workspace(tmp_path, port).client("s3").list_buckets()

    assert found["Buckets"] == []
    ((path, headers),) = requests
    assert path.startswith("/")
    assert "/us-east-1/s3/aws4_request" in headers["Authorization"]
    assert "X-Amz-Security-Token" not in headers


def test_this_machine_is_asked_without_a_proxy(settings, asked):
    port, requests = asked
    settings(PROXIES)

    assert ask(f"http://api.localhost:{port}/health", seconds=5).status == 200
    assert requests[0][1]["Host"] == f"api.localhost:{port}"


def test_another_host_is_asked_through_the_proxy(settings, asked):
    port, requests = asked
    settings({"http_proxy": f"http://127.0.0.1:{port}"})

    assert ask("http://api.example/health", seconds=5).status == 200
    assert requests[0][0] == "http://api.example/health"


def test_what_people_type_is_asked_as_a_part_of_the_address(asked):
    port, requests = asked

    assert ask(f"http://localhost:{port}/executions/a b/ü%20?x=1&y=ä", seconds=5).status == 200
    assert requests[0][0] == "/executions/a%20b/%C3%BC%20?x=1&y=%C3%A4"


def test_a_redirection_is_an_answer(asked):
    port, requests = asked

    assert ask(f"http://localhost:{port}/moved", seconds=5).status == 302
    assert len(requests) == 1


def test_what_is_started_for_the_emulator_inherits_nothing_that_would_mislead_it(
    settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    settings(
        {"AWS_PROFILE": "nowhere", "AWS_CA_BUNDLE": "/nowhere", "PYTHONHOME": "/nowhere", "VIRTUAL_ENV": "/nowhere"}
    )
    settings({"http_proxy": DEAD, "no_proxy": "intranet.example", "LANG": "C"})

    environment = Workspace(tmp_path, 4566).environment

    assert {"AWS_PROFILE", "AWS_CA_BUNDLE", "PYTHONHOME", "VIRTUAL_ENV"}.isdisjoint(environment)
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["NO_PROXY"] == environment["no_proxy"] == "intranet.example,127.0.0.1,localhost,.localhost"
    assert (environment["http_proxy"], environment["LANG"]) == (DEAD, "C")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ProfileNotFound(profile="x"), r"profile \(x\) could not be found: name another with --profile or AWS_PROFILE"),
        (ConfigParseError(path="/x/config"), "the AWS configuration cannot be read: .*/x/config"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:4566/"), "the emulator does not answer: .* ./quickstart logs"),
        (EndpointConnectionError(endpoint_url="http://localhost:4566/"), "the emulator does not answer: "),
        (TimeoutError("timed out"), "the emulator does not answer: timed out"),
        (
            EndpointConnectionError(endpoint_url="https://sts.amazonaws.com/"),
            '^Could not connect to the endpoint URL: "https',
        ),
        (PermissionError(13, "Permission denied", "/x"), "Permission denied: '/x'"),
    ],
)
def test_errors_of_the_machine_are_told_in_words(error: Exception, words: str):
    with pytest.raises(StepError, match=words):
        raise in_words(error)


def test_a_profile_of_the_environment_that_is_not_there_is_named(settings, tmp_path: Path):
    settings({"AWS_PROFILE": "nowhere", "AWS_CONFIG_FILE": str(tmp_path / "none")})

    with pytest.raises(
        StepError, match="there is no profile nowhere in .*/none, only none: name another with --profile or AWS_PROFILE"
    ):
        _ = Account().session


def test_interrupted_is_130_and_no_failure(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(typer.Exit) as ended, explained():
        raise KeyboardInterrupt

    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "Interrupted\n"


def test_ctrl_c_waits_for_what_must_be_whole():
    done = []

    with pytest.raises(KeyboardInterrupt), interrupts.held_back():
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")

    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_a_command_with_all_that_it_started(tmp_path: Path):
    children = tmp_path / "children"
    script = f"sleep 600 & echo $! > {children}; wait"
    timer = threading.Timer(1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    timer.start()

    with pytest.raises(KeyboardInterrupt):
        command(["sh", "-c", script], tmp_path / "log", "it failed", cwd=tmp_path)

    assert not psutil.pid_exists(int(children.read_text()))


def test_a_full_disk_is_named_whatever_failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr(session.shutil, "disk_usage", lambda _: usage)

    with pytest.raises(typer.Exit), explained():
        raise StepError("cdk deploy failed (exit code 1)")

    told = capsys.readouterr().err
    assert told == f"no space is left on the disk of {Workspace.folder()}: cdk deploy failed (exit code 1)\n"


def test_a_disk_that_was_full_for_a_moment_is_named_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "synth.log"
    log.write_text("RuntimeError: ENOSPC: no space left on device, copyfile\n")

    with pytest.raises(typer.Exit), explained():
        raise StepError("cdk synth failed (exit code 1)", log)

    assert capsys.readouterr().err.startswith("no space is left on a disk: cdk synth failed (exit code 1)\n  Runtime")


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace whose emulator is a process that only waits, with the arguments of one."""
    monkeypatch.setenv("VOUCHER_SELECTION_STATE", str(tmp_path))
    workspace = Workspace(tmp_path, 4566)
    wait = [sys.executable, "-c", "import time; time.sleep(600)", "process_emulator"]
    process = subprocess.Popen([*wait, "--port", "4566", "--state", str(tmp_path / "emulator")])
    Record(emulator=EmulatorProcess(pid=process.pid, port=4566)).write(tmp_path)
    try:
        yield workspace
    finally:
        process.kill()
        process.wait()


def test_an_emulator_is_known_by_its_arguments_whatever_the_clock_says(started: Workspace):
    known = emulator.running(started)
    assert known is not None

    Record(emulator=EmulatorProcess(pid=os.getpid(), port=4566)).write(started.state)
    assert emulator.running(started) is None


def test_a_stopped_emulator_is_told_at_once_and_can_be_ended(started: Workspace):
    known = emulator.running(started)
    assert known is not None
    process = psutil.Process(known.pid)
    process.suspend()
    while process.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)

    with pytest.raises(
        StepError, match=rf"does not answer: its process {known.pid} was stopped .* kill -CONT {known.pid}"
    ):
        emulator.check_answering(started)
    assert emulator.stop(started)
    assert emulator.running(started) is None


def test_an_emulator_of_before_the_project_was_moved_is_told(started: Workspace, tmp_path: Path):
    moved = Workspace(tmp_path / "moved", 4566)
    moved.state.mkdir()
    (started.state / "record.json").rename(moved.state / "record.json")

    with pytest.raises(StepError, match=r"started before the project was moved.* ./quickstart stop"):
        emulator.check_answering(moved)


def test_another_emulator_on_the_port_is_not_ours(started: Workspace, asked, monkeypatch: pytest.MonkeyPatch):
    port, requests = asked
    known = emulator.running(started)
    assert known is not None
    Record(emulator=EmulatorProcess(pid=known.pid, port=4566)).write(started.state)
    monkeypatch.setattr(emulator, "_START_SECONDS", 0.5)

    with pytest.raises(StepError, match=r"did not answer within 0.5 s"):
        emulator.wait_until_healthy(Workspace(started.state, port))
    assert requests


def test_a_port_that_is_taken_is_named_with_another(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StepError, match=rf"port {port} is in use by another program: .* --port {port + 11}"):
            emulator.check_port(Workspace(tmp_path, port))


def test_a_run_on_a_taken_port_says_so_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("VOUCHER_SELECTION_STATE", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(typer.Exit):
            run.run(source=str(tmp_path), port=port)

    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"port {port} is in use by another program: ")


def test_an_emulator_that_is_not_up_is_not_said_to_be_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert not emulator.stop(Workspace(tmp_path, 4566))
    assert capsys.readouterr().err == ""


def test_a_tool_is_installed_again_where_the_project_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[list[str]] = []
    monkeypatch.setattr(toolchain, "command", lambda arguments, *_, **__: asked.append([*map(str, arguments)]))
    monkeypatch.setenv("UV", "uv")
    monkeypatch.setattr(toolchain, "TOOLS", tmp_path)
    locked, first = tmp_path / "lock.txt", tmp_path / "first"
    locked.write_text("x==1")
    first.mkdir()

    def install(place: Path) -> str:
        asked.clear()
        toolchain.install(Workspace(tmp_path, 4566), toolchain.Tool("it", place, locked))
        return " ".join(asked[0]) if asked else ""

    assert "--clear" in install(first)
    assert install(first) == ""
    locked.write_text("x==2")
    assert "--allow-existing" in install(first)
    moved = first.rename(tmp_path / "moved")
    assert "--clear" in install(moved)


def test_tools_are_installed_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    meeting = threading.Barrier(2, timeout=10)
    monkeypatch.setattr(toolchain, "TOOLS", tmp_path)
    monkeypatch.setattr(toolchain, "command", lambda *_, **__: meeting.wait())
    monkeypatch.setenv("UV", "uv")

    toolchain.install(Workspace(tmp_path, 4566), *(tool_in(tmp_path / name) for name in ("first", "second")))

    assert [(tmp_path / name / "locked").read_text().partition("\n")[2] for name in ("first", "second")] == ["x==1"] * 2


def test_two_commands_at_once_install_a_tool_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def install_slowly(arguments: Sequence[str | Path], *_: Any, **__: Any) -> None:
        asked.append(str(arguments[1]))
        time.sleep(0.2)

    monkeypatch.setattr(toolchain, "command", install_slowly)
    monkeypatch.setattr(toolchain, "TOOLS", tmp_path)
    monkeypatch.setenv("UV", "uv")
    tool = tool_in(tmp_path / "tool")

    with ThreadPoolExecutor() as commands:
        for _ in range(2):
            commands.submit(toolchain.install, Workspace(tmp_path, 4566), tool)

    assert asked == ["venv", "pip"]


def test_a_tool_that_cannot_be_installed_ends_the_others_and_shows_its_own_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pretended = tmp_path / "uv"
    pretended.write_text('#!/bin/sh\ncase "$*" in *slow*) exec sleep 600 ;; esac\necho "not found: x==1"; exit 2\n')
    pretended.chmod(0o700)
    monkeypatch.setenv("UV", str(pretended))
    monkeypatch.setattr(toolchain, "TOOLS", tmp_path)
    slow, broken = tool_in(tmp_path / "slow"), tool_in(tmp_path / "broken")
    began = time.monotonic()

    with pytest.raises(StepError) as failed:
        toolchain.install(Workspace(tmp_path, 4566), slow, broken)

    assert time.monotonic() - began < 60
    assert failed.value.log is not None
    assert "not found: x==1" in failed.value.log.read_text()
    assert not (slow.folder / "locked").exists()
    assert "sleep" not in [child.name() for child in psutil.Process().children(recursive=True)]


def tool_in(folder: Path) -> toolchain.Tool:
    folder.mkdir()
    lock = folder.with_suffix(".txt")
    lock.write_text("x==1")
    return toolchain.Tool(folder.name, folder, lock)


ODD_PYTHON = {
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "PYTHONINSPECT": "1",
    "PYTHONWARNINGS": "error",
    "VIRTUAL_ENV": "/nowhere",
    "UV_PYTHON": "3.9",
    "TMPDIR": "/nowhere",
}


@pytest.mark.parametrize(
    "variables",
    [
        ODD_PYTHON,
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["python", "ascii", "posix"],
)
def test_the_program_starts_whatever_the_user_has_set_for_python(variables, tmp_path: Path):
    environment = {**os.environ, **variables, "VOUCHER_SELECTION_STATE": str(tmp_path)}

    done = subprocess.run(
        [ROOT / "quickstart", "run", "--source", "…"], env=environment, capture_output=True, check=False, timeout=60
    )

    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"there is no file or folder" in done.stderr


def test_an_encoding_without_our_marks_gets_plain_ones():
    program = "from local.quickstart.machine.terminal import console; console.print('✓ █▓▒░ → é …')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared/python'}"}

    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True, cwd=ROOT)

    assert told.stdout == b"+ #=-. -> ? ...\n"


def test_nothing_is_cut_off_on_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    counts = [{"voucher_amount": 1_234_567.0, "count": 3}, {"voucher_amount": 1_234_568.0, "count": 2}]
    segment = {"country_code": "Peru", "segment_name": "frequent_segment", "segment": "1-4", "support": 5}
    monkeypatch.setattr(console, "width", 40)

    model_report.show_segments(
        {"model": {"cur_date": "2018-09-15", "window": {}}, "segments": [segment | {"assignments": counts}]}
    )

    (row,) = [line.split() for line in capsys.readouterr().out.splitlines() if "1-4" in line]
    assert row == ["Peru", "frequent_segment", "1-4", "1234567", "5", "60.0%", "1234568", "at", "40.0%"]

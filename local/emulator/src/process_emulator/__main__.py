"""Start the emulator in this process: `python -m process_emulator --port 4566 --state DIR --lambda-python PYTHON`."""

from __future__ import annotations

import argparse
import errno
import fcntl
import gc
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import IO, NoReturn

from process_emulator.code_store import remove_unused_code
from process_emulator.credentials import KEYS
from process_emulator.interpreter import InterpreterError, inspect_interpreter
from process_emulator.loaded_services import load_when_ready
from process_emulator.offline import inherited_environment, offline_environment, stay_with_loopback_names
from process_emulator.private_folders import SharedFolderError, make_private
from process_emulator.service_catalog import keep_catalog
from process_emulator.settings import HOST, PREFIX, Isolation, Settings
from process_emulator.worked_out_once import make_no_addresses, parse_content_types_once, read_models_once

EXIT_USAGE = 2
EXIT_PORT_IN_USE = 3
EXIT_STATE_IN_USE = 4
LEAST_ENVIRONMENTS = 2

THREAD_SWITCH_SECONDS = 0.0005
"""A tenth of Python's own: a request waits less for threads that do other work, and its slowest answers come sooner."""

COLLECTED_AFTER = 20_000
"""Objects, ten times Python's own number: hundreds of thousands that LocalStack keeps are looked at less often."""


class StartError(Exception):
    """Why the emulator does not start, in one line, with the exit code that says so."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def main(arguments: list[str] | None = None) -> int:
    """Run LocalStack until SIGTERM or SIGINT; return the exit code when it does not even start."""
    settings = parse_settings(arguments)
    os.umask(0o077)  # all that it writes is the user's own: code that runs, histories, keys
    try:
        inspect_interpreter(settings.lambda_python)
        check_port(settings.port)
        lock = lock_state(settings.state)
        make_private(settings.code_cache)
    except (InterpreterError, SharedFolderError) as error:
        return _refuse(StartError(EXIT_USAGE, str(error)))
    except StartError as error:
        return _refuse(error)
    with lock:
        prepare_state(settings)
        os.environ.update(offline_environment(settings, os.environ))
        os.environ.update(settings.to_environment())
        tempfile.tempdir = str(settings.state / "tmp")  # not TMPDIR, which LocalStack warns of
        KEYS.own.write(settings.state)
        # Only now: LocalStack reads its configuration from the environment when it is imported.
        KEYS.sign_internal_calls()
        stay_with_loopback_names()
        keep_catalog(settings.code_cache)
        read_models_once()
        make_no_addresses()
        parse_content_types_once()
        from process_emulator.entry_points import register_entry_points  # noqa: PLC0415

        register_entry_points()
        load_when_ready(settings.load)
        from localstack.runtime.main import main as run_localstack  # noqa: PLC0415

        sys.setswitchinterval(THREAD_SWITCH_SECONDS)
        gc.set_threshold(COLLECTED_AFTER)
        try:
            run_localstack()
        except SystemExit as ended:
            leave(ended.code)
    return 0


def leave(exit_code: object) -> NoReturn:
    """End the process without Python's own cleanup: it looks at each of LocalStack's objects, for many seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code if isinstance(exit_code, int) else 0)


def parse_settings(arguments: list[str] | None = None) -> Settings:
    """Read the command line; an option's default is its environment variable (PROCESS_EMULATOR_PORT for `--port`)."""
    parser = argparse.ArgumentParser(prog="process_emulator", description=__doc__)
    option = parser.add_argument
    option("--port", type=int, default=_default("PORT", "4566"), help="on the loopback interface, HTTP and HTTPS")
    option("--state", type=Path, default=_default("STATE"), help="folder for everything that the emulator writes")
    option("--lambda-python", type=Path, default=_default("LAMBDA_PYTHON"), help="interpreter that has awslambdaric")
    option("--code-cache", type=Path, default=_default("CODE_CACHE"), help="unzipped functions; default: in --state")
    option("--isolation", choices=list(Isolation), default=_default("ISOLATION", "auto"), help="plain: never mount")
    many = _default("ENVIRONMENTS", str(max(16, 2 * (os.process_cpu_count() or 1))))
    option("--environments", type=int, default=many, help="processes of functions at once, at most; one function: half")
    option("--load", default=_default("LOAD", ""), help="services to load before they are asked, like s3,lambda")
    chosen = parser.parse_args(arguments)
    if chosen.environments < LEAST_ENVIRONMENTS:
        parser.error(f"--environments takes {LEAST_ENVIRONMENTS} or more: a function may wait for another")
    if chosen.state is None or chosen.lambda_python is None:
        parser.error("--state and --lambda-python are required")
    state = chosen.state.absolute()
    return Settings(
        port=chosen.port,
        state=state,
        lambda_python=chosen.lambda_python.absolute(),
        code_cache=(chosen.code_cache or state / "code").absolute(),
        isolation=Isolation(chosen.isolation),
        environments=chosen.environments,
        load=_names(chosen.load),
    )


def check_port(port: int) -> None:
    """Raise StartError unless a server can listen on the port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                message = f"port {port} on {HOST} is in use: stop what listens there, or choose another with --port"
                raise StartError(EXIT_PORT_IN_USE, message) from error
            raise StartError(EXIT_USAGE, f"cannot listen on port {port} of {HOST}: {error.strerror}") from error


def lock_state(state: Path) -> IO[str]:
    """Take the state folder for this process, until the returned file is closed; StartError if another has it."""
    make_private(state)
    lock = (state / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        message = f"the state folder {state} is used by another emulator: stop that one, or give another --state"
        raise StartError(EXIT_STATE_IN_USE, message) from error
    return lock


def prepare_state(settings: Settings) -> None:
    """Make the folders that LocalStack and the functions write to; what an emulator that was killed left is removed."""
    for name in ("tmp", "environments"):
        shutil.rmtree(settings.state / name, ignore_errors=True)
        (settings.state / name).mkdir()
    (settings.state / "localstack").mkdir(exist_ok=True)
    remove_unused_code(settings.code_cache)


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _default(name: str, otherwise: str | None = None) -> str | None:
    return os.environ.get(PREFIX + name, otherwise)


def _refuse(error: StartError) -> int:
    sys.stderr.write(f"error: {error}\n")
    return error.exit_code


def start_clean() -> None:
    """Start this program again if its environment has what the emulator does not need: keys of the user's, say.

    Other programs of the user, and what the emulator starts, can see the environment that a process was started with.
    """
    environment = inherited_environment(os.environ)
    if environment != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - this program


if __name__ == "__main__":
    start_clean()
    sys.exit(main())

"""The tools that a deployment needs beside the project's environment, installed from their locks into the project."""

from pathlib import Path

from layers.build.wheels import uv
from local.quickstart.machine.steps import command, step
from local.quickstart.machine.workspace import ROOT, TOOLS, Workspace

EMULATOR = ROOT / "local/emulator"
CDK = ROOT / "local/cdk"
DOCS = ROOT / "local/docs"
EMULATOR_ENVIRONMENT = TOOLS / "emulator"
LAMBDA_ENVIRONMENT = TOOLS / "lambda"
BENCHMARK_ENVIRONMENT = TOOLS / "bench"
DOCS_ENVIRONMENT = TOOLS / "docs"
_PYTHON = "3.13"
_NO_NETWORK = "is there a connection to the package registry?"


def install(workspace: Workspace) -> None:
    """Install the emulator, the functions' runtime and the CDK's command line, unless they are there as locked.

    Raises
    ------
    StepError
        A registry could not be reached, or does not have what the locks name.
    """
    log = workspace.log("setup")
    _install_environment("the emulator", EMULATOR_ENVIRONMENT, EMULATOR / "requirements.txt", log)
    _install_environment("the functions' runtime", LAMBDA_ENVIRONMENT, EMULATOR / "runtime-requirements.txt", log)
    install_cdk(workspace)


def install_benchmarks(workspace: Workspace) -> Path:
    """Install what the benchmarks compare with, unless it is there as locked; return its Python.

    Raises
    ------
    StepError
        A registry could not be reached, or does not have what the lock names.
    """
    locked = ROOT / "requirements/bench.txt"
    _install_environment("the benchmarks' packages", BENCHMARK_ENVIRONMENT, locked, workspace.log("setup"))
    return BENCHMARK_ENVIRONMENT / "bin/python"


def install_docs(workspace: Workspace) -> None:
    """Install what makes the documentation's site, unless it is there as locked.

    Raises
    ------
    StepError
        A registry could not be reached, or does not have what the locks name.
    """
    locked = ROOT / "requirements/docs.txt"
    _install_environment("the documentation's packages", DOCS_ENVIRONMENT, locked, workspace.log("setup"))
    _install_node_packages("what draws the diagrams", DOCS, workspace)


def _install_environment(what: str, environment: Path, locked: Path, log: Path) -> None:
    # The programs of an environment contain its path.
    stamp, place = environment / "locked", f"{environment}\n".encode()
    current = place + locked.read_bytes()
    if _is_current(stamp, current):
        return
    there = "--allow-existing" if stamp.is_file() and stamp.read_bytes().startswith(place) else "--clear"
    with step(f"Installing {what}"):
        make: list[str | Path] = [uv(), "venv", "--quiet", there, "--python", _PYTHON, environment]
        command(make, log, f"Python {_PYTHON} was not found", cwd=ROOT)
        sync: list[str | Path] = [uv(), "pip", "sync", "--quiet", "--require-hashes", "--python", environment, locked]
        command(sync, log, f"{what} could not be installed: {_NO_NETWORK}", cwd=ROOT)
        stamp.write_bytes(current)


def install_cdk(workspace: Workspace) -> None:
    """Install the CDK's command line, unless it is there as locked.

    Raises
    ------
    StepError
        The registry could not be reached.
    """
    _install_node_packages("the CDK", CDK, workspace)


def _install_node_packages(what: str, folder: Path, workspace: Workspace) -> None:
    locked = (folder / "package-lock.json").read_bytes()
    stamp = folder / "node_modules/locked"
    if _is_current(stamp, locked):
        return
    with step(f"Installing {what}"):
        why = f"{what} could not be installed: {_NO_NETWORK}"
        command(["npm", "ci", "--no-progress"], workspace.log("setup"), why, cwd=folder, env=workspace.environment)
        stamp.write_bytes(locked)


def _is_current(stamp: Path, content: bytes) -> bool:
    return stamp.is_file() and stamp.read_bytes() == content

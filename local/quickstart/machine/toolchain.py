"""The tools that a deployment needs beside the project's environment, installed from their locks into the project."""

import fcntl
from collections.abc import Iterator
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from layers.build.wheels import uv
from local.quickstart.machine.at_once import at_once
from local.quickstart.machine.steps import command, step
from local.quickstart.machine.workspace import ROOT, TOOLS, Workspace

EMULATOR = ROOT / "local/emulator"
EMULATOR_ENVIRONMENT = TOOLS / "emulator"
LAMBDA_ENVIRONMENT = TOOLS / "lambda"
BENCHMARK_ENVIRONMENT = TOOLS / "bench"
DOCS_ENVIRONMENT = TOOLS / "docs"
CONTRACT_ENVIRONMENT = TOOLS / "contract"
_PYTHON = "3.13"
_NO_NETWORK = "is there a connection to the package registry?"


class Tool(NamedTuple):
    """Packages of a lock in a folder: an environment of Python, or those of npm if the lock is in the folder itself."""

    title: str
    folder: Path
    lock: Path

    @property
    def is_npm(self) -> bool:
        """Whether npm installs it."""
        return self.lock.parent == self.folder


CDK = Tool("the CDK", ROOT / "local/cdk", ROOT / "local/cdk/package-lock.json")
BENCHMARKS = Tool("the benchmarks' packages", BENCHMARK_ENVIRONMENT, ROOT / "requirements/bench.txt")
DOCS = (
    Tool("the documentation's packages", DOCS_ENVIRONMENT, ROOT / "requirements/docs.txt"),
    Tool("what draws the diagrams", ROOT / "local/docs", ROOT / "local/docs/package-lock.json"),
)
DEVELOPMENT = Tool("what tests and checks need", ROOT / ".venv", ROOT / "requirements/dev.txt")
"""The project's environment, which the script `quickstart` has made with less, and knows by the same stamp."""
CONTRACT = Tool("what checks the data contract", CONTRACT_ENVIRONMENT, ROOT / "requirements/contract.txt")
TO_EMULATE = (
    Tool("the emulator", EMULATOR_ENVIRONMENT, EMULATOR / "requirements.txt"),
    Tool("the functions' runtime", LAMBDA_ENVIRONMENT, EMULATOR / "runtime-requirements.txt"),
)
PRODUCT = (CDK, *TO_EMULATE)


def install(workspace: Workspace, *tools: Tool) -> None:
    """Install tools, all at the same time, unless they are there as locked.

    Raises
    ------
    StepError
        A registry could not be reached, or does not have what a lock names.
    """
    with at_once() as pool:
        for ended in as_completed(begin(workspace, pool, *tools).values()):
            ended.result()


def begin(workspace: Workspace, pool: Executor, *tools: Tool) -> dict[Tool, Future[None]]:
    """Begin to install the tools that are not there as locked."""
    return {tool: pool.submit(_installed, tool, workspace) for tool in tools if _stamp(tool) != _locked(tool)}


def _installed(tool: Tool, workspace: Workspace) -> None:
    with step(f"Installing {tool.title}"), _alone(tool):
        if _stamp(tool) == _locked(tool):  # by another command, meanwhile
            return
        _install(tool, workspace, "--allow-existing" if _stamp(tool).startswith(_place(tool)) else "--clear")
        _stamp_of(tool).write_bytes(_locked(tool))


@contextmanager
def _alone(tool: Tool) -> Iterator[None]:
    """Let one command at a time install a tool."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{tool.lock.parent.name}-{tool.folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stamp_of(tool: Tool) -> Path:
    return tool.folder / ("node_modules/locked" if tool.is_npm else "locked")


def _stamp(tool: Tool) -> bytes:
    stamp = _stamp_of(tool)
    return stamp.read_bytes() if stamp.is_file() else b""


def _locked(tool: Tool) -> bytes:
    return _place(tool) + tool.lock.read_bytes()


def _place(tool: Tool) -> bytes:
    """Return where an environment is: its programs contain its path."""
    return b"" if tool.is_npm else f"{tool.folder}\n".encode()


def _install(tool: Tool, workspace: Workspace, there: str) -> None:
    log = workspace.log(f"install-{tool.folder.name}")
    why = f"{tool.title} could not be installed: {_NO_NETWORK}"
    if tool.is_npm:
        # A check for advisories would ask the registry again; `./quickstart audit` does that.
        npm = ["npm", "ci", "--no-progress", "--no-audit", "--no-fund"]
        command(npm, log, why, cwd=tool.folder, env=workspace.environment)
        return
    make = ("venv", "--quiet", there, "--python", _PYTHON, tool.folder)
    command([uv(), *make], log, f"Python {_PYTHON} was not found", cwd=ROOT)
    sync = ("pip", "sync", "--quiet", "--require-hashes", "--python", tool.folder, tool.lock)
    command([uv(), *sync], log, why, cwd=ROOT)

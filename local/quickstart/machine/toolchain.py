"""The tools that a deployment needs beside the project's environment, installed from their locks into the project."""

from pathlib import Path
from typing import NamedTuple

from layers.build.wheels import uv
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
CONTRACT = Tool("what checks the data contract", CONTRACT_ENVIRONMENT, ROOT / "requirements/contract.txt")
PRODUCT = (
    Tool("the emulator", EMULATOR_ENVIRONMENT, EMULATOR / "requirements.txt"),
    Tool("the functions' runtime", LAMBDA_ENVIRONMENT, EMULATOR / "runtime-requirements.txt"),
    CDK,
)


def install(workspace: Workspace, *tools: Tool) -> None:
    """Install tools, unless they are there as locked.

    Raises
    ------
    StepError
        A registry could not be reached, or does not have what a lock names.
    """
    for tool in tools:
        stamp = tool.folder / ("node_modules/locked" if tool.is_npm else "locked")
        # The programs of an environment contain its path.
        place = b"" if tool.is_npm else f"{tool.folder}\n".encode()
        locked, known = place + tool.lock.read_bytes(), stamp.read_bytes() if stamp.is_file() else b""
        if known != locked:
            with step(f"Installing {tool.title}"):
                _install(tool, workspace, "--allow-existing" if known.startswith(place) else "--clear")
                stamp.write_bytes(locked)


def _install(tool: Tool, workspace: Workspace, there: str) -> None:
    log, why = workspace.log("setup"), f"{tool.title} could not be installed: {_NO_NETWORK}"
    if tool.is_npm:
        command(["npm", "ci", "--no-progress"], log, why, cwd=tool.folder, env=workspace.environment)
        return
    make = ("venv", "--quiet", there, "--python", _PYTHON, tool.folder)
    command([uv(), *make], log, f"Python {_PYTHON} was not found", cwd=ROOT)
    sync = ("pip", "sync", "--quiet", "--require-hashes", "--python", tool.folder, tool.lock)
    command([uv(), *sync], log, why, cwd=ROOT)

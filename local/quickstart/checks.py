"""All checks of the project: style, types, the emulator by itself, and the tests of the product."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.quickstart.steps import command, step
from local.quickstart.toolchain import EMULATOR, EMULATOR_ENVIRONMENT, LAMBDA_ENVIRONMENT
from local.quickstart.workspace import ROOT, Workspace

_PYTHON = Path(sys.executable)
_TYPED = (
    "benchmarks",
    "local/quickstart",
    "infra_cdk",
    "layers/build.py",
    "layers/shared/python/voucher_selection",
    *(f"lambdas/{name}/handler.py" for name in ("ingest", "clean", "assign", "model", "what_if", "api")),
)


def run_static_checks(workspace: Workspace) -> None:
    """Check style and types.

    Raises
    ------
    StepError
        With what was found at the end of its log.
    """
    log = workspace.log("checks")
    log.unlink(missing_ok=True)
    ruff = [_PYTHON.with_name("ruff")]
    with step("Style (ruff)"):
        command([*ruff, "check", "--no-cache"], log, "ruff found faults", cwd=ROOT)
        command([*ruff, "format", "--check", "--no-cache"], log, "files are not formatted: ruff format", cwd=ROOT)
    with step("Types (mypy --strict)"):
        mypy = _PYTHON.with_name("mypy")
        command([mypy, *_TYPED], log, "mypy found faults", cwd=ROOT)
        # It has settings of its own, for it is typed against LocalStack, which is not.
        command([mypy, "--config-file", "pyproject.toml"], log, "mypy found faults in the emulator", cwd=EMULATOR)


def run_emulator_tests(workspace: Workspace) -> None:
    """Test the emulator, in its own environment.

    Raises
    ------
    StepError
        A test failed.
    """
    log = workspace.log("emulator-tests")
    log.unlink(missing_ok=True)
    with step("The emulator's own tests"):
        python = EMULATOR_ENVIRONMENT / "bin/python"
        environment = dict(os.environ) | {"PROCESS_EMULATOR_LAMBDA_PYTHON": str(LAMBDA_ENVIRONMENT / "bin/python")}
        command([python, "-m", "pytest"], log, "tests of the emulator failed", cwd=EMULATOR, env=environment)


def run_tests(arguments: Sequence[str]) -> int:
    """Run the product's tests, their output on the terminal; return pytest's exit code."""
    return subprocess.run([_PYTHON, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode  # noqa: S603

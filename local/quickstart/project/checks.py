"""The checks of the project: style, types, imports and the like, and the tests."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.status import Status

from local.quickstart.machine.steps import StepError, command, explain
from local.quickstart.machine.terminal import notices
from local.quickstart.machine.toolchain import DOCS_ENVIRONMENT, EMULATOR
from local.quickstart.machine.workspace import ROOT, Workspace
from voucher_selection.contract.functions import FUNCTIONS

_PYTHON = Path(sys.executable)
_RUFF, _MYPY, _LINT_IMPORTS = (_PYTHON.with_name(name) for name in ("ruff", "mypy", "lint-imports"))
_TYPED = (
    "benchmarks",
    "local/quickstart",
    "infra_cdk",
    "layers/build",
    "layers/shared/python/voucher_selection",
    *(f"lambdas/{name}/handler.py" for name in FUNCTIONS),
    *(f"lambdas/api/{name}.py" for name in ("context", "page_routes", "run_routes", "starting")),
)
_AT_ONCE = 2
_TEST_PROCESSES = 3


@dataclass(frozen=True)
class Check:
    """A command that finds faults; its output goes to the log `name`. With `concludes`, its last line is shown."""

    name: str
    title: str
    arguments: Sequence[str | Path]
    why: str
    cwd: Path = ROOT
    env: Mapping[str, str] | None = None
    concludes: bool = False

    def conclusion(self, workspace: Workspace) -> str:
        """Return what to show of a check without faults: the last line of its log, if it concludes."""
        lines = workspace.log(self.name).read_text(encoding="utf-8", errors="replace").split("\n")
        return next(filter(None, reversed(lines)), "") if self.concludes else ""

    def run(self, workspace: Workspace) -> float:
        """Run the check; return its seconds.

        Raises
        ------
        StepError
            It found faults; they are at the end of its log.
        """
        log = workspace.log(self.name)
        log.unlink(missing_ok=True)
        started = time.monotonic()
        command(self.arguments, log, self.why, cwd=self.cwd, env=self.env)
        return time.monotonic() - started


def checks() -> list[Check]:
    """Return the checks without tests, the slowest first."""
    # The emulator has its own settings: it uses LocalStack, which has no types.
    own_settings = ("--config-file", "pyproject.toml")
    return [
        Check("types", "Types (mypy --strict)", (_MYPY, *_TYPED), "mypy found faults"),
        Check(
            "emulator-types",
            "The emulator's types",
            (_MYPY, *own_settings),
            "mypy found faults in the emulator",
            EMULATOR,
        ),
        Check(
            "site",
            "The documentation's site (mkdocs build --strict)",
            (DOCS_ENVIRONMENT / "bin/mkdocs", "build", "--strict"),
            "the site has loose ends",
        ),
        Check(
            "imports",
            "Who may import whom (import-linter)",
            (_LINT_IMPORTS, "--no-cache", "--no-logo"),
            "an import goes the wrong way",
            env=dict(os.environ) | {"PYTHONPATH": os.pathsep.join((".", "lambdas", "layers/shared/python"))},
        ),
        Check("style", "Style (ruff check)", (_RUFF, "check", "--no-cache"), "ruff found faults"),
        Check(
            "format",
            "Style (ruff format)",
            (_RUFF, "format", "--check", "--no-cache"),
            "files are not formatted: ruff format",
        ),
        Check(
            "secrets",
            "Secrets (detect-secrets)",
            (_PYTHON, "-m", "local.quickstart.project.supply_chain.secret_scan"),
            "a file has what looks like a secret",
        ),
        # Only what is shipped: the emulator's locks are of an older release. `./quickstart audit` has all locks.
        Check(
            "advisories",
            "Advisories on what is shipped (pip-audit)",
            (_PYTHON, "-m", "local.quickstart.project.supply_chain.audit", "--shipped", "--unaudited-is-no-fault"),
            "a package that is shipped has a known vulnerability",
            concludes=True,
        ),
    ]


NAMES = tuple(check.name for check in checks())
EMULATOR_TYPES, SITE = "emulator-types", "site"
"""The checks that need another environment: that of the emulator, and that of the documentation."""


def named(names: Sequence[str]) -> list[Check]:
    """Return the checks of these names.

    Raises
    ------
    StepError
        A check of this name does not exist.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise StepError(f"expected some of {', '.join(NAMES)}, got {', '.join(unknown)}")
    return [check for check in checks() if check.name in names]


def run_all(found: Sequence[Check], workspace: Workspace) -> None:
    """Run checks, two at a time; print a line for each that has ended.

    Raises
    ------
    StepError
        A check found faults. The end of its log has been printed.
    """
    failures: list[tuple[Check, StepError]] = []
    with notices.status("") as display, ThreadPoolExecutor(_AT_ONCE) as pool:
        going = {pool.submit(check.run, workspace): check for check in found}
        _show_going(display, list(going.values()))
        left = dict(going)
        for ended in as_completed(going):
            check = left.pop(ended)
            try:
                notices.print(f"[green]✓[/] {check.title} [dim]{ended.result():.1f} s[/]")
                if conclusion := check.conclusion(workspace):
                    notices.print(f"  {conclusion}", markup=False, soft_wrap=True)
            except StepError as error:
                notices.print(f"[red]✗[/] {check.title}")
                failures.append((check, error))
            _show_going(display, list(left.values()))
    for _, failure in failures:
        explain(failure)
    if failures:
        raise StepError(f"{len(failures)} of {len(found)} checks failed: {', '.join(c.title for c, _ in failures)}")


def _show_going(display: Status, left: Sequence[Check]) -> None:
    display.update(f"{len(left)} checks left: {', '.join(check.title for check in left)} …")


def run_tests(arguments: Sequence[str]) -> int:
    """Run the product's tests, with their output on the terminal; return pytest's exit code.

    The whole suite runs in three processes: tests that share a deployment share one, and mostly wait.
    """
    chosen = arguments or ("-n", str(_TEST_PROCESSES), "--dist", "loadscope")
    return subprocess.run([_PYTHON, "-m", "pytest", *chosen], cwd=ROOT, check=False).returncode  # noqa: S603

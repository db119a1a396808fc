"""All checks of the project: its style, its types and the like, and its tests."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.status import Status

from local.quickstart.steps import StepError, command, explain
from local.quickstart.terminal import notices
from local.quickstart.toolchain import DOCS_ENVIRONMENT, EMULATOR
from local.quickstart.workspace import ROOT, Workspace
from voucher_selection.contract.functions import FUNCTIONS

_PYTHON = Path(sys.executable)
_RUFF, _MYPY, _LINT_IMPORTS = (_PYTHON.with_name(name) for name in ("ruff", "mypy", "lint-imports"))
_TYPED = (
    "benchmarks",
    "local/quickstart",
    "local/supply_chain",
    "local/reference",
    "infra_cdk",
    "layers/build",
    "layers/shared/python/voucher_selection",
    *(f"lambdas/{name}/handler.py" for name in FUNCTIONS),
    *(f"lambdas/api/{name}.py" for name in ("context", "page_routes", "run_routes")),
)
_AT_ONCE = 2
_TEST_PROCESSES = 3


@dataclass(frozen=True)
class Check:
    """A command that finds faults; its output is in the log `name`, and with `concludes` its last line is told."""

    name: str
    title: str
    arguments: Sequence[str | Path]
    why: str
    cwd: Path = ROOT
    env: Mapping[str, str] | None = None
    concludes: bool = False

    def conclusion(self, workspace: Workspace) -> str:
        """Return what is told of a run without faults: the last line of the log where it concludes."""
        lines = workspace.log(self.name).read_text(encoding="utf-8", errors="replace").split("\n")
        return next(filter(None, reversed(lines)), "") if self.concludes else ""

    def run(self, workspace: Workspace) -> float:
        """Run it and return its seconds.

        Raises
        ------
        StepError
            With what was found at the end of its log.
        """
        log = workspace.log(self.name)
        log.unlink(missing_ok=True)
        started = time.monotonic()
        command(self.arguments, log, self.why, cwd=self.cwd, env=self.env)
        return time.monotonic() - started


def checks() -> list[Check]:
    """Return the checks that need no test of the product, those that take longest first."""
    # The emulator has settings of its own, for it is typed against LocalStack, which is not.
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
            (_PYTHON, "-m", "local.supply_chain.secret_scan"),
            "a file has what looks like a secret",
        ),
        # Of the rest of the locks, the emulator's are a release of some time ago: `./quickstart audit` tells of all.
        Check(
            "advisories",
            "Advisories on what is shipped (pip-audit)",
            (_PYTHON, "-m", "local.supply_chain.audit", "--shipped", "--unaudited-is-no-fault"),
            "a package that is shipped has a known vulnerability",
            concludes=True,
        ),
    ]


NAMES = tuple(check.name for check in checks())
EMULATOR_TYPES, SITE = "emulator-types", "site"
"""The checks that need another environment: the emulator's, and the documentation's."""


def named(names: Sequence[str]) -> list[Check]:
    """Return the checks of these names.

    Raises
    ------
    StepError
        There is no check of such a name.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise StepError(f"expected some of {', '.join(NAMES)}, got {', '.join(unknown)}")
    return [check for check in checks() if check.name in names]


def run_all(found: Sequence[Check], workspace: Workspace) -> None:
    """Run checks, two at a time, with a line for each that has ended.

    Raises
    ------
    StepError
        Faults were found; each check that found some has been explained, with the end of its log.
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
                if told := check.conclusion(workspace):
                    notices.print(f"  {told}", markup=False, soft_wrap=True)
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
    """Run the product's tests, their output on the terminal; return pytest's exit code.

    All of them take three processes: those that share a deployment have one, and wait for it most of the time.
    """
    chosen = arguments or ("-n", str(_TEST_PROCESSES), "--dist", "loadscope")
    return subprocess.run([_PYTHON, "-m", "pytest", *chosen], cwd=ROOT, check=False).returncode  # noqa: S603

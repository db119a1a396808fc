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

from local.quickstart.machine import toolchain
from local.quickstart.machine.steps import StepError, command, explain
from local.quickstart.machine.terminal import notices
from local.quickstart.machine.toolchain import CONTRACT, DEVELOPMENT, DOCS, DOCS_ENVIRONMENT, EMULATOR, PRODUCT, Tool
from local.quickstart.machine.workspace import ROOT, Workspace
from voucher_selection.contract.functions import ALL_FUNCTIONS

_PYTHON = Path(sys.executable)
_RUFF, _MYPY, _LINT_IMPORTS = (_PYTHON.with_name(name) for name in ("ruff", "mypy", "lint-imports"))
_MKDOCS = DOCS_ENVIRONMENT / "bin/mkdocs"
_TYPED = (
    "benchmarks",
    "local/quickstart",
    "infra_cdk",
    "layers/build",
    "layers/shared/python/voucher_selection",
    *(f"lambdas/{name}/handler.py" for name in ALL_FUNCTIONS),
    *(f"lambdas/api/{name}.py" for name in ("context", "export_routes", "page_routes", "run_routes", "starting")),
)
_AT_ONCE = 2
_TEST_PROCESSES = 3
# What takes minutes: an emulator, a browser, load.
_SLOW = ("browser", "e2e", "emulator", "load")


@dataclass(frozen=True)
class Check:
    """A command that finds faults; its output goes to the log `name`. With `concludes`, its last line is shown."""

    name: str
    title: str
    arguments: Sequence[str | Path]
    why: str
    cwd: Path = ROOT
    env: Mapping[str, str] | None = None
    needs: Sequence[Tool] = ()
    concludes: bool = False

    def conclusion(self, workspace: Workspace) -> str:
        """Return what to show of a check without faults: the last line of its log, if it concludes."""
        lines = workspace.log(self.name).read_text(encoding="utf-8", errors="replace").split("\n")
        return next(filter(None, reversed(lines)), "") if self.concludes else ""

    def run(self, workspace: Workspace) -> float:
        """Run the check; return its seconds, or raise `StepError` with its log if it found faults."""
        log = workspace.log(self.name)
        log.unlink(missing_ok=True)
        started = time.monotonic()
        command(self.arguments, log, self.why, cwd=self.cwd, env=self.env)
        return time.monotonic() - started


def checks() -> list[Check]:
    """Return the checks without tests, the slowest first."""
    # The emulator has its own settings: it uses LocalStack, which has no types.
    mypy_there = (_MYPY, "--config-file", "pyproject.toml")
    build = (_MKDOCS, "build", "--strict")
    lint_imports = (_LINT_IMPORTS, "--no-cache", "--no-logo")
    path = os.environ | {"PYTHONPATH": os.pathsep.join((".", "lambdas", "layers/shared/python"))}
    ruff_format = (_RUFF, "format", "--check", "--no-cache")
    # Only what is shipped: the emulator's locks are of an older release. `./quickstart audit` has all locks.
    audit = (_PYTHON, "-m", "local.quickstart", "audit", "--shipped", "--unaudited-is-no-fault")
    secret_scan = (_PYTHON, "-m", "local.quickstart.project.supply_chain.secret_scan")
    contract, broken = (_PYTHON, "-m", "tests.data_contract"), "what runs write is not what the data contract says"
    secrets, shipped = "a file has what looks like a secret", "a package that is shipped has a known vulnerability"
    wrong_types = "mypy found faults in the emulator"
    return [
        Check("secrets", "Secrets (detect-secrets)", secret_scan, secrets),
        Check("types", "Types (mypy --strict)", (_MYPY, *_TYPED), "mypy found faults"),
        Check("contract", "The data contract (datacontract test)", contract, broken, env=path, needs=[CONTRACT]),
        Check("emulator-types", "The emulator's types", mypy_there, wrong_types, EMULATOR, needs=PRODUCT),
        Check("site", "The documentation's site (mkdocs build --strict)", build, "the site has loose ends", needs=DOCS),
        Check("imports", "Who may import whom (import-linter)", lint_imports, "an import goes the wrong way", env=path),
        Check("style", "Style (ruff check)", (_RUFF, "check", "--no-cache"), "ruff found faults"),
        Check("format", "Style (ruff format)", ruff_format, "files are not formatted: ruff format"),
        Check("advisories", "Advisories on what is shipped (pip-audit)", audit, shipped, env=path, concludes=True),
    ]


NAMES = tuple(check.name for check in checks())


def quick() -> list[Check]:
    """Return the checks that go with the quick tests: all but the emulator's."""
    return [check for check in checks() if check.cwd != EMULATOR]


def named(names: Sequence[str]) -> list[Check]:
    """Return the checks of these names; raise `StepError` if there is no check of a name."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise StepError(f"expected some of {', '.join(NAMES)}, got {', '.join(unknown)}")
    return [check for check in checks() if check.name in names]


def run_all(found: Sequence[Check], workspace: Workspace) -> None:
    """Install what checks need and run them, two at a time; print a line for each that has ended.

    Raises
    ------
    StepError
        A check found faults. The end of its log has been printed.
    """
    toolchain.install(workspace, DEVELOPMENT, *(tool for check in found for tool in check.needs))
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
                    notices.print(f"  {conclusion}", markup=False)
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


def run_tests(arguments: Sequence[str], *, quick: bool = False) -> int:
    """Run the product's tests, with their output on the terminal; return pytest's exit code.

    The whole suite runs in three processes: tests that share a deployment share one, and mostly wait. With `quick`,
    what needs an emulator, a browser or load is left out; the others do not wait, and run in two.
    """
    processes = _TEST_PROCESSES if not quick else _AT_ONCE
    chosen = arguments or ("-n", str(processes), "--dist", "loadscope")
    left_out = [f"--ignore={ROOT / 'tests' / folder}" for folder in _SLOW] if quick else []
    return subprocess.run([_PYTHON, "-m", "pytest", *chosen, *left_out], cwd=ROOT, check=False).returncode  # noqa: S603

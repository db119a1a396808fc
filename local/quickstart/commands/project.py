"""Commands for those who work on the project: its checks, its CDK, its benchmarks, its locks."""

import os
import subprocess
import sys
from pathlib import Path

import typer

from local.quickstart import checks, toolchain
from local.quickstart.commands.session import explained, workspace_on
from local.quickstart.locks import write_locks
from local.quickstart.steps import StepError
from local.quickstart.workspace import ROOT

app = typer.Typer()
# Those that run beside other engines have an environment with these; the others, the project's.
ENGINE_BENCHMARKS = ("pipeline", "stages", "cost")
BENCHMARKS = (*ENGINE_BENCHMARKS, "lookups", "cold_imports")
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_PASSED_ON)
def test(context: typer.Context) -> None:
    """Run every check: style, types, the emulator's tests, and unit, integration, infrastructure and e2e tests.

    With arguments, only pytest with these: [dim]./quickstart test tests/unit -k segments[/]
    """
    workspace = workspace_on(None)
    with explained():
        if not context.args:
            toolchain.install(workspace)
            checks.run_static_checks(workspace)
            checks.run_emulator_tests(workspace)
    raise typer.Exit(checks.run_tests(context.args))


@app.command(context_settings=_PASSED_ON)
def cdk(context: typer.Context) -> None:
    """Run the project's CDK, for AWS: [dim]./quickstart cdk deploy -c stage=dev[/]"""
    workspace = workspace_on(None)
    with explained():
        toolchain.install_cdk(workspace)
    environment = dict(os.environ) | {"PATH": workspace.environment["PATH"]}
    raise typer.Exit(subprocess.run(["cdk", *context.args], cwd=ROOT, env=environment, check=False).returncode)  # noqa: S603, S607


@app.command(context_settings=_PASSED_ON)
def bench(context: typer.Context) -> None:
    """Measure what is named, with its arguments, and write its page in docs: [dim]./quickstart bench pipeline[/]"""
    name, *arguments = context.args or [""]
    with explained():
        if name not in BENCHMARKS:
            raise StepError(f"expected one of {', '.join(BENCHMARKS)}, got {name!r}")
        compared = name in ENGINE_BENCHMARKS
        python = toolchain.install_benchmarks(workspace_on(None)) if compared else Path(sys.executable)
    command = [str(python), "-m", f"benchmarks.{name}", *arguments]
    environment = dict(os.environ) | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"}
    raise typer.Exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)  # noqa: S603


@app.command()
def lock() -> None:
    """Write the locks in requirements/ anew, from the groups in pyproject.toml."""
    with explained():
        write_locks(workspace_on(None))

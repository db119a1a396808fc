"""Commands for work on the project: its checks, its CDK, its documentation, its benchmarks, its locks."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from local.quickstart.commands.session import Commands, Given, explained, workspace_on
from local.quickstart.machine import toolchain
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import ROOT
from local.quickstart.project import browser, checks
from local.quickstart.project.locks import write_locks
from local.quickstart.project.supply_chain import audit as advisories
from local.quickstart.project.supply_chain.locked import SHIPPED
from local.quickstart.settings.asked import settings_of

commands = Commands("The project")
# These run beside other engines, in an environment that has them; the others run in the project's environment.
ENGINE_BENCHMARKS = ("pipeline", "stages", "best_ranges", "exports")
BENCHMARKS = (
    *ENGINE_BENCHMARKS,
    *("start", "cost", "rates", "lookups", "cold_imports", "memory", "counts", "merge", "states", "load"),
)


@commands.shown_with(
    "./quickstart test", "./quickstart test --quick", "./quickstart test tests/unit -k segments", passed_on=True
)
def test(
    context: typer.Context,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out what needs an emulator, a browser or load.")
    ] = False,
) -> None:
    """Run every check; with arguments, only pytest with them.

    The checks are style, types and the like, and unit, integration, infrastructure, browser, e2e and other tests.
    """
    with explained():
        workspace = workspace_on()
        toolchain.install(workspace, toolchain.DEVELOPMENT)
        if not quick and browser.is_tested(context.args):
            browser.install(workspace)
        if not context.args:
            checks.run_all(checks.quick() if quick else checks.checks(), workspace)
    raise typer.Exit(checks.run_tests(context.args, quick=quick))


@commands.shown_with("./quickstart check", "./quickstart check style types")
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Of {', '.join(checks.NAMES)}; default: all.", autocompletion=lambda: checks.NAMES),
    ] = None,
) -> None:
    """Run only the checks without tests.

    They are style, types, imports, secrets and the like.
    """
    with explained():
        checks.run_all(checks.named(names or checks.NAMES), workspace_on())


@commands.shown_with(
    "./quickstart cdk bootstrap", "./quickstart cdk diff -c stage=prod", "./quickstart cdk help", passed_on=True
)
def cdk(context: typer.Context) -> None:
    """Run the project's CDK."""
    with explained():
        workspace = workspace_on()
        toolchain.install(workspace, toolchain.CDK)
    raise _ended(["cdk", *context.args], PATH=workspace.environment["PATH"])


@commands.shown_with("./quickstart docs", "./quickstart docs --build", "./quickstart docs --generate")
def docs(
    context: typer.Context,
    *,
    build: Annotated[bool, typer.Option("--build", help="Only build the site, into .build/site.")] = False,
    generate: Annotated[
        bool, typer.Option("--generate", help="Only write the pages that are made from the code.")
    ] = False,
    port: Annotated[int, typer.Option(help="The port on this machine to serve the site on.")] = 8000,
) -> None:
    """Serve the documentation as a site."""
    with explained():
        if generate:
            from local.quickstart.project.reference.pages import write_pages  # noqa: PLC0415 - the other commands need no schemas

            write_pages(context.find_root().command)
            return
        toolchain.install(workspace_on(), *toolchain.DOCS)
    order = ["build", "--strict"] if build else ["serve", "--dev-addr", f"127.0.0.1:{port}"]
    mkdocs = toolchain.DOCS_ENVIRONMENT / "bin/mkdocs"
    raise _ended([mkdocs, *order])


@commands.shown_with("./quickstart bench pipeline", "./quickstart bench lookups --help", passed_on=True)
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=f"{', '.join(BENCHMARKS)}.", autocompletion=lambda: BENCHMARKS)],
) -> None:
    """Run a benchmark, and write its page in docs."""
    with explained():
        if name not in BENCHMARKS:
            raise StepError(f"expected one of {', '.join(BENCHMARKS)}, got {name!r}")
        python = Path(sys.executable)
        if name in ENGINE_BENCHMARKS:
            toolchain.install(workspace_on(), toolchain.BENCHMARKS)
            python = toolchain.BENCHMARK_ENVIRONMENT / "bin/python"
    path = f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"
    raise _ended([python, "-m", f"benchmarks.{name}", *context.args], PYTHONPATH=path)


@commands.shown_with("./quickstart audit", "./quickstart audit --osv-url https://osv.example/v1/query")
def audit(
    osv_url: Annotated[
        str | None, typer.Option(metavar="URL", help="An API of OSV to ask for advisories, instead of PyPI.")
    ] = None,
    *,
    shipped: Annotated[bool, typer.Option("--shipped", help="Only what is shipped to Lambda.")] = False,
    lenient: Annotated[
        bool, typer.Option("--unaudited-is-no-fault", help="Only a known vulnerability is a fault.")
    ] = False,
) -> None:
    """Look for known vulnerabilities of all locked packages.

    The exit code is 1 if a package has one, and 3 if packages could not be audited, so that nothing is known of them.
    """
    with explained():
        toolchain.install(workspace_on(), toolchain.DEVELOPMENT)
    found = advisories.audit([SHIPPED] if shipped else advisories.EVERYTHING, osv_url)
    typer.echo("\n".join(found.lines()))
    raise typer.Exit(0 if lenient and found.exit_code == advisories.UNAUDITED else found.exit_code)


@commands.shown_with("./quickstart sbom", "./quickstart sbom | jq .metadata")
def sbom() -> None:
    """Print the bill of materials of what is shipped to Lambda, as CycloneDX JSON.

    It has the functions, their layers, and each package with its version, licence and digests.
    """
    with explained():
        toolchain.install(workspace_on(), toolchain.DEVELOPMENT)
        from local.quickstart.project.supply_chain.sbom import text  # noqa: PLC0415 - which it has only now

        typer.echo(text(), nl=False)


@commands.shown_with("./quickstart release", "./quickstart release --set countries=Peru,Latvia --into dist")
def release(
    *,
    into: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("dist"),
    setting: Given = None,
) -> None:
    """Write what AWS's command line deploys without Node.js.

    It is a folder for dev and one for prod, each with a template and its archives, and the bill of materials.
    """
    with explained():
        toolchain.install(workspace_on(), toolchain.DEVELOPMENT)
        from local.quickstart.project import release as releases  # noqa: PLC0415 - it starts the CDK
        from local.quickstart.project.supply_chain.sbom import text  # noqa: PLC0415 - which it has only now

        for stage in ("dev", "prod"):
            typer.echo(releases.write_release(workspace_on(), stage, settings_of(setting or (), stage), into))
        bill = into / releases.SBOM
        bill.write_text(text(), encoding="utf-8")
        typer.echo(bill)


@commands.shown_with("./quickstart lock")
def lock() -> None:
    """Write the locks in requirements/.

    Each lock is of a group in pyproject.toml.
    """
    with explained():
        write_locks(workspace_on())


def _ended(command: Sequence[str | Path], **variables: str) -> typer.Exit:
    """Run a command of the project with these variables; return the end of ours, with its exit code."""
    return typer.Exit(subprocess.run(command, cwd=ROOT, env=os.environ | variables, check=False).returncode)  # noqa: S603

"""The commands of `./quickstart`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from local.quickstart import browser, checks, deployment, emulator, functions_log, report, toolchain
from local.quickstart import source as sources
from local.quickstart.executions import Executions
from local.quickstart.locks import write_locks
from local.quickstart.record import Deployment, Record
from local.quickstart.steps import StepError, console, explain, step
from local.quickstart.workspace import ROOT, Workspace

app = typer.Typer(no_args_is_help=True, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False)
DEFAULT_PORT = 4566
# Those that run beside other engines have an environment with these; the others, the project's.
ENGINE_BENCHMARKS = ("pipeline", "stages", "cost")
BENCHMARKS = (*ENGINE_BENCHMARKS, "lookups", "cold_imports")
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

Port = Annotated[int | None, typer.Option(envvar="VOUCHER_SELECTION_PORT", help="Port of the emulator; default 4566.")]


@app.command()
def run(
    source: Annotated[
        str | None, typer.Option(help="The history: a file or folder, s3://… or https://…; default: a sample.")
    ] = None,
    country: Annotated[
        list[str] | None, typer.Option(help="A country to keep; may be given again. [dim]Peru[/]")
    ] = None,
    cur_date: Annotated[
        str | None, typer.Option(help="Days since the last order count up to it. [dim]2018-09-15, for the sample[/]")
    ] = None,
    append: Annotated[  # noqa: FBT002
        bool, typer.Option("--append", help="Add the history to the counts behind the served model.")
    ] = False,
    detach: Annotated[bool, typer.Option("-d", "--detach", help="Return once it serves.")] = False,  # noqa: FBT002
    port: Port = None,
) -> None:
    """Set up, start the emulator, deploy, run the pipeline on a history, and serve.

    Run it again with another --source while it is up: that takes seconds.
    """
    workspace = _workspace(port)
    with _explained():
        _check_date(cur_date)
        history = sources.resolve(source, workspace.state)
        toolchain.install(workspace)
        started = emulator.running(workspace) is None
        try:
            deployed = _deployed(workspace)
        except BaseException:
            if started:
                emulator.stop(workspace)
            raise
        request = {"mode": "append" if append else None, "countries": country or None, "cur_date": cur_date}
        country_served = _run_pipeline(workspace, deployed, history, request)
        report.show_addresses(deployed, country_served)
        if detach:
            console.print("It serves in the background; stop it with ./quickstart stop")
        else:
            _serve(workspace, stop_at_end=started)


@app.command()
def remodel(
    cur_date: Annotated[str | None, typer.Option(help="Days since the last order count up to it.")] = None,
    segments: Annotated[Path | None, typer.Option(help="Segment definitions: a file like segments.json.")] = None,
    run_id: Annotated[str | None, typer.Option(help="The run whose counts to use; default: those served.")] = None,
    what_if: Annotated[  # noqa: FBT002
        bool, typer.Option("--what-if", help="Only show what would change.")
    ] = False,
) -> None:
    """Make the model anew from what runs have counted, for another date or other segments, without any history.

    What is not named stays as it is served. It needs the product to be up: ./quickstart run -d
    """
    workspace = _workspace(None)
    with _explained():
        _check_date(cur_date)
        request = {
            "mode": "remodel",
            "cur_date": cur_date,
            "segments": _read_segments(segments) if segments else None,
            "run_id": run_id,
            "publish": not what_if,
        }
        executions = Executions(workspace, _running(workspace))
        name = _executed(executions, request)
        report.show_remodel(executions.summary(name))
        report.show_segments(_modelled(executions, name, workspace))


@app.command()
def assign(
    customers: Annotated[str, typer.Option(help="The customers: a parquet file or folder, s3://… or https://…")],
    segment_name: Annotated[
        str | None, typer.Option(help="The segmentation of all; default: each row's segment_name.")
    ] = None,
) -> None:
    """Write the voucher amount of every customer of parquet files, from the model that is served.

    It needs the product to be up: ./quickstart run -d
    """
    workspace = _workspace(None)
    with _explained():
        place = sources.resolve(customers, workspace.state, option="--customers")
        deployed = _running(workspace)
        executions = Executions(workspace, deployed)
        if isinstance(place, Path):
            with step(f"Uploading {place.name}"):
                place = sources.upload(place, deployed.bucket, executions.s3)
        request = {"mode": "assign", "customers": place, "segment_name": segment_name}
        report.show_assignment(executions.summary(_executed(executions, request)))


@app.command()
def stop() -> None:
    """Stop the emulator and everything that runs in it."""
    workspace = _workspace(None)
    with _explained(), step("Stopping the emulator"):
        stopped = emulator.stop(workspace)
    if not stopped:
        console.print("There was none running.")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,  # noqa: FBT002
) -> None:
    """Show what is deployed and how the last run went; exit code 1 if the emulator is not up."""
    workspace = _workspace(None)
    deployed = Record.read(workspace.state).deployment
    if emulator.running(workspace) is None or deployed is None:
        typer.echo(json.dumps({"running": False}) if as_json else "It is not running: ./quickstart run -d")
        raise typer.Exit(1)
    with _explained():
        found = _status(workspace, deployed)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        console.print(
            f"{name:<18} {json.dumps(value) if isinstance(value, dict) else value}", soft_wrap=True, markup=False
        )


@app.command()
def logs(
    function: Annotated[str, typer.Argument(help="ingest, clean, assign, model, api, or emulator.")] = "emulator",
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of the last lines.")] = 100,
) -> None:
    """Print the log of a function or of the emulator."""
    workspace = _workspace(None)
    with _explained():
        if function == "emulator":
            found = workspace.log("emulator").read_text(errors="replace").splitlines()[-lines:]
        elif function in functions_log.FUNCTIONS:
            found = functions_log.last_lines(workspace, function, lines)
        else:
            known = ", ".join([*functions_log.FUNCTIONS, "emulator"])
            raise StepError(f"there is no log of {function!r}, only of {known}")
    for line in found:
        typer.echo(line)


@app.command(context_settings=_PASSED_ON)
def test(context: typer.Context) -> None:
    """Run every check: style, types, the emulator's tests, and unit, integration, infrastructure and e2e tests.

    With arguments, only pytest with these: [dim]./quickstart test tests/unit -k segments[/]
    """
    workspace = _workspace(None)
    with _explained():
        if not context.args:
            toolchain.install(workspace)
            checks.run_static_checks(workspace)
            checks.run_emulator_tests(workspace)
        if browser.is_tested(context.args):
            browser.install(workspace)
    raise typer.Exit(checks.run_tests(context.args))


@app.command(context_settings=_PASSED_ON)
def cdk(context: typer.Context) -> None:
    """Run the project's CDK, for AWS: [dim]./quickstart cdk deploy -c stage=dev[/]"""
    workspace = _workspace(None)
    with _explained():
        toolchain.install_cdk(workspace)
    environment = dict(os.environ) | {"PATH": workspace.environment["PATH"]}
    raise typer.Exit(subprocess.run(["cdk", *context.args], cwd=ROOT, env=environment, check=False).returncode)  # noqa: S603, S607


@app.command(context_settings=_PASSED_ON)
def bench(context: typer.Context) -> None:
    """Measure what is named, with its arguments, and write its page in docs: [dim]./quickstart bench pipeline[/]"""
    name, *arguments = context.args or [""]
    with _explained():
        if name not in BENCHMARKS:
            raise StepError(f"expected one of {', '.join(BENCHMARKS)}, got {name!r}")
        compared = name in ENGINE_BENCHMARKS
        python = toolchain.install_benchmarks(_workspace(None)) if compared else Path(sys.executable)
    command = [str(python), "-m", f"benchmarks.{name}", *arguments]
    environment = dict(os.environ) | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"}
    raise typer.Exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)  # noqa: S603


@app.command()
def lock() -> None:
    """Write the locks in requirements/ anew, from the groups in pyproject.toml."""
    with _explained():
        write_locks(_workspace(None))


def _workspace(port: int | None) -> Workspace:
    """Return the workspace; on the port of the emulator that runs there, if one does."""
    workspace = Workspace.at(port or DEFAULT_PORT)
    known = emulator.running(workspace)
    if known is None:
        return workspace
    if port not in {None, known.port}:
        console.print(f"[red]the emulator is up on port {known.port}: stop it first (./quickstart stop)[/]")
        raise typer.Exit(1)
    return Workspace(workspace.state, known.port)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what goes wrong into words and an exit code."""
    try:
        yield
    except StepError as error:
        explain(error)
        raise typer.Exit(1) from error
    except (BotoCoreError, ClientError, OSError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


def _check_date(text: str | None) -> None:
    try:
        datetime.strptime(text or "2018-09-15", "%Y-%m-%d")  # noqa: DTZ007 - a date, without a zone
    except ValueError as error:
        raise StepError(f"--cur-date takes a date like 2018-09-15, not {text}") from error


def _read_segments(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StepError(f"--segments takes a JSON file; {file} is none: {error}") from error


def _running(workspace: Workspace) -> Deployment:
    deployed = Record.read(workspace.state).deployment
    if emulator.running(workspace) is None or deployed is None:
        raise StepError("it is not running: ./quickstart run -d")
    return deployed


def _deployed(workspace: Workspace) -> Deployment:
    """Bring the emulator up and the stack up to date; with both as they should be, nothing is done."""
    if emulator.running(workspace) is None:
        emulator.check_port(workspace)
        with ThreadPoolExecutor() as pool:
            # The template needs no emulator, and starting one needs no template.
            emulator.start(workspace)
            synthesized = pool.submit(deployment.synthesize, workspace)
            with step("Starting the emulator"):
                emulator.wait_until_healthy(workspace)
            with step("Bootstrapping the CDK"):
                deployment.bootstrap(workspace)
            with step("Building the functions and synthesizing the stack"):
                synthesized.result()
    elif deployed := deployment.current(workspace):
        return deployed
    else:
        with step("Building the functions and synthesizing the stack"):
            deployment.synthesize(workspace)
    with step("Deploying (cdk deploy)"):
        return deployment.deploy(workspace)


def _run_pipeline(workspace: Workspace, deployed: Deployment, history: str | Path, request: dict[str, Any]) -> str:
    """Run the state machine and show what came of it; return the first country that is served."""
    executions = Executions(workspace, deployed)
    if isinstance(history, Path):
        with step(f"Uploading {history.name}"):
            history = sources.upload(history, deployed.bucket, executions.s3)
    console.print(f"Running the pipeline on {history}", markup=False, soft_wrap=True)
    run_id = _executed(executions, request | {"source": history})
    summary = executions.summary(run_id)
    report.show_rows(summary)
    criteria = report.selection_criteria(workspace, summary["served_version"])
    report.show_segments(criteria)
    country: str = criteria["segments"][0]["country_code"]
    return country


def _modelled(executions: Executions, run_id: str, workspace: Workspace) -> dict[str, Any]:
    """Return the segments that a remodel has made: those of a what-if, or else those that are served."""
    summary = executions.summary(run_id)
    if summary["what_if_key"]:
        return executions.read(summary["what_if_key"])
    return report.selection_criteria(workspace, summary["served_version"])


def _executed(executions: Executions, request: dict[str, Any]) -> str:
    """Run the state machine to its end; return the run's id."""
    run_id = executions.start(request)
    console.print(f"  [dim]run {run_id}[/]")
    ended = report.show_progress(executions.follow(run_id))
    if ended.status != "SUCCEEDED":
        raise StepError(
            f"the run failed in {ended.current or 'its first state'} with {ended.error or ended.status}:"
            f" {ended.cause or 'no cause given'}\n"
            "A model that was served before stays served. The emulator stays up, for another run or the logs:"
            " ./quickstart logs ingest (or clean, assign, model); ./quickstart stop"
        )
    return run_id


def _serve(workspace: Workspace, *, stop_at_end: bool) -> None:
    # A shell starts background commands with Ctrl-C ignored; whoever sends one all the same means it.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        console.print("Serving until Ctrl-C …")
        emulator.wait_until_ended(workspace)
    except KeyboardInterrupt:
        console.print()
        if stop_at_end:
            with step("Stopping the emulator"):
                emulator.stop(workspace)
        else:
            console.print("The emulator was up before and stays up; stop it with ./quickstart stop")
        return
    raise StepError("the emulator ended by itself", workspace.log("emulator"))


def _status(workspace: Workspace, deployed: Deployment) -> dict[str, Any]:
    executions = Executions(workspace, deployed)
    run_id = executions.last()
    return {
        "running": True,
        "api_url": deployed.api_url,
        "endpoint_url": workspace.endpoint_url,
        "state_machine_arn": deployed.state_machine_arn,
        "bucket": deployed.bucket,
        "table": deployed.table,
        "last_run": _last_run(executions, run_id) if run_id else None,
    }


def _last_run(executions: Executions, run_id: str) -> dict[str, Any]:
    progress, summary = executions.progress(run_id), executions.summary(run_id)
    told = {
        "id": run_id,
        "status": progress.status,
        **_rows_told(summary),
        "seconds": progress.seconds,
    }
    return told | ({"error": progress.error, "cause": progress.cause} if progress.error else {})


def _rows_told(summary: dict[str, Any]) -> dict[str, Any]:
    if summary.get("mode") == "assign":
        return {"customers": summary["rows"], "assigned": summary["assigned"], "problems": summary["problems"]}
    rows = summary.get("rows", {})
    return {name: rows.get(name) for name in ("rows_read", "other_country", "rejected", "kept")}


def main() -> None:
    """Run the command line."""
    # It was only for finding this program; what it starts finds its own.
    os.environ.pop("PYTHONPATH", None)
    try:
        app(prog_name="./quickstart")
    except KeyboardInterrupt:
        sys.exit(130)

"""Commands that run the state machine: over a history, from counts, for customers."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from local.quickstart import deployment, emulator, report, toolchain
from local.quickstart import source as sources
from local.quickstart.commands.session import explained, running_deployment, workspace_on
from local.quickstart.executions import Executions
from local.quickstart.record import Deployment
from local.quickstart.steps import StepError, console, step
from local.quickstart.workspace import Workspace

app = typer.Typer()

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
    workspace = workspace_on(port)
    with explained():
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
    workspace = workspace_on(None)
    with explained():
        _check_date(cur_date)
        request = {
            "mode": "remodel",
            "cur_date": cur_date,
            "segments": _read_segments(segments) if segments else None,
            "run_id": run_id,
            "publish": not what_if,
        }
        executions = Executions(workspace, running_deployment(workspace))
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
    workspace = workspace_on(None)
    with explained():
        place = sources.resolve(customers, workspace.state, option="--customers")
        deployed = running_deployment(workspace)
        executions = Executions(workspace, deployed)
        if isinstance(place, Path):
            with step(f"Uploading {place.name}"):
                place = sources.upload(place, deployed.bucket, executions.s3)
        request = {"mode": "assign", "customers": place, "segment_name": segment_name}
        report.show_assignment(executions.summary(_executed(executions, request)))


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

"""Commands that start a run: over a history, from counts, or for customers."""

import json
import shlex
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from local.quickstart.commands.execution import run_to_end
from local.quickstart.commands.session import (
    AsJson,
    Reset,
    ResetAll,
    examples,
    explained,
    running_deployment,
    workspace_on,
)
from local.quickstart.here import deployment, executions
from local.quickstart.here import source as sources
from local.quickstart.here.api import Api
from local.quickstart.machine import emulator, toolchain
from local.quickstart.machine.record import Deployment, Record
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.terminal import answer, console, notices
from local.quickstart.machine.workspace import STAGE, Workspace
from local.quickstart.settings.asked import Asked, asked_of
from local.quickstart.settings.starting import NOT_DEPLOYED, Deployed, Start, starting_from
from local.quickstart.shown.model import show_left_behind, show_segments
from local.quickstart.shown.run import show_addresses, show_assignment, show_remodel, show_rows, show_states
from local.quickstart.shown.settings import show_gone, show_start

app = typer.Typer(rich_markup_mode="rich")
_PANEL = "Run"

Port = Annotated[int | None, typer.Option(envvar="VOUCHER_SELECTION_PORT", help="Port of the emulator; default 4566.")]


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "./quickstart run",
        "./quickstart run -d --source vouchers.parquet --country Peru --country Latvia",
        "./quickstart run -d --append --source s3://bucket/today/",
        "./quickstart run -d --source vouchers.parquet --null-date 1900-01-01",
        "./quickstart run -d --set auth=api_key --set shard_target_rows=10000",
        "./quickstart run --json | jq .run.seconds",
    ),
)
def run(  # noqa: PLR0913 - its options
    *,
    source: Annotated[
        str | None, typer.Option(help="The history: a file or folder, s3://… or https://…; default: a sample.")
    ] = None,
    country: Annotated[
        list[str] | None, typer.Option(help="A country to keep; may be given again. [dim]Peru[/]")
    ] = None,
    cur_date: Annotated[
        str | None, typer.Option(help="Days since the last order count up to it. [dim]2018-09-15, for the sample[/]")
    ] = None,
    null_date: Annotated[
        list[str] | None,
        typer.Option(help="A placeholder: a date of the history that means no date; may be given again."),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add the history to the counts behind the served model.")
    ] = False,
    detach: Annotated[bool, typer.Option("-d", "--detach", help="Return as soon as it serves.")] = False,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting of infra_cdk/stages.py; may be given again. While it is up, deployed settings stay.",
        ),
    ] = None,
    reset: Reset = None,
    reset_all: ResetAll = False,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Set up, deploy what changed, run the pipeline, and serve.

    Run it again with another --source while it is up: that takes seconds. With --json it serves in the background.
    """
    with explained(as_json=as_json):
        workspace = workspace_on(port)
        emulator.check_answering(workspace)
        _check_date("--cur-date", cur_date)
        for date in null_date or []:
            _check_date("--null-date", date)
        asked = asked_of(setting or [], reset or [], reset_all=reset_all)
        start = start_of(workspace, asked)
        history = sources.resolve(source, workspace.state)
        toolchain.install(workspace)
        started = emulator.running(workspace) is None
        request = {
            "mode": "append" if append else None,
            "countries": country or None,
            "cur_date": cur_date,
            "null_dates": null_date or None,
        }
        with _stopped_if_interrupted(workspace, started=started):
            try:
                deployed = _deployed(workspace, start)
            except Exception:
                if started:
                    emulator.stop(workspace)
                raise
            place = _uploaded(workspace, deployed, history)
            before = None if started else Api(workspace, deployed).served()
            notices.print(f"Running the pipeline on {place}", markup=False, soft_wrap=True)
            ended = run_to_end(workspace, deployed, request | {"source": place})
            served = Api(workspace, deployed).criteria_of(ended["summary"]["served_version"])
        if before:
            show_left_behind(before, served)
        if as_json:
            answer({"run": ended, "served": served, "api_url": deployed.api_url, "api_key": deployed.api_key})
            return
        show_states(ended)
        show_rows(ended["summary"])
        show_segments(served)
        show_addresses(deployed, served["segments"][0]["country_code"])
        if detach:
            console.print("It serves in the background; stop it with ./quickstart stop")
        else:
            _serve(workspace, deployed, stop_at_end=started)


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "./quickstart remodel --cur-date 2018-10-01",
        "./quickstart remodel --what-if --segments my-segments.json",
    ),
)
def remodel(
    *,
    cur_date: Annotated[str | None, typer.Option(help="Days since the last order count up to it.")] = None,
    segments: Annotated[Path | None, typer.Option(help="Segment definitions: a file like segments.json.")] = None,
    run_id: Annotated[
        str | None, typer.Option(help="The run whose counts to use; default: those behind the served model.")
    ] = None,
    what_if: Annotated[bool, typer.Option("--what-if", help="Only show what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the model again from counts: for another date, or segments.

    Inputs that are not named stay as served. The product must be up: ./quickstart run -d
    """
    with explained(as_json=as_json):
        workspace = workspace_on()
        _check_date("--cur-date", cur_date)
        request = {
            "mode": "remodel",
            "cur_date": cur_date,
            "segments": _read_segments(segments) if segments else None,
            "run_id": run_id,
            "publish": not what_if,
        }
        deployed = running_deployment(workspace)
        ended = run_to_end(workspace, deployed, request)
        summary = ended["summary"]
        modelled = (
            executions.what_if(workspace, deployed, summary["what_if_key"])
            if summary["what_if_key"]
            else Api(workspace, deployed).criteria_of(summary["served_version"])
        )
        if as_json:
            changed = {key: summary[key] for key in ("changed_segments", "changes")}
            answer({"run": ended, **changed, "modelled": modelled})
            return
        show_states(ended)
        show_remodel(summary)
        show_segments(modelled)
        if segments and not what_if:
            notices.print(
                "The next full run uses the deployment's own segments again. To make these its own:"
                f" ./quickstart run --set segments_file={shlex.quote(str(segments))}",
                markup=False,
                soft_wrap=True,
            )


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "./quickstart assign --customers customers.parquet",
        "./quickstart assign --customers s3://bucket/customers/ --segment-name recency_segment",
    ),
)
def assign(
    *,
    customers: Annotated[str, typer.Option(help="The customers: a parquet file or folder, s3://… or https://…")],
    segment_name: Annotated[
        str | None, typer.Option(help="The segmentation for all customers; default: each row's segment_name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the amount of every customer in parquet files.

    The amounts are those of the served model. The product must be up: ./quickstart run -d
    """
    with explained(as_json=as_json):
        workspace = workspace_on()
        place = sources.resolve(customers, workspace.state, option="--customers")
        deployed = running_deployment(workspace)
        place = _uploaded(workspace, deployed, place)
        ended = run_to_end(workspace, deployed, {"mode": "assign", "customers": place, "segment_name": segment_name})
        if as_json:
            answer({"run": ended, "output": ended["summary"]["output"]})
            return
        show_states(ended)
        show_assignment(ended["summary"])


def _check_date(option: str, text: str | None) -> None:
    try:
        datetime.strptime(text or "2018-09-15", "%Y-%m-%d")  # noqa: DTZ007 - a date, without a zone
    except ValueError as error:
        raise StepError(f"{option} takes a date like 2018-09-15, not {text}") from error


def _read_segments(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise StepError(f"--segments takes a JSON file; {file} is not JSON: {error}") from error


def start_of(workspace: Workspace, asked: Asked) -> Start:
    """Return the settings to deploy; while the emulator is up, the deployed ones stay."""
    known, found = Record.read(workspace.state).deployment, NOT_DEPLOYED
    if known and emulator.running(workspace):
        found = Deployed(is_there=True, settings=known.deployed_settings)
    elif known:  # the emulator died; `stop` would have printed the settings
        _show_gone(workspace, known)
    start = starting_from(found, asked, STAGE, workspace.state)
    if found.is_there and start.rows():
        show_start(start)
    return start


def _deployed(workspace: Workspace, start: Start) -> Deployment:
    """Start the emulator and update the stack, as far as needed; return the deployment."""
    if emulator.running(workspace) is None:
        emulator.check_port(workspace)
        with ThreadPoolExecutor() as pool:
            # The template is made while the emulator starts: neither needs the other.
            emulator.start(workspace)
            synthesized = pool.submit(deployment.synthesize, workspace, start.settings)
            with step("Starting the emulator"):
                emulator.wait_until_healthy(workspace)
            with step("Bootstrapping the CDK"):
                deployment.bootstrap(workspace)
            with step("Building the functions and synthesizing the stack"):
                synthesized.result()
    elif deployed := deployment.current(workspace, start.stage):
        return deployed
    else:
        with step("Building the functions and synthesizing the stack"):
            deployment.synthesize(workspace, start.settings)
    with step("Deploying (cdk deploy)"):
        return deployment.deploy(workspace, start.stage)


def _uploaded(workspace: Workspace, deployed: Deployment, place: str | Path) -> str:
    """Return a source's address for the functions; a local source is uploaded."""
    if isinstance(place, str):
        return place
    with step(f"Uploading {place.name}"):
        return sources.upload(place, deployed.bucket, workspace.client("s3"))


@contextmanager
def _stopped_if_interrupted(workspace: Workspace, *, started: bool) -> Iterator[None]:
    """Stop the emulator on Ctrl-C if this command started it; a failed run leaves it up, for its logs."""
    try:
        yield
    except KeyboardInterrupt:
        if started:
            with step("Stopping the emulator"):
                emulator.stop(workspace)
        raise


def _show_gone(workspace: Workspace, deployed: Deployment) -> None:
    show_gone(deployed.deployed_settings or {}, STAGE, workspace.state, "./quickstart run")


def _serve(workspace: Workspace, deployed: Deployment, *, stop_at_end: bool) -> None:
    # A shell starts background commands with Ctrl-C ignored; a signal that is sent all the same must count.
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
            _show_gone(workspace, deployed)
        else:
            console.print("The emulator was up before and stays up; stop it with ./quickstart stop")
        return
    raise StepError("the emulator has ended without ./quickstart stop", workspace.log("emulator"))

"""The command that sets up, deploys, runs the pipeline on a history, and serves."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from infra_cdk.packaging import packages_for
from local.quickstart.commands.execution import (
    Csv,
    Overlap,
    Window,
    check_dates,
    check_window,
    csv_options,
    looked_at,
    run_to_end,
    uploaded,
)
from local.quickstart.commands.session import AsJson, Commands, Given, Product, Reset, ResetAll, explained, workspace_on
from local.quickstart.here import deployment
from local.quickstart.machine import emulator, toolchain
from local.quickstart.machine.at_once import at_once
from local.quickstart.machine.record import Deployment, Record
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.terminal import answer, console, notices
from local.quickstart.machine.toolchain import Tool
from local.quickstart.machine.workspace import STAGE, Workspace
from local.quickstart.settings.asked import Asked, asked_of
from local.quickstart.settings.starting import NOT_DEPLOYED, Deployed, Start, starting_from
from local.quickstart.shown.model import show_left_behind, show_segments
from local.quickstart.shown.run import show_addresses, show_rows, show_states
from local.quickstart.shown.settings import show_gone_here, show_start

if TYPE_CHECKING:
    from voucher_selection.api.run_reports import RunReport
    from voucher_selection.domain.model_document import SelectionCriteria

commands = Commands("Run")

Port = Annotated[int | None, typer.Option(envvar="VOUCHER_SELECTION_PORT", help="Port of the emulator; default 4566.")]


@commands.shown_with(
    "./quickstart run",
    "./quickstart run -d --source vouchers.parquet --country Peru --country Latvia",
    "./quickstart run -d --append --source s3://bucket/today/",
    "./quickstart run -d --append --overlap replace --source s3://bucket/this-month/",
    "./quickstart run -d --source vouchers.parquet --window 90",
    "./quickstart run -d --source vouchers.parquet --null-date 1900-01-01",
    "./quickstart run -d --source vouchers.csv --csv 'decimal=,' --csv date_format=%d/%m/%Y",
    "./quickstart run -d --set auth=api_key --set shard_target_rows=10000",
    "./quickstart run --json | jq .run.seconds",
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
    csv: Csv = None,
    window: Window = None,
    overlap: Overlap = None,
    detach: Annotated[bool, typer.Option("-d", "--detach", help="Return as soon as it serves.")] = False,
    setting: Given = None,
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
        if not (is_up := emulator.running(workspace) is not None):
            emulator.check_port(workspace)
        check_dates("--cur-date", [cur_date] if cur_date else [])
        check_dates("--null-date", null_date or [])
        check_window(window)
        if overlap and not append:
            raise StepError("--overlap says what --append does with days that are counted already: give both")
        options = csv_options(csv)
        start = start_of(workspace, asked_of(setting or [], reset or [], reset_all=reset_all))
        resolved = looked_at(source, "history", options, workspace.state, "--source")
        started = not is_up
        request = {
            "mode": "append" if append else None,
            "countries": country or None,
            "cur_date": cur_date,
            "null_dates": null_date or None,
            "csv": options and options.model_dump(exclude_none=True),
            "window": window,
            "overlap": overlap,
        }
        with _stopped_on(KeyboardInterrupt, workspace, started=started):
            with _stopped_on(Exception, workspace, started=started):
                product = Product(workspace, _up_to_date(workspace, start))
            before = None if started else product.api.served()
            request["source"] = uploaded(product, resolved)
            notices.print(f"Running the pipeline on {request['source']}", markup=False)
            ended = run_to_end(product, request)
            served = product.api.criteria_of(ended["summary"]["served_version"])
        if before:
            show_left_behind(before, served)
        deployed = product.deployed
        if as_json:
            answer({"run": ended, "served": served, "api_url": deployed.api_url, "api_key": deployed.api_key})
            return
        _show(deployed, ended, served)
        if detach:
            console.print("It serves in the background; stop it with ./quickstart stop")
        else:
            _serve(product, stop_at_end=started)


def _show(deployed: Deployment, ended: "RunReport", served: "SelectionCriteria") -> None:
    show_states(ended)
    show_rows(ended["summary"])
    show_segments(served)
    show_addresses(deployed, served["segments"][0]["country_code"])


def start_of(workspace: Workspace, asked: Asked) -> Start:
    """Return the settings to deploy; while the emulator is up, the deployed ones stay."""
    known, found = Record.read(workspace.state).deployment, NOT_DEPLOYED
    if known and emulator.running(workspace):
        found = Deployed(is_there=True, settings=known.deployed_settings)
    elif known:  # the emulator died; `stop` would have printed the settings
        show_gone_here(workspace, known)
    start = starting_from(found, asked, STAGE, workspace.state)
    if found.is_there and start.rows():
        show_start(start)
    return start


def _up_to_date(workspace: Workspace, start: Start) -> Deployment:
    """Install the tools, start the emulator and update the stack, as far as needed; return the deployment."""
    if emulator.running(workspace) is None:
        _start_and_synthesize(workspace, start)
    else:
        toolchain.install(workspace, *toolchain.PRODUCT)
        if deployed := deployment.current(workspace, start.stage):
            return deployed
        _synthesized(workspace, start)
    with step("Deploying (cdk deploy)", partial(deployment.how_far, workspace)):
        return deployment.deploy(workspace)


def _start_and_synthesize(workspace: Workspace, start: Start) -> None:
    """Do at the same time what needs nothing of each other; each begins when its tools are there."""
    with at_once() as pool:
        tools = toolchain.begin(workspace, pool, *toolchain.PRODUCT)

        def with_tools(needed: Sequence[Tool], work: Callable[[], None]) -> Future[None]:
            def begun() -> None:
                for tool in needed:
                    if tool in tools:
                        tools[tool].result()
                work()

            return pool.submit(begun)

        started = with_tools(toolchain.TO_EMULATE, partial(emulator.start, workspace))
        pool.submit(import_module, "boto3")  # which then asks the emulator
        going = [*tools.values()]
        if not deployment.is_synthesized(workspace, start.stage):
            # The functions first, which takes longest: the synthesis finds them built, or waits for them.
            pool.submit(packages_for, start.stage)
            going.append(with_tools([toolchain.CDK], partial(_synthesized, workspace, start)))
        started.result()
        with step("Starting the emulator"):  # not in a thread, which Ctrl-C would have to wait for
            emulator.wait_until_healthy(workspace)
            deployment.bootstrap(workspace)
        for ended in as_completed(going):
            ended.result()


def _synthesized(workspace: Workspace, start: Start) -> None:
    with step("Building the functions and synthesizing the stack"):
        deployment.synthesize(workspace, start.stage, start.settings)


@contextmanager
def _stopped_on(error: type[BaseException], workspace: Workspace, *, started: bool) -> Iterator[None]:
    """Stop the emulator on an error if this command started it; a failed run leaves it up, for its logs."""
    try:
        yield
    except error:
        if started:
            emulator.stop(workspace)
        raise


def _serve(product: Product, *, stop_at_end: bool) -> None:
    # A shell starts background commands with Ctrl-C ignored; a signal that is sent all the same must count.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        console.print("Serving until Ctrl-C …")
        emulator.wait_until_ended(product.workspace)
    except KeyboardInterrupt:
        console.print()
        if stop_at_end:
            emulator.stop(product.workspace)
            show_gone_here(*product)
        else:
            console.print("The emulator was up before and stays up; stop it with ./quickstart stop")
        return
    raise StepError("the emulator has ended without ./quickstart stop", product.workspace.log("emulator"))

"""Commands about the running product: its state, its runs, its logs, its end."""

from typing import Annotated, Any

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained, workspace_on
from local.quickstart.here import functions_log
from local.quickstart.machine import emulator
from local.quickstart.machine.record import Record
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.terminal import answer, console
from local.quickstart.machine.workspace import REGION, Workspace
from local.quickstart.settings import starting as starting_settings
from local.quickstart.shown.runs import show_run, show_runs
from local.quickstart.shown.settings import show_gone_here
from voucher_selection.api.run_reports import MOST_RUNS
from voucher_selection.contract.functions import FUNCTIONS, INBOX

commands = Commands("What is up")
_EMULATOR = "emulator"
_FUNCTIONS = (*FUNCTIONS, INBOX)
_LOGS = (*_FUNCTIONS, _EMULATOR)


@commands.shown_with("./quickstart status", "./quickstart status --json | jq -r .api_url")
def status(*, as_json: AsJson = False) -> None:
    """Show what is deployed and how the last run went.

    Exit code 1 if nothing is up.
    """
    with explained(as_json=as_json):
        product = Product.if_up()
        found = _status(product) if product else {"running": False}
    if as_json:
        answer(found)
    elif product:
        _show_status(found, product.workspace)
    else:
        console.print("It is not running: ./quickstart run -d")
    raise typer.Exit(0 if product else 1)


@commands.shown_with("./quickstart runs", "./quickstart runs -n 3 --json", "./quickstart runs run-6f5b966c")
def runs(
    *,
    run_id: Annotated[str | None, typer.Argument(help="A run to show, with all its facts.")] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=MOST_RUNS, help="How many of the last runs to list.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """List the last runs, or show one."""
    with explained(as_json=as_json):
        api = Product.running().api
        found = api.run(run_id) if run_id else None
        listed = [] if run_id else api.runs()["runs"][:count]
    if as_json:
        answer(found or {"runs": listed})
    elif found:
        show_run(found)
    else:
        show_runs(listed)


@commands.shown_with("./quickstart logs ingest", "./quickstart logs api -n 20")
def logs(
    *,
    function: Annotated[
        str, typer.Argument(help=f"{', '.join(_FUNCTIONS)}, or emulator.", autocompletion=lambda: _LOGS)
    ] = _EMULATOR,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of the last lines to print.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Print the log of a function or of the emulator."""
    with explained(as_json=as_json):
        if function == _EMULATOR:
            log = workspace_on().log(_EMULATOR)
            if not log.is_file():
                raise StepError("the emulator has not been started yet: ./quickstart run -d")
            found = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        elif function in _FUNCTIONS:
            found = functions_log.last_lines(Product.running().workspace, function, lines)
        else:
            raise StepError(f"expected one of {', '.join(_LOGS)}, got {function!r}")
    if as_json:
        answer({"of": function, "lines": found})
        return
    for line in found:
        typer.echo(line)


@commands.shown_with("./quickstart stop")
def stop(*, as_json: AsJson = False) -> None:
    """Stop the emulator and everything that runs in it."""
    with explained(as_json=as_json):
        workspace = workspace_on()
        deployed = Record.read(workspace.state).deployment
        stopped = emulator.stop(workspace)
        if stopped and deployed:
            show_gone_here(workspace, deployed)
    if as_json:
        answer({"stopped": stopped})
    elif not stopped:
        console.print("No emulator was running.")


def _status(product: Product) -> dict[str, Any]:
    workspace, deployed = product
    return {
        "running": True,
        "api_url": deployed.api_url,
        "api_key": deployed.api_key,
        "endpoint_url": workspace.endpoint_url,
        **workspace.key._asdict(),
        "region": REGION,
        "state_machine_arn": deployed.state_machine_arn,
        "bucket": deployed.bucket,
        "table": deployed.table,
        "settings": deployed.deployed_settings or {},
        "last_run": product.api.last_run(),
    }


def _show_status(found: dict[str, Any], workspace: Workspace) -> None:
    facts = {name: value for name, value in found.items() if name not in {"running", "settings", "last_run"}}
    facts["settings"] = starting_settings.shown(found["settings"])
    for name, value in facts.items():
        console.print(f"{name:<24} {value or 'none'}", markup=False)
    console.print("\nFor aws and other programs on this machine")
    exports = [f"{name}={value}" for name, value in workspace.variables.items()]
    console.print(" ".join(["export", *exports]), markup=False)
    console.print()
    if found["last_run"]:
        console.print("The last run", style="bold")
        show_run(found["last_run"])
    else:
        console.print("Nothing has run yet.")

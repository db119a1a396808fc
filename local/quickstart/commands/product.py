"""Commands about what is up: its state, its logs, its end."""

import json
from typing import Annotated, Any

import typer

from local.quickstart import emulator, functions_log
from local.quickstart.commands.session import explained, workspace_on
from local.quickstart.executions import Executions
from local.quickstart.record import Deployment, Record
from local.quickstart.steps import StepError, console, step
from local.quickstart.workspace import Workspace

app = typer.Typer()


@app.command()
def stop() -> None:
    """Stop the emulator and everything that runs in it."""
    workspace = workspace_on(None)
    with explained(), step("Stopping the emulator"):
        stopped = emulator.stop(workspace)
    if not stopped:
        console.print("There was none running.")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,  # noqa: FBT002
) -> None:
    """Show what is deployed and how the last run went; exit code 1 if the emulator is not up."""
    workspace = workspace_on(None)
    deployed = Record.read(workspace.state).deployment
    if emulator.running(workspace) is None or deployed is None:
        typer.echo(json.dumps({"running": False}) if as_json else "It is not running: ./quickstart run -d")
        raise typer.Exit(1)
    with explained():
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
    workspace = workspace_on(None)
    with explained():
        if function == "emulator":
            found = workspace.log("emulator").read_text(errors="replace").splitlines()[-lines:]
        elif function in functions_log.FUNCTIONS:
            found = functions_log.last_lines(workspace, function, lines)
        else:
            known = ", ".join([*functions_log.FUNCTIONS, "emulator"])
            raise StepError(f"there is no log of {function!r}, only of {known}")
    for line in found:
        typer.echo(line)


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

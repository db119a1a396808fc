"""What every command begins and ends with: its workspace, what runs there, and errors in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from botocore.exceptions import BotoCoreError, ClientError

from local.quickstart import emulator
from local.quickstart.record import Deployment, Record
from local.quickstart.steps import StepError, console, explain
from local.quickstart.workspace import Workspace

DEFAULT_PORT = 4566


def workspace_on(port: int | None) -> Workspace:
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
def explained() -> Iterator[None]:
    """Turn what goes wrong into words and an exit code."""
    try:
        yield
    except StepError as error:
        explain(error)
        raise typer.Exit(1) from error
    except (BotoCoreError, ClientError, OSError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


def running_deployment(workspace: Workspace) -> Deployment:
    deployed = Record.read(workspace.state).deployment
    if emulator.running(workspace) is None or deployed is None:
        raise StepError("it is not running: ./quickstart run -d")
    return deployed

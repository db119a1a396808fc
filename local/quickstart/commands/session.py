"""What every command begins and ends with: its workspace, what runs there, and errors in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from local.quickstart import emulator
from local.quickstart.record import Deployment, Record
from local.quickstart.steps import StepError, explain
from local.quickstart.terminal import answer_error
from local.quickstart.workspace import Workspace

DEFAULT_PORT = 4566
AS_JSON = "--json"

Reset = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A setting that returns to its default; may be given again."),
]
ResetAll = Annotated[bool, typer.Option("--reset-all", help="Start from the defaults, whatever is deployed.")]
AsJson = Annotated[bool, typer.Option(AS_JSON, help="Print one JSON document on stdout, for programs.")]


def examples(*lines: str) -> str:
    """Return the end of a command's help."""
    return "\n".join(["[bold]Examples[/]", *(f"  {escape(line)}" for line in lines)])


def workspace_on(port: int | None = None) -> Workspace:
    """Return the workspace; on the port of the emulator that runs there, if one does.

    Raises
    ------
    StepError
        One does, on another port than the one asked for.
    """
    workspace = Workspace.at(port or DEFAULT_PORT)
    known = emulator.running(workspace)
    if known is None:
        return workspace
    if port not in {None, known.port}:
        raise StepError(f"the emulator is up on port {known.port}: stop it first (./quickstart stop)")
    return Workspace(workspace.state, known.port)


def running_deployment(workspace: Workspace) -> Deployment:
    """Return what is deployed to the emulator that is up.

    Raises
    ------
    StepError
        None is up, or nothing is deployed.
    """
    deployed = Record.read(workspace.state).deployment
    if emulator.running(workspace) is None or deployed is None:
        raise StepError("it is not running: ./quickstart run -d")
    return deployed


@contextmanager
def explained(*, as_json: bool = False) -> Iterator[None]:
    """Turn what goes wrong into words on stderr, or JSON on stdout, and an exit code."""
    try:
        yield
    except StepError as error:
        _tell(error, as_json=as_json)
    except (BotoCoreError, ClientError, OSError) as error:
        _tell(StepError(str(error)), as_json=as_json)


def _tell(error: StepError, *, as_json: bool) -> None:
    if as_json:
        log = {"log": str(error.log)} if error.log else {}
        answer_error(str(error), error.facts | log)
    else:
        explain(error)
    raise typer.Exit(1) from error
